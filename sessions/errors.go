package sessions

import "errors"

// What can go wrong. What Redis says, or that it says nothing, is wrapped in ErrUnavailable.
var (
	// ErrUnavailable means that Redis does not answer, or refuses: it is loading, takes no writes, is busy. The fault is not in
	// the call, and passes.
	ErrUnavailable  = errors.New("redis cannot do it now")
	ErrNotFound     = errors.New("no such session or job")
	ErrUnauthorized = errors.New("no session has this token")
	ErrClosed       = errors.New("the session is closed")
	ErrQueueFull    = errors.New("the session's queue is full")
	ErrDraining     = errors.New("the server is going down")
	ErrBadCursor    = errors.New("not a cursor that this server gave")
	// ErrGap means that the event log no longer reaches back to where the listener is: begin anew.
	ErrGap = errors.New("the event log does not reach back that far")
)
