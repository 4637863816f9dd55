package server

import (
	"bytes"
	"image"
	"image/png"
	"net/http"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"seghub/app/status"
	"seghub/models/modeltest"
	"seghub/sessions"
)

// On a CPU the workers that have nothing to do run tiles of the one image that there is, and its owner sees it.
func TestIdleWorkersHelpWithOneImage(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0)))) // nobody helps on one core
	c := settings(t)
	c.Models = t.TempDir()
	if err := modeltest.Write(filepath.Join(c.Models, model+".onnx"), modeltest.Options{ID: model, Height: 128, Width: 128, Scaling: "native"}); err != nil {
		t.Fatal(err)
	}
	base, _ := serve(t, c)
	u := newUser(t, base, "Ada")
	s := u.connect("")
	var file bytes.Buffer
	if err := png.Encode(&file, image.NewGray(image.Rect(0, 0, 1500, 1500))); err != nil {
		t.Fatal(err)
	}
	helped := false
	for began := time.Now(); !helped; {
		if time.Since(began) > patience {
			t.Fatal("no worker has helped")
		}
		id := u.upload(http.StatusAccepted, file.Bytes()).Accepted[0].ID
		for ended := false; !ended; {
			var stats status.Stats
			u.json("GET", "/api/v1/stats", nil, "", http.StatusOK, &stats)
			for _, w := range stats.Workers {
				helped = helped || w.HelpsYou && !w.SessionIsYou
			}
			var job sessions.Job
			u.json("GET", "/api/v1/jobs/"+id, nil, "", http.StatusOK, &job)
			ended = job.FinishedAt != nil
		}
		s.untilEnded(1)
	}
}
