package sample_test

import (
	"bytes"
	"context"
	"testing"

	"seghub/models/imageio"
	"seghub/models/mask"
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

func TestSpheroidsAreDarkWhereTheMaskSays(t *testing.T) {
	for seed := range int64(8) {
		img, spheroids := sample.Spheroids(seed, 300, 240)
		if img.Width != 300 || img.Height != 240 || img.Channels != 1 || len(img.Pix) != 300*240 || len(spheroids) != 300*240 {
			t.Fatalf("seed %d: %dx%dx%d, %d samples, %d of the mask", seed, img.Width, img.Height, img.Channels, len(img.Pix), len(spheroids))
		}
		again, _ := sample.Spheroids(seed, 300, 240)
		if !bytes.Equal(again.Pix, img.Pix) {
			t.Errorf("seed %d: the second time is another picture", seed)
		}
		sum, count := map[uint8]int{}, map[uint8]int{}
		for i, v := range spheroids {
			sum[v] += int(img.Pix[i])
			count[v]++
		}
		if count[0]+count[255] != len(spheroids) || count[255] < len(spheroids)/50 || count[255] > len(spheroids)/2 {
			t.Fatalf("seed %d: the mask has %v", seed, count)
		}
		if inside, outside := sum[255]/count[255], sum[0]/count[0]; inside > outside/2 {
			t.Errorf("seed %d: the spheroids have brightness %d, the ground %d", seed, inside, outside)
		}
		s := mask.Segment(mask.Probability{Width: 300, Height: 240, Pix: spheroids}, mask.Options{Threshold: 0.5, MinArea: 20, SplitTouching: true})
		if s.Summary.Count < 1 || s.Summary.Count > 3 {
			t.Errorf("seed %d: %d bodies", seed, s.Summary.Count)
		}
	}
}

func TestSpheroidsOfAnySize(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {1, 50}, {50, 1}, {7, 5}} {
		for seed := range int64(2) {
			img, spheroids := sample.Spheroids(seed, size[0], size[1])
			if len(img.Pix) != size[0]*size[1] || len(spheroids) != len(img.Pix) {
				t.Errorf("%v: %d samples, %d of the mask", size, len(img.Pix), len(spheroids))
			}
		}
	}
}
