package sessions

import "errors"

// What can go wrong besides Redis itself, whose errors are wrapped as they are.
var (
	ErrNotFound     = errors.New("no such session or job")
	ErrUnauthorized = errors.New("no session has this token")
	ErrClosed       = errors.New("the session is closed")
	ErrQueueFull    = errors.New("the session's queue is full")
	ErrDraining     = errors.New("the server is going down")
	ErrBadCursor    = errors.New("not a cursor that this server gave")
	// ErrGap means that the event log no longer reaches back to where the listener is: begin anew.
	ErrGap = errors.New("the event log does not reach back that far")
)
