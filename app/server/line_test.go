package server

import (
	"net/http"
	"strconv"
	"testing"
)

// TestFifthUserWaitsAndFinishes has five people on four slots: the fifth hears a position, and everyone's
// images are done. That never more than four are active is held by the properties of sessions, and under load by
// loadtest/smoke.js.
func TestFifthUserWaitsAndFinishes(t *testing.T) {
	const people, images = 5, 3
	base, _ := serve(t, settings(t))
	users := make([]*user, people)
	sockets := make([]*socket, people)
	for i := range users {
		users[i] = newUser(t, base, "user "+strconv.Itoa(i))
		sockets[i] = users[i].connect("")
		opening := sockets[i].until(func(f frame) bool { return f.Type == "snapshot" })
		if len(opening) != 2 || opening[0].Type != "welcome" {
			t.Fatalf("user %d: %d frames up to the snapshot: %s", i, len(opening), opening[0].Raw)
		}
	}
	batch := make([][]byte, images)
	for i := range batch {
		batch[i] = samplePNG(t, 0)
	}
	for _, u := range users {
		u.upload(http.StatusAccepted, batch...)
	}
	positions := 0
	for i, s := range sockets {
		for _, f := range s.untilEnded(images) {
			switch f.Type {
			case "position":
				positions++
				if f.Position != 1 || f.Waiting != 1 {
					t.Errorf("position %s", f.Raw)
				}
			case "welcome", "snapshot":
				t.Errorf("user %d hears again: %s", i, f.Raw)
			}
		}
	}
	if positions == 0 {
		t.Error("nobody heard a position")
	}
}
