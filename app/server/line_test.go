package server

import (
	"net/http"
	"strconv"
	"testing"
	"time"
)

// TestFifthUserWaitsAndFinishes has five people on four slots: the fifth hears a position, and everyone's
// images are done once one of the others has left. That never more than four are active is held by the properties of sessions, and under load by
// loadtest/smoke.js.
func TestFifthUserWaitsAndFinishes(t *testing.T) {
	const people, images = 5, 3
	c := settings(t)
	c.ReserveGrace = time.Hour // on a slow machine somebody may be done for long before the fifth has uploaded
	base, _ := serve(t, c)
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
	heard := make([][]frame, people)
	fifth := people - 1
	heard[fifth] = sockets[fifth].until(func(f frame) bool { return f.Type == "position" })
	for i, s := range sockets[:fifth] {
		heard[i] = s.untilEnded(images)
	}
	if status, _, data := users[0].call("DELETE", "/api/v1/session", nil, ""); status != http.StatusNoContent {
		t.Fatalf("who leaves: status %d: %s", status, data)
	}
	heard[fifth] = append(heard[fifth], sockets[fifth].untilEnded(images)...)
	for i, frames := range heard {
		for _, f := range frames {
			switch f.Type {
			case "position":
				if f.Position != 1 || f.Waiting != 1 {
					t.Errorf("position %s", f.Raw)
				}
			case "welcome", "snapshot":
				t.Errorf("user %d hears again: %s", i, f.Raw)
			}
		}
	}
}
