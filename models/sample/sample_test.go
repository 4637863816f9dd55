package sample_test

import (
	"bytes"
	"context"
	"testing"

	"seghub/models/imageio"
	"seghub/models/sample"
)

func TestSamplesAreTheSamePicturesEachTime(t *testing.T) {
	if len(sample.Names()) < 3 {
		t.Fatalf("there are %d samples", len(sample.Names()))
	}
	for _, name := range sample.Names() {
		first, err := sample.PNG(name)
		if err != nil {
			t.Fatal(err)
		}
		again, err := sample.PNG(name)
		if err != nil || !bytes.Equal(first, again) {
			t.Errorf("%s: the second time is another picture (%v)", name, err)
		}
		header, err := imageio.ReadHeader(bytes.NewReader(first))
		if err != nil || header.Format != "png" {
			t.Errorf("%s: %+v, %v", name, header, err)
		}
		if _, err := imageio.Decode(context.Background(), bytes.NewReader(first), 4<<20, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := sample.PNG("none"); err == nil {
		t.Error("there is a sample none")
	}
}
