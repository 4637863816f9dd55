package storage

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"gocloud.dev/blob"
)

// Sessions lists the ids of all sessions that have something in the storage, be it half written.
func (s *Store) Sessions(ctx context.Context) ([]string, error) {
	ids, err := s.sessions(ctx)
	return ids, failed("list", sessionsFolder, err)
}

func (s *Store) sessions(ctx context.Context) (ids []string, err error) {
	if s.folder != "" {
		// Folders alone count: what a killed hub left half written has no key.
		entries, err := os.ReadDir(filepath.Join(s.folder, sessionsFolder))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		for _, entry := range entries {
			if wellFormedID.MatchString(entry.Name()) {
				ids = append(ids, entry.Name())
			}
		}
		return ids, err
	}
	err = s.list(ctx, &blob.ListOptions{Prefix: sessionsFolder, Delimiter: "/"}, func(object *blob.ListObject) {
		id := strings.Trim(strings.TrimPrefix(object.Key, sessionsFolder), "/")
		if object.IsDir && wellFormedID.MatchString(id) {
			ids = append(ids, id)
		}
	})
	return ids, err
}

// Keys lists the keys of all blobs of session. What is being written, or was when its hub was killed, has none.
func (s *Store) Keys(ctx context.Context, session string) (keys []string, err error) {
	if !wellFormedID.MatchString(session) {
		return nil, failed("list", session, ErrBadKey)
	}
	err = s.list(ctx, &blob.ListOptions{Prefix: sessionsFolder + session + "/"}, func(object *blob.ListObject) {
		if checkKey(object.Key) == nil {
			keys = append(keys, object.Key)
		}
	})
	return keys, failed("list", session, err)
}

// list calls each with every object that options select.
func (s *Store) list(ctx context.Context, options *blob.ListOptions, each func(*blob.ListObject)) error {
	objects := s.bucket.List(options)
	for {
		object, err := objects.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		each(object)
	}
}
