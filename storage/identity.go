package storage

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// identityKey is where a storage keeps its name.
const identityKey = "identity"

// Identity is a random name of this storage, letters and digits, made by the first who asks: the same for all hubs
// that share it, and after any restart.
func (s *Store) Identity(ctx context.Context) (string, error) {
	name, err := s.identity(ctx)
	if gcerrors.Code(err) == gcerrors.NotFound {
		made := []byte(strings.ToLower(rand.Text()[:12]))
		err = s.put(ctx, identityKey, &blob.WriterOptions{IfNotExist: true}, bytesOf(made))
		if err == nil || gcerrors.Code(err) == gcerrors.FailedPrecondition { // another hub was faster
			name, err = s.identity(ctx)
		}
	}
	return name, failed("read", identityKey, err)
}

func (s *Store) identity(ctx context.Context) (string, error) {
	data, err := s.bucket.ReadAll(ctx, identityKey)
	if err != nil {
		return "", err
	}
	if name := string(data); wellFormedID.MatchString(name) {
		return name, nil
	}
	return "", errors.New("malformed")
}
