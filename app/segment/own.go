package segment

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

const (
	ownPrefix = "seghub-own-"
	ownLock   = "lock" // in the folder; held for as long as the process lives, however it ends
)

// ownFolder makes a folder among the system's temporary files for a hub within this process; remove takes it away. Those of processes that were
// killed, as for want of memory, are taken away first: they have people's images, up to half of the disk, which in many a system is memory.
func ownFolder() (folder string, remove func() error, err error) {
	sweepOwn()
	if folder, err = os.MkdirTemp("", ownPrefix); err != nil {
		return "", nil, err
	}
	// It gets its name once it is held, so that nobody finds it free before. Where files cannot be locked it gets none, and the folder is no one else's.
	unnamed := filepath.Join(folder, ownLock+".new")
	lock, err := os.OpenFile(unnamed, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(folder))
	}
	if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
		err = os.Rename(unnamed, filepath.Join(folder, ownLock))
	}
	remove = func() error { return errors.Join(removeOwn(folder), lock.Close()) }
	if err != nil {
		return "", nil, errors.Join(err, remove())
	}
	return folder, remove, nil
}

// sweepOwn takes away the folders that nobody holds any more. Those that cannot be are left: they are somebody else's.
func sweepOwn() {
	folders, _ := filepath.Glob(filepath.Join(os.TempDir(), ownPrefix+"*")) // which only a bad pattern fails
	for _, folder := range folders {
		info, err := os.Lstat(folder)
		if err != nil || !info.IsDir() { // nor is what a link leads to
			continue
		}
		lock, err := os.OpenFile(filepath.Join(folder, ownLock), os.O_RDWR|syscall.O_NOFOLLOW, 0)
		if err != nil {
			continue
		}
		if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			_ = removeOwn(folder)
		}
		_ = lock.Close()
	}
}

// removeOwn removes a folder, its lock last: what is cut short is found again.
func removeOwn(folder string) error {
	entries, err := os.ReadDir(folder)
	for _, entry := range entries {
		if entry.Name() != ownLock {
			err = errors.Join(err, os.RemoveAll(filepath.Join(folder, entry.Name())))
		}
	}
	if err != nil {
		return err
	}
	return os.RemoveAll(folder)
}
