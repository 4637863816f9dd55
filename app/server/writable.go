package server

import (
	"context"
	"fmt"
	"time"
)

const (
	writableFor    = 5 * time.Second // that an answer of the storage counts: probes come often, and a bucket charges for each write
	writableWithin = 2 * time.Second // for it to answer
)

// writable tells whether the storage takes files now. A disk may have room and take none: it is mounted read-only, has no inodes
// left, or is the folder of a network that is gone.
type writable struct {
	check func(context.Context) error
	turn  chan struct{} // of capacity 1: holds a token while nobody asks; guards what follows
	asked time.Time     // when the storage was
	err   error         // what it answered
}

func newWritable(check func(context.Context) error) *writable {
	w := &writable{check: check, turn: make(chan struct{}, 1)}
	w.turn <- struct{}{}
	return w
}

// forget has the storage asked anew.
func (w *writable) forget() {
	<-w.turn
	w.asked = time.Time{}
	w.turn <- struct{}{}
}

// ask is nil when the storage takes files. One asks at a time; the others wait for the answer.
func (w *writable) ask(ctx context.Context) error {
	select {
	case <-w.turn:
	case <-ctx.Done():
		return fmt.Errorf("the storage does not answer: %w", ctx.Err())
	}
	defer func() { w.turn <- struct{}{} }()
	if time.Since(w.asked) < writableFor {
		return w.err
	}
	// The answer is for others too, so that it does not depend on who asked first.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writableWithin)
	defer cancel()
	w.err = w.check(ctx)
	if w.err != nil {
		w.err = fmt.Errorf("the storage takes no files: %w", w.err)
	}
	w.asked = time.Now()
	return w.err
}
