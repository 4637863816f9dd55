package server

import (
	"errors"
	"math"
	"testing"

	"seghub/sessions/problem"
	"seghub/storage"
)

func TestRoom(t *testing.T) {
	store, err := storage.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if err := store.Write(t.Context(), storage.ImageKey("mine", "a"), make([]byte, 600)); err != nil {
		t.Fatal(err)
	}
	here := []disk{{"data", t.TempDir()}}
	for _, c := range []struct {
		name    string
		room    room
		session string
		bytes   int64
		full    bool
	}{
		{"there is room", room{disks: here, most: 1000}, "mine", 400, false},
		{"more than the session may have", room{disks: here, most: 1000}, "mine", 401, true},
		{"of another session", room{disks: here, most: 1000}, "other", 401, false},
		{"the disk is to stay free", room{disks: here, most: 1000, minFree: math.MaxInt64 / 2}, "mine", 1, true},
		{"for a session that is to be started", room{disks: here, minFree: math.MaxInt64 / 2}, "", 0, true},
		{"with what comes there is too little", room{disks: here, most: math.MaxInt64}, "mine", math.MaxInt64 / 2, true},
		{"one of two disks is full", room{disks: append(here, disk{"storage", "/proc"}), most: 1000, minFree: 1}, "mine", 1, true},
	} {
		c.room.sizes = newSizes(store.SessionSize)
		err := c.room.For(t.Context(), c.session, c.bytes)
		var p *problem.Problem
		if c.full != (errors.As(err, &p) && p.Code == problem.QuotaExceeded) || (!c.full && err != nil) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	// What goes again may take what is to stay free.
	one := room{disks: here, minFree: math.MaxInt64 / 2}
	var p *problem.Problem
	if err := one.ToWait(t.Context(), 1); err != nil {
		t.Error(err)
	}
	if err := one.ToWait(t.Context(), math.MaxInt64); !errors.As(err, &p) || p.Code != problem.QuotaExceeded {
		t.Error(err)
	}
}
