package server

import (
	"context"
	"errors"
	"time"
)

const (
	drainTimeout   = 8 * time.Second // for running batches and requests in flight to finish before they are cancelled
	releaseTimeout = 3 * time.Second // to hand slots and claimed jobs back
	reconnectAfter = 2 * time.Second // what clients are told to wait
)

// abandon is shutdown after the device was lost: the leases and the jobs go back at once, so that another node or this one's next process
// takes them up, and no worker is waited for. Nothing is closed that would call ONNX Runtime; the process ends next.
func (s *server) abandon() error {
	s.log.Error("the device is lost: jobs and slots are handed back, and this process ends")
	s.hub.Drain(reconnectAfter)
	s.sessions.StopAdmission()
	s.stopFollowing()
	releasing, cancel := context.WithTimeout(context.Background(), releaseTimeout)
	defer cancel()
	s.sessions.Abandon(releasing)
	s.hub.Stop()
	return errors.Join(s.http.Close(), s.stopRedis(), s.store.Close())
}

// shutdown takes down what start brought up, in the order that loses nothing: no new work, then no
// work, then no claims on work, and only then the connections that tell of it. It does not depend on
// the context that ended.
func (s *server) shutdown() error {
	s.log.Info("shutting down")
	ctx := context.Background()
	var errs []error

	// Stop accepting, tell clients.
	answered := make(chan struct{}) // closed when no request is in flight any more, or its time is up
	if s.http != nil {
		patience, cancel := context.WithTimeout(ctx, s.patience)
		defer cancel()
		go func() {
			defer close(answered)
			// Requests that last longer than this are cut by Close.
			_ = s.http.Shutdown(patience)
		}()
	} else {
		close(answered)
		if s.listener != nil {
			errs = append(errs, s.listener.Close())
		}
	}
	if s.hub != nil {
		s.hub.Drain(reconnectAfter)
	}

	s.stopFollowing()
	if s.janitor != nil {
		leaving, cancel := context.WithTimeout(ctx, releaseTimeout)
		s.janitor.Stop(leaving)
		cancel()
	}

	// Stop admission, let running batches finish, release the leases.
	if s.sessions != nil {
		s.sessions.StopAdmission()
	}
	if s.pool != nil {
		running, cancel := context.WithTimeout(ctx, s.patience)
		s.pool.Stop(running)
		cancel()
	}
	if s.sessions != nil {
		releasing, cancel := context.WithTimeout(ctx, releaseTimeout)
		s.sessions.Stop(releasing)
		cancel()
	}

	// Nothing more will happen that a client would have to hear, but the answers to requests in flight: what these read
	// stays open until they have it.
	if s.hub != nil {
		s.hub.Stop()
	}
	<-answered
	if s.http != nil {
		errs = append(errs, s.http.Close())
		s.awaitCut()
	}
	if s.budget != nil {
		s.budget.Stop()
		errs = append(errs, s.unmeasure())
	}
	if s.unlimit != nil {
		s.unlimit()
	}
	if s.runtime != nil {
		errs = append(errs, s.runtime.Close())
	}
	if s.stopRedis != nil {
		errs = append(errs, s.stopRedis())
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	return errors.Join(errs...)
}

// awaitCut waits until the requests that were cut have cleared away what they had begun, such as half of an upload.
func (s *server) awaitCut() {
	cleared := make(chan struct{})
	go func() { defer close(cleared); s.open.Wait() }()
	select {
	case <-cleared:
	case <-time.After(releaseTimeout):
		s.log.Warn("requests that were cut go on; the janitor finds what they leave")
	}
}
