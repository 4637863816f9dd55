package sessions

import (
	"errors"
	"fmt"
)

// What can go wrong. What Redis says, or that it says nothing, is wrapped in ErrUnavailable.
var (
	// ErrUnavailable means that Redis does not answer, or refuses: it is loading, takes no writes, is busy. The fault is not in
	// the call, and passes.
	ErrUnavailable = errors.New("redis cannot do it now")
	// ErrNoRoom means, beside ErrUnavailable, that Redis' disk or memory is full.
	ErrNoRoom = errors.New("redis has no room")
	// ErrInDoubt means, beside ErrUnavailable, that nobody knows yet whether the jobs were made. The Service finds out, and
	// deletes their images if they were not.
	ErrInDoubt = errors.New("what became of it is found out later")
	// ErrNameTaken means that another process has this node's name, and lives.
	ErrNameTaken = errors.New("another hub that is running has this node's name: give one of them another (SEGHUB_NODE)")
	// ErrRights means that Redis refuses its user something that a hub must do.
	ErrRights = errors.New("this Redis refuses its user commands that a hub needs: allow them (ACL SETUSER, rename-command)")
	// ErrOtherVersion means that Redis holds sessions that another version of SegHub has written.
	ErrOtherVersion = errors.New("this Redis holds sessions of another version of SegHub: end them with that version, once what is wanted is exported, " +
		"or give this hub another Redis (SEGHUB_REDIS) or, where it runs one itself, another data folder (SEGHUB_DATA)")
	// ErrOtherStorage means that the images of the sessions in Redis are in another storage than this hub's.
	ErrOtherStorage = errors.New("the images of the sessions in this Redis are in another storage: give all hubs that share a Redis the same one (SEGHUB_STORAGE), or this hub another Redis (SEGHUB_REDIS)")
	ErrNotFound     = errors.New("no such session or job")
	ErrNotDone      = fmt.Errorf("%w: the job is not done", ErrNotFound)
	ErrUnauthorized = errors.New("no session has this token")
	ErrClosed       = errors.New("the session is closed")
	ErrQueueFull    = errors.New("the session's queue is full")
	ErrDraining     = errors.New("the server is going down")
	ErrBadCursor    = errors.New("not a cursor that this server gave")
	// ErrConflict means that a job has a newer revision than the one that was to be corrected.
	ErrConflict = errors.New("the job has been corrected since")
	// ErrGap means that the event log no longer reaches back to where the listener is: begin anew.
	ErrGap = errors.New("the event log does not reach back that far")
)
