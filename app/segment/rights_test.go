//go:build unix

package segment

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestWhatIsWrittenHasTheRightsOfNewFiles(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o007)) // of a folder that a group shares
	f := fetcher{out: t.TempDir()}
	err := f.save("a.csv", func(to func() (io.Writer, error)) error {
		_, err := to()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(f.out, "a.csv")); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}
