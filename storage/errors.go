package storage

import (
	"errors"
	"fmt"
	"syscall"

	"gocloud.dev/gcerrors"
)

// What can go wrong beside a failing disk or network. Every error of a Store is an *Error that wraps
// one of these or the cause itself.
var (
	ErrNotFound = errors.New("no such blob")
	ErrTooLarge = errors.New("larger than its limit")
	ErrFull     = errors.New("no room left in the storage")
	// ErrOther is why nothing is read, written or deleted in a folder that has become another one since it told its Identity: what it was mounted on is
	// there, empty, when the disk or the share is not.
	ErrOther = errors.New("the folder is not the one that it was: its disk or share is not mounted, or its files were taken away")
	// ErrBadKey is the answer to a key that the Key functions cannot have made of well-formed ids. It is
	// an ErrNotFound too: nothing can lie there.
	ErrBadKey = fmt.Errorf("%w: malformed key", ErrNotFound)
)

// OpPut is the Op of an Error of a blob that was to be written.
const OpPut = "put"

// Error says which operation failed on which key.
type Error struct {
	// OpPut, "open", "read", "seek", "delete", "delete session", "delete job", "size of session", "list", "announce", "withdraw", "close"
	Op  string
	Key string // the session's or the hub's name for what is about one of these, empty for "close"
	Err error
}

// Error makes an Error an error.
func (e *Error) Error() string {
	if e.Key == "" {
		return fmt.Sprintf("storage: %s: %v", e.Op, e.Err)
	}
	return fmt.Sprintf("storage: %s %s: %v", e.Op, e.Key, e.Err)
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// failed wraps err, nil included, as the outcome of op on key.
func failed(op, key string, err error) error {
	switch {
	case err == nil:
		return nil
	case gcerrors.Code(err) == gcerrors.NotFound: // or what should hold it is not there, which the cause tells
		err = fmt.Errorf("%w: %w", ErrNotFound, err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		err = fmt.Errorf("%w: %w", ErrFull, err)
	}
	return &Error{Op: op, Key: key, Err: err}
}
