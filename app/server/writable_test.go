package server

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"seghub/storage"
)

// TestAStorageThatTakesNothingIsTold has the folder of blobs become one that nothing can be written to, not even by root.
func TestAStorageThatTakesNothingIsTold(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "blobs")
	store, err := storage.Open(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if err := newWritable(store.Check).ask(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.RemoveAll(folder), os.WriteFile(folder, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := newWritable(store.Check).ask(t.Context()); err == nil || !strings.Contains(err.Error(), "takes no files") {
		t.Errorf("got %v", err)
	}
}

// TestTheStorageIsAskedOnceForMany lets probes come as they like.
func TestTheStorageIsAskedOnceForMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, broken := 0, errors.New("broken")
		w := newWritable(func(context.Context) error {
			asked++
			return broken
		})
		gone, leave := context.WithCancel(t.Context())
		leave()
		for range 5 {
			if err := w.ask(t.Context()); !errors.Is(err, broken) {
				t.Errorf("got %v", err)
			}
		}
		<-w.turn // somebody is asking
		if err := w.ask(gone); !errors.Is(err, context.Canceled) {
			t.Errorf("who is gone hears %v", err)
		}
		w.turn <- struct{}{}
		if asked != 1 {
			t.Errorf("asked %d times", asked)
		}
		broken = nil
		<-time.After(writableFor)
		if err := w.ask(t.Context()); err != nil || asked != 2 {
			t.Errorf("once it is mended: %v, asked %d times", err, asked)
		}
	})
}
