package sessions

import (
	"encoding/json"
	"testing"

	"seghub/models/imageio"
)

func TestARecordKeepsWhereAPlaneLies(t *testing.T) {
	size := 0.5
	want := Place{Page: 2, Pages: 5, Channel: 1, Z: 2, T: 3, Projection: "max", PixelSize: &size, Plain: true, Plane: imageio.Plane{Page: 2, Sample: 1, Max: true}}
	stored, err := json.Marshal(specOf(NewJob{Place: want}))
	if err != nil {
		t.Fatal(err)
	}
	job, err := record{"spec": string(stored)}.job()
	if err != nil {
		t.Fatal(err)
	}
	if *job.PixelSize != size {
		t.Errorf("a pixel is %v", *job.PixelSize)
	}
	if job.PixelSize = want.PixelSize; job.Place != want {
		t.Errorf("%+v, want %+v", job.Place, want)
	}
}
