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
	err = s.walk(ctx, session, func(key string, _ int64) {
		if checkKey(key) == nil {
			keys = append(keys, key)
		}
	})
	return keys, failed("list", session, err)
}

// Unfinished is a blob that is being written, or was when its hub was killed.
type Unfinished struct {
	Name string // no key
	Size int64  // bytes so far
}

// Unfinished lists those of session. A bucket does not tell them: it has rules of its own for uploads that nobody ends.
func (s *Store) Unfinished(ctx context.Context, session string) (list []Unfinished, err error) {
	if !wellFormedID.MatchString(session) {
		return nil, failed("list", session, ErrBadKey)
	}
	if s.folder == "" {
		return nil, nil
	}
	err = s.walk(ctx, session, func(name string, bytes int64) {
		if checkUnfinished(name) == nil {
			list = append(list, Unfinished{Name: name, Size: bytes})
		}
	})
	return list, failed("list", session, err)
}

// DeleteUnfinished removes what Unfinished has listed. One that is not there any more is no error.
func (s *Store) DeleteUnfinished(_ context.Context, name string) error {
	err := checkUnfinished(name)
	if err == nil && s.folder != "" {
		err = ignoreGone(os.Remove(filepath.Join(s.folder, filepath.FromSlash(name))))
	}
	return failed("delete", name, err)
}

// checkUnfinished knows the names that gocloud gives to what is not written yet: the key's and when that began.
func checkUnfinished(name string) error {
	key, is := strings.CutSuffix(name, ".tmp")
	began := strings.LastIndexByte(key, '.')
	if !is || began < 0 {
		return ErrBadKey
	}
	return checkKey(key[:began])
}

// walk calls each with every file of a session. In a folder those that are half written are among them, and what goes while it is
// being read is no error: gocloud's listing gives up then, and files go at any moment, if only because they get their names.
func (s *Store) walk(ctx context.Context, session string, each func(key string, bytes int64)) error {
	prefix := sessionsFolder + session + "/"
	if s.folder == "" {
		return s.list(ctx, &blob.ListOptions{Prefix: prefix}, func(object *blob.ListObject) { each(object.Key, object.Size) })
	}
	err := filepath.WalkDir(filepath.Join(s.folder, filepath.FromSlash(prefix)), func(path string, entry fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || entry.IsDir() {
			return ignoreGone(err)
		}
		info, err := entry.Info()
		if err != nil {
			return ignoreGone(err)
		}
		key, err := filepath.Rel(s.folder, path)
		each(filepath.ToSlash(key), info.Size())
		return err
	})
	return err
}

// ignoreGone drops that a file is gone.
func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
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
