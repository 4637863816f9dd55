package gpuexec_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"seghub/gpuexec"
	"seghub/gpuexec/enginetest"
)

// keptBy has a job's probability map kept in memory: all of it is there when the job is finished.
func keptBy(j *gpuexec.Job) *bytes.Buffer {
	var kept bytes.Buffer
	j.Keep = func(_ context.Context, r io.Reader) error {
		_, err := kept.ReadFrom(r)
		return err
	}
	return &kept
}

// A probability map goes to the storage while it is made, and the storage hears it when nobody wants it any more.
func TestTheMapOfACancelledJobIsGivenUp(t *testing.T) {
	pool, from, to := startTiled(t, &enginetest.Script{})
	begun, ended := make(chan struct{}), make(chan error, 1)
	large := job("large", deep(t, 60, 3000))
	large.Keep = func(_ context.Context, r io.Reader) error {
		_, err := io.ReadFull(r, make([]byte, 1)) // then the storage is slow, and so the rest waits
		close(begun)
		if err == nil && !pool.Cancel("large") {
			t.Error("Cancel did not find a job whose map is being stored")
		}
		_, err = io.Copy(io.Discard, r)
		ended <- err
		return err
	}
	from.give(t, 0, gpuexec.Batch{Model: "tiled", Jobs: []gpuexec.Job{large}})
	wantCancelled(t, to, "large")
	<-begun
	select {
	case err := <-ended:
		if err == nil {
			t.Error("what was written of the map looks whole")
		}
	case <-time.After(waitLimit):
		t.Error("the storage waits for the rest of a map that nobody makes")
	}
}

var errDisk = errors.New("the disk said no")

// A storage that refuses the map fails the job, in the middle of it or at its end, and the next goes on.
func TestAMapThatCannotBeStored(t *testing.T) {
	for name, keep := range map[string]func(io.Reader) error{
		"at once":    func(io.Reader) error { return nil },
		"at the end": func(r io.Reader) error { _, err := io.Copy(io.Discard, r); return err },
	} {
		t.Run(name, func(t *testing.T) {
			_, from, to := startTiled(t, &enginetest.Script{})
			large := job("large", deep(t, 60, 400))
			large.Keep = func(_ context.Context, r io.Reader) error { return errors.Join(keep(r), errDisk) }
			from.give(t, 0, gpuexec.Batch{Model: "tiled", Jobs: []gpuexec.Job{large, job("small", deep(t, 60, 60))}})
			results := to.next(t, 2)
			if err := results["large"].Err; !errors.Is(err, errDisk) {
				t.Errorf("the job ended with %v", err)
			}
			if err := results["small"].Err; err != nil {
				t.Error(err)
			}
		})
	}
}
