package doctor

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"seghub/storage"
)

// dataFolder looks at the folder of the settings and the disk that it is on.
func (d *Doctor) dataFolder(context.Context) []Finding {
	folder, err := filepath.Abs(d.Config.Data)
	if err != nil {
		return []Finding{{Bad, "data folder", err.Error(), "set SEGHUB_DATA to a folder"}}
	}
	finding, place := tryFolder("data folder", "SEGHUB_DATA", folder)
	if place == "" {
		return []Finding{finding}
	}
	return append([]Finding{finding, d.disk(place)}, rights(folder, os.Getuid())...)
}

// tryFolder writes a file into folder, or into the one that it would be made in, and renames it, as `serve` does. It returns the
// folder that it tried; empty when there is none.
func tryFolder(subject, setting, folder string) (f Finding, place string) {
	place, err := existing(folder)
	if err != nil {
		return Finding{Bad, subject, err.Error(), "set " + setting + " to a folder of this user"}, ""
	}
	if err := tryWriting(place); err != nil {
		return Finding{Bad, subject, fmt.Sprintf("%s does not take files: %s", place, err), remedyOf(err, place, setting)}, place
	}
	if place != folder {
		return Finding{Good, subject, folder + " will be made", ""}, place
	}
	return Finding{Good, subject, folder + " takes files", ""}, place
}

// existing is the folder itself, or else the first one above it that is there.
func existing(folder string) (string, error) {
	for {
		info, err := os.Stat(folder)
		switch {
		case err == nil && !info.IsDir():
			return "", fmt.Errorf("%s is a file, and not a folder", folder)
		case err == nil:
			return folder, nil
		case errors.Is(err, syscall.ENOTDIR): // a file is above it
		case !errors.Is(err, fs.ErrNotExist) || folder == filepath.Dir(folder):
			return "", err
		}
		folder = filepath.Dir(folder)
	}
}

// tryWriting does with a file of its own what is done with an upload.
func tryWriting(folder string) error {
	f, err := os.CreateTemp(folder, ".seghub-doctor-")
	if err != nil {
		return err
	}
	name := f.Name()
	_, err = f.Write(make([]byte, 4<<10))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		renamed := name + "-renamed"
		if err = os.Rename(name, renamed); err == nil {
			name = renamed
		}
	}
	return errors.Join(err, os.Remove(name))
}

func remedyOf(err error, folder, setting string) string {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "free space there, or set " + setting + " to a folder on another disk"
	case errors.Is(err, fs.ErrPermission):
		return fmt.Sprintf("give it to this user (chown %d %s), or set %s to another folder", os.Getuid(), folder, setting)
	}
	return "set " + setting + " to another folder"
}

// disk looks at how much may still be written where folder is.
func (d *Doctor) disk(folder string) Finding {
	const subject = "disk"
	free, err := d.FreeSpace(folder)
	if err != nil {
		return Finding{Doubtful, subject, "its free space cannot be told: " + err.Error(), "keep an eye on it"}
	}
	says := fmt.Sprintf("%s is free where %s is", size(free), folder)
	if least := uint64(d.Config.MinFree); free < least {
		return Finding{Bad, subject, says, fmt.Sprintf("free some: below %s the hub takes no images (SEGHUB_MIN_FREE)", size(least))}
	}
	return Finding{Good, subject, says, ""}
}

// rights looks at who may read the data folder, and whether what is in it belongs to the user uid; nothing when there is no folder
// yet.
func rights(folder string, uid int) []Finding {
	const subject = "rights"
	info, err := os.Stat(folder)
	if err != nil {
		return nil
	}
	if foreign := notOf(uid, folder); foreign != "" {
		return []Finding{{Bad, subject, foreign + " belongs to another user", fmt.Sprintf("chown -R %d %s", uid, folder)}}
	}
	if mode := info.Mode().Perm(); mode&0o007 != 0 {
		return []Finding{{Doubtful, subject, fmt.Sprintf("%s has the mode %#o: every user of this machine may look into it", folder, mode), "chmod o= " + folder}}
	}
	return []Finding{{Good, subject, fmt.Sprintf("%s is closed to other users", folder), ""}}
}

// notOf is the first of what the hub keeps in the data folder that does not belong to the user uid, unless that is root, who may
// all; empty when there is none. A hub that was once run as root leaves such files.
func notOf(uid int, folder string) string {
	if uid == 0 {
		return ""
	}
	paths := []string{folder}
	for _, pattern := range []string{"*", "redis/*"} {
		found, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil {
			continue // a pattern in the folder's own name
		}
		paths = append(paths, found...)
	}
	for _, path := range paths {
		info, err := os.Lstat(path)
		if err != nil {
			continue // gone since
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != uid {
			return path
		}
	}
	return ""
}

// storage tries the place of images and results, where the settings name one.
func (d *Doctor) storage(ctx context.Context) []Finding {
	const subject = "storage"
	location := d.Config.Storage
	if location == "" {
		return nil // the data folder
	}
	if !strings.Contains(location, "://") {
		folder, err := filepath.Abs(location)
		if err != nil {
			return []Finding{{Bad, subject, err.Error(), "set SEGHUB_STORAGE to a folder or a bucket"}}
		}
		finding, place := tryFolder(subject, "SEGHUB_STORAGE", folder)
		if place == "" {
			return []Finding{finding}
		}
		return []Finding{finding, d.disk(place)}
	}
	if strings.HasPrefix(location, "mem://") {
		return []Finding{{Doubtful, subject, "it is this process's memory, and gone with it", "unset SEGHUB_STORAGE to keep images and results"}}
	}
	name, _, _ := strings.Cut(location, "?")
	if err := tryBucket(ctx, location); errors.Is(err, storage.ErrLocation) {
		return []Finding{{Bad, subject, err.Error(), "correct SEGHUB_STORAGE"}}
	} else if err != nil {
		return []Finding{{Bad, subject, err.Error(), "give this user the right to read, write and delete there, or set SEGHUB_STORAGE to another place"}}
	}
	return []Finding{{Good, subject, name + " takes, gives and deletes blobs", ""}}
}

// tryBucket does with a blob of its own what is done with an upload.
func tryBucket(ctx context.Context, location string) error {
	store, err := storage.Open(ctx, location)
	if err != nil {
		return err
	}
	key := storage.ImageKey("doctor", rand.Text())
	if err = store.Write(ctx, key, []byte("doctor")); err == nil {
		_, err = store.Read(ctx, key)
		err = errors.Join(err, store.Delete(ctx, key))
	}
	return errors.Join(err, store.Close())
}

// size writes a number of bytes for people.
func size(bytes uint64) string {
	if bytes < 1<<30 {
		return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
}
