package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"seghub/client"
)

// hearLimit is how long a user waits for the next event.
const hearLimit = 2 * time.Minute

// user is one person at the hub: a session, and what it hears.
type user struct {
	*client.Client
	heard chan heard // closed when no more will come
	deaf  func()     // ends the listening
}

// heard is an event and when it came; or why no more will come.
type heard struct {
	event client.Event
	err   error
	at    time.Time
}

// newUser makes a session, opens its socket and waits until that tells of it.
func newUser(ctx context.Context, base, name string) (*user, error) {
	hub, err := client.Open(ctx, client.Config{URL: base, Name: name, Transport: &http.Transport{}})
	if err != nil {
		return nil, err
	}
	listening, deaf := context.WithCancel(ctx)
	u := &user{Client: hub, heard: make(chan heard, 256), deaf: deaf}
	go u.listen(listening)
	for {
		h, err := u.next()
		if err != nil {
			return nil, errors.Join(err, u.leave(ctx))
		}
		if _, is := h.event.(client.Snapshot); is {
			return u, nil
		}
	}
}

// listen hears at once, so that the time of an event is that of its coming, and the hub's pings are answered between rounds.
func (u *user) listen(ctx context.Context) {
	defer close(u.heard)
	for event, err := range u.Events(ctx, client.Follow{}) {
		select {
		case u.heard <- heard{event, err, time.Now()}:
		case <-ctx.Done():
			return
		}
	}
}

// stop closes the socket. The session stays.
func (u *user) stop() {
	u.deaf()
	for range u.heard { // until listen has ended
	}
	u.Disconnect()
}

// leave ends the session, with all its files.
func (u *user) leave(ctx context.Context) error {
	u.stop()
	return u.Close(ctx)
}

// next is the next event of a connection that must not break: what was heard over another one would have come later than it could.
func (u *user) next() (heard, error) {
	select {
	case h, more := <-u.heard:
		if broken, is := h.event.(client.Disconnected); is {
			h.err = broken.Err
		} else if !more {
			h.err = errors.New("the events ended")
		}
		return h, h.err
	case <-time.After(hearLimit):
		return heard{}, errors.New("nothing was heard for too long")
	}
}

// upload sends an image, whose objects are so wide, so many times and returns how many were accepted.
func (u *user) upload(ctx context.Context, model string, diameter float64, png []byte, images int) (int, error) {
	files := make([]client.File, images)
	for i := range files {
		files[i] = client.FromBytes(fmt.Sprint(i, ".png"), png)
	}
	sent, err := u.Upload(ctx, client.Upload{Model: model, Files: files, Options: client.Options{Diameter: diameter}})
	return len(sent.Accepted), err
}

// masks hears until so many jobs are done, and returns when the whole mask of each had come, by job.
func (u *user) masks(jobs int) (map[string]time.Time, error) {
	came := make(map[string]time.Time, jobs)
	for jobs > 0 {
		h, err := u.next()
		if err != nil {
			return nil, err
		}
		switch e := h.event.(type) {
		case client.MaskPiece:
			if e.Final {
				came[e.JobID] = h.at
			}
		case client.JobChanged:
			switch {
			case e.Job.State == client.Done:
				jobs--
			case e.Job.Error != nil:
				return nil, e.Job.Error
			case e.Job.State.Ended():
				return nil, fmt.Errorf("a job is %s", e.Job.State)
			}
		}
	}
	return came, nil
}
