// Package refusal says why an image file is not read, in words for the person whose file it is.
package refusal

import (
	"errors"
	"fmt"
)

// The kinds of refusals.
var (
	ErrUnsupported = errors.New("unsupported image format")
	ErrCorrupt     = errors.New("damaged image")
	ErrTooLarge    = errors.New("too large an image")
)

// Refusal is why a file is not read. Detail is a sentence for the person whose file it is: it names the feature and, where
// there is one, the way out. Kind is ErrUnsupported, ErrCorrupt or ErrTooLarge.
type Refusal struct {
	Kind   error
	Detail string
}

// Unsupported is what this program does not read, though others may.
func Unsupported(detail string, values ...any) error {
	return &Refusal{ErrUnsupported, fmt.Sprintf(detail, values...)}
}

// Corrupt is what nobody can read: the file is cut short, or contradicts itself.
func Corrupt(detail string, values ...any) error {
	return &Refusal{ErrCorrupt, fmt.Sprintf(detail, values...)}
}

// TooLarge is what does not fit.
func TooLarge(detail string, values ...any) error {
	return &Refusal{ErrTooLarge, fmt.Sprintf(detail, values...)}
}

func (r *Refusal) Error() string { return r.Kind.Error() + ": " + r.Detail }

// Unwrap lets errors.Is see the Kind.
func (r *Refusal) Unwrap() error { return r.Kind }
