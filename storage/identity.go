package storage

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// identityKey is where a storage keeps its name.
const identityKey = "identity"

// Identity is a random name of this storage, letters and digits, made by the first who asks: the same for all hubs
// that share it, and after any restart. From then on a folder that has another one, or none, is ErrOther.
func (s *Store) Identity(ctx context.Context) (string, error) {
	if err := s.stays(); err != nil {
		return "", failed("read", identityKey, err)
	}
	name, err := s.identity(ctx)
	if gcerrors.Code(err) == gcerrors.NotFound {
		made := []byte(strings.ToLower(rand.Text()[:12]))
		err = s.put(ctx, identityKey, &blob.WriterOptions{IfNotExist: true}, bytesOf(made))
		if err == nil || gcerrors.Code(err) == gcerrors.FailedPrecondition { // another hub was faster
			name, err = s.identity(ctx)
		}
	}
	if err == nil {
		s.name.Store(&name)
	}
	return name, failed("read", identityKey, err)
}

// stays reports whether the folder is still the one that has told its name. A bucket is.
func (s *Store) stays() error {
	name := s.name.Load()
	if s.folder == "" || name == nil {
		return nil
	}
	data, err := os.ReadFile(filepath.Join(s.folder, identityKey))
	if ignoreGone(err) != nil {
		return err
	}
	if string(data) != *name {
		return ErrOther
	}
	return nil
}

// absent is err, unless that says that there is no such blob, and the folder is another one.
func (s *Store) absent(err error) error {
	if gcerrors.Code(err) == gcerrors.NotFound {
		return cmp.Or(s.stays(), err)
	}
	return err
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
