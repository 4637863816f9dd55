package storage

import (
	"context"
	"strings"
	"time"

	"gocloud.dev/blob"
)

const (
	hubsFolder = "hubs/"

	// goneAfter is how long ago a hub must have announced itself to be taken for gone, by the storage's own clock. Hubs
	// announce themselves several times as often.
	goneAfter = 30 * time.Minute
)

// Announce notes that a hub of this name uses the storage, and lists the names of those that do beside it. To be
// repeated at least every 10 minutes; Withdraw ends it. A name is letters, digits, _ and -.
func (s *Store) Announce(ctx context.Context, name string) (others []string, err error) {
	others, err = s.announce(ctx, name)
	return others, failed("announce", name, err)
}

func (s *Store) announce(ctx context.Context, name string) (others []string, err error) {
	if !wellFormedID.MatchString(name) {
		return nil, ErrBadKey
	}
	if err := s.bucket.WriteAll(ctx, hubsFolder+name, []byte("here\n"), nil); err != nil {
		return nil, err
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
	// Both times are the storage's: that of this machine may be another.
	now := seen[name]
	for other, at := range seen {
		if other == name {
			continue
		}
		if now.Sub(at) <= goneAfter {
			others = append(others, other)
		} else if err := s.withdraw(ctx, other); err != nil {
			return nil, err
		}
	}
	return others, nil
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
