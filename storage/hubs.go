package storage

import (
	"context"
	"errors"
	"strings"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

const (
	hubsFolder = "hubs/"

	// goneAfter is how many announcements a hub must have missed to be taken for gone.
	goneAfter = 3
)

// Announce notes that a hub of this name uses the storage and will say so again after every, and lists the names of those
// that do beside it. Withdraw ends it; a hub that says nothing any more is forgotten after a while, by the storage's own clock.
// A name is letters, digits, _ and -.
func (s *Store) Announce(ctx context.Context, name string, every time.Duration) (others []string, err error) {
	others, err = s.announce(ctx, name, every)
	return others, failed("announce", name, err)
}

func (s *Store) announce(ctx context.Context, name string, every time.Duration) (others []string, err error) {
	if !wellFormedID.MatchString(name) {
		return nil, ErrBadKey
	}
	written := s.put(ctx, hubsFolder+name, &blob.WriterOptions{}, bytesOf([]byte(every.String())))
	if written != nil && !errors.Is(failed("", "", written), ErrFull) {
		return nil, written
	}
	seen := map[string]time.Time{}
	err = s.list(ctx, &blob.ListOptions{Prefix: hubsFolder}, func(object *blob.ListObject) {
		if other := strings.TrimPrefix(object.Key, hubsFolder); wellFormedID.MatchString(other) {
			seen[other] = object.ModTime
		}
	})
	if err != nil {
		return nil, err
	}
	// Both times are the storage's: that of this machine may be another. On a full disk, now is the last time that there was
	// room, and the others are not older than they seem.
	now, known := seen[name]
	if !known {
		return nil, written
	}
	delete(seen, name)
	for other, at := range seen {
		gone, err := s.isGone(ctx, other, now.Sub(at))
		if err != nil {
			return nil, err
		}
		if !gone {
			others = append(others, other)
		}
	}
	return others, nil
}

// isGone tells whether a hub has been silent for too long, and forgets it if so.
func (s *Store) isGone(ctx context.Context, name string, silent time.Duration) (bool, error) {
	data, err := s.bucket.ReadAll(ctx, hubsFolder+name)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	every, err := time.ParseDuration(string(data))
	if err != nil {
		return true, nil // half written by a hub that was killed, or on a full disk
	}
	if silent <= goneAfter*every {
		return false, nil
	}
	return true, s.withdraw(ctx, name)
}

// Withdraw takes an announcement back.
func (s *Store) Withdraw(ctx context.Context, name string) error {
	return failed("withdraw", name, s.withdraw(ctx, name))
}

func (s *Store) withdraw(ctx context.Context, name string) error {
	if !wellFormedID.MatchString(name) {
		return ErrBadKey
	}
	return ignoreAbsent(s.bucket.Delete(ctx, hubsFolder+name))
}
