package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"seghub/gpuexec"
)

const (
	drainTimeout   = 8 * time.Second  // for running batches and requests in flight to finish before they are cancelled
	releaseTimeout = 3 * time.Second  // to hand slots and claimed jobs back
	hungAfter      = 15 * time.Second // for what was cancelled to end, and be written down: systemd waits for 30 s in all (docs/operating.md)
	reconnectAfter = 2 * time.Second  // what clients are told to wait
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
		if err := s.stopWorkers(ctx); err != nil {
			return errors.Join(err, s.abandon())
		}
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

// stopWorkers lets running batches finish, and cancels what takes too long. What a device that hangs does not give back is not waited for: the
// error is a gpuexec.ErrDeviceLost.
func (s *server) stopWorkers(ctx context.Context) error {
	running, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		s.pool.Stop(running)
	}()
	select {
	case <-stopped:
		return nil
	case err := <-s.lost:
		return err
	case <-time.After(s.patience + hungAfter):
		return fmt.Errorf("%w: a worker does not stop", gpuexec.ErrDeviceLost)
	}
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
