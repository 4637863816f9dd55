package segment

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	ownPrefix = "seghub-"
	ownData   = "data"
)

// ownFolder is a new folder for a hub within this process, and remove takes it away. Those that processes have left that were killed, or fell with
// the machine, go first: each may hold gigabytes, of the room that this one needs.
func ownFolder() (data string, remove func() error, err error) {
	sweep()
	folder, err := os.MkdirTemp("", ownPrefix)
	if err != nil {
		return "", nil, err
	}
	data = filepath.Join(folder, ownData)
	mark := claim(folder)
	remove = func() error {
		err := removeOwn(folder)
		if mark != nil {
			err = errors.Join(err, mark.Close())
		}
		return err
	}
	if err := os.Mkdir(data, 0o700); err != nil {
		return "", nil, errors.Join(err, remove())
	}
	return data, remove, nil
}

// removeOwn takes the mark away last: what a signal interrupts is swept up later.
func removeOwn(folder string) error {
	return errors.Join(os.RemoveAll(filepath.Join(folder, ownData)), os.RemoveAll(folder))
}

// markIn is the file by which others see whether a folder is in use: its process holds a lock on it, which ends with that, however that ends.
// It has the machine's name, since a share may be the temporary folder of several and not every one tells them of locks.
func markIn(folder string) string {
	host, err := os.Hostname()
	if err != nil {
		host = ""
	}
	return filepath.Join(folder, "in-use-"+host)
}

// claim marks a folder as in use. The mark appears locked: at no moment does it look left. Where there are no locks there is none, and nobody
// sweeps the folder up.
func claim(folder string) *os.File {
	mark, err := os.CreateTemp(folder, "mark-")
	if err != nil {
		return nil
	}
	if lock(mark) == nil && os.Rename(mark.Name(), markIn(folder)) == nil {
		return mark
	}
	_ = mark.Close()
	return nil
}

func lock(file *os.File) error { return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }

// sweep removes the folders of this user that processes of this machine have left. What cannot be removed keeps nobody from their work.
func sweep() {
	entries, err := os.ReadDir(os.TempDir())
	if err != nil {
		return
	}
	for _, entry := range entries {
		folder := filepath.Join(os.TempDir(), entry.Name())
		if strings.HasPrefix(entry.Name(), ownPrefix) && isOwn(folder) {
			sweepUp(folder)
		}
	}
}

func sweepUp(folder string) {
	mark, err := os.OpenFile(markIn(folder), os.O_RDWR, 0)
	if err != nil {
		return
	}
	defer mark.Close()
	if lock(mark) == nil {
		_ = removeOwn(folder)
	}
}

// isOwn tells whether a folder is one that this user has to himself: in a temporary folder that all share, anybody may make one of any name.
func isOwn(folder string) bool {
	info, err := os.Lstat(folder)
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && info.IsDir() && info.Mode().Perm() == 0o700 && int(stat.Uid) == os.Getuid()
}
