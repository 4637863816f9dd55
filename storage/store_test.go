package storage

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestOpenRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for location, says := range map[string]string{
		"file:///tmp/x":      "only a folder",
		"gs://bucket":        "only a folder",
		"s3://bucket/folder": "?prefix=folder/",
		"s3://bucket?nope=1": "nope",
		file:                 "not a directory",
		file + "/below":      "not a directory",
	} {
		s, err := Open(t.Context(), location)
		if err == nil || !strings.Contains(err.Error(), says) || s != nil {
			t.Errorf("Open(%s): %v; want a word of %q", location, err, says)
		}
	}
}

// What people have brought or drawn is on the disk before a write is over, file and folders, any of which may be new; what can be made again is not waited for.
func TestWritesOutlastAPowerCut(t *testing.T) {
	s := open(t, t.TempDir())
	var synced []string
	s.sync = func(file *os.File) error {
		info, err := file.Stat()
		name, _, _ := strings.Cut(filepath.Base(file.Name()), ".")
		if file.Name() == s.folder {
			name = "all"
		}
		synced = append(synced, fmt.Sprintf("%s %t", name, info.IsDir()))
		return errors.Join(err, file.Sync())
	}
	for key, want := range map[string]string{
		ImageKey("s", "i"): "i false, images true, s true, sessions true, all true", RevisionKey("s", "j", "A.change"): "A false, j true, jobs true, s true, sessions true, all true",
		ResultKey("s", "j"): "", PieceKey("s", "j", 12): "", MaskKey("s", "j"): "",
	} {
		synced = nil
		if err := s.Write(t.Context(), key, []byte("x")); err != nil || strings.Join(synced, ", ") != want {
			t.Errorf("%s: synced %q, want %q, %v", key, synced, want, err)
		}
	}
	broken := errors.New("broken disk")
	s.sync = func(*os.File) error { return broken }
	if err := s.Write(t.Context(), ImageKey("s", "k"), []byte("x")); !errors.Is(err, broken) {
		t.Error(err)
	}
	wantAbsent(t, s, ImageKey("s", "k"))
}

// A file that a power cut has emptied, which a hub of before did not sync, is not taken for what was written.
func TestAnEmptyBlobIsNone(t *testing.T) {
	s := open(t, t.TempDir())
	key := ResultKey("s", "j")
	if err := s.Write(t.Context(), key, nil); err != nil {
		t.Fatal(err)
	}
	wantAbsent(t, s, key)
	if err := s.Delete(t.Context(), key); err != nil {
		t.Error(err)
	}
}

// A folder holds the layout that doc.go promises, nothing beside it, and nobody else may look in.
func TestFolderLayout(t *testing.T) {
	s := open(t, t.TempDir())
	keys := []string{ImageKey("s", "i"), ProbabilityKey("s", "j"), MaskKey("s", "j"), ResultKey("s", "j")}
	for _, key := range keys {
		if err := s.Write(t.Context(), key, []byte(key)); err != nil {
			t.Fatal(err)
		}
	}
	var files []string
	err := filepath.WalkDir(s.folder, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			relative, _ := filepath.Rel(s.folder, path)
			files = append(files, filepath.ToSlash(relative))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "sessions/s/images/i sessions/s/jobs/j/mask.png sessions/s/jobs/j/probability.bands sessions/s/jobs/j/result.json"
	if got := strings.Join(files, " "); got != want {
		t.Errorf("files %s\nwant  %s", got, want)
	}
	info, err := os.Stat(filepath.Join(s.folder, "sessions"))
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("folder mode %v, %v; want 0700", info.Mode(), err)
	}
}

// What a killed hub leaves of an unfinished write is no blob, is listed, and goes with its session.
func TestUnfinishedWrite(t *testing.T) {
	s := open(t, t.TempDir())
	if err := s.Write(t.Context(), ImageKey("s", "i"), []byte("whole")); err != nil {
		t.Fatal(err)
	}
	half := filepath.Join(s.folder, ImageKey("s", "other")+".18c2f0a1.tmp")
	if err := os.WriteFile(half, []byte("ha"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantAbsent(t, s, ImageKey("s", "other"))
	want := []Unfinished{{Name: ImageKey("s", "other") + ".18c2f0a1.tmp", Size: 2}}
	if got, err := s.Unfinished(t.Context(), "s"); err != nil || !slices.Equal(got, want) {
		t.Errorf("unfinished are %v, %v", got, err)
	}
	if err := s.DeleteSession(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(half); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("still there: %v", err)
	}
}

func TestDeleteUnfinished(t *testing.T) {
	s := open(t, t.TempDir())
	err := s.WriteBy(t.Context(), MaskKey("s", "j"), func(io.Writer) error {
		written, err := s.Unfinished(t.Context(), "s")
		if err != nil || len(written) != 1 {
			t.Fatalf("unfinished are %v, %v", written, err)
		}
		return s.DeleteUnfinished(t.Context(), written[0].Name)
	})
	if err == nil {
		t.Error("a blob was stored whose file was gone")
	}
	if err := s.DeleteUnfinished(t.Context(), MaskKey("s", "j")+".18c2f0a1.tmp"); err != nil {
		t.Errorf("one that is gone: %v", err)
	}
	if err := s.Write(t.Context(), MaskKey("s", "j"), []byte("whole")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{MaskKey("s", "j"), "sessions/s/../../../etc.1.tmp", "identity.1.tmp"} {
		if err := s.DeleteUnfinished(t.Context(), name); !errors.Is(err, ErrBadKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantBlob(t, s, MaskKey("s", "j"), []byte("whole"))
}

// TestDeletedUnderReader deletes a session while its blob is being read. The file that is open stays that file: a seek does not look
// for it anew, which would also cost a call for each piece of a picture's header.
func TestDeletedUnderReader(t *testing.T) {
	s := open(t, t.TempDir())
	key, data := ImageKey("s", "i"), randomBytes(100)
	if err := s.Write(t.Context(), key, data); err != nil {
		t.Fatal(err)
	}
	b, err := s.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	if err := s.DeleteSession(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Seek(50, 0); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 10)
	if n, err := b.Read(got); n != 10 || err != nil || !bytes.Equal(got, data[50:60]) {
		t.Errorf("Read after the session went: %d bytes %x, %v", n, got, err)
	}
}

// TestSilentHubIsGone has a hub that announced itself an hour before by the storage's clock.
func TestSilentHubIsGone(t *testing.T) {
	folder := t.TempDir()
	s := open(t, folder)
	if _, err := s.Announce(t.Context(), "old", 10*time.Minute); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "hubs", "old")
	before := time.Now().Add(-time.Hour)
	if err := os.Chtimes(file, before, before); err != nil {
		t.Fatal(err)
	}
	if others, err := s.Announce(t.Context(), "new", 10*time.Minute); err != nil || len(others) > 0 {
		t.Errorf("others %v, %v", others, err)
	}
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("its announcement stays: %v", err)
	}
}

// TestSessionOfHalfWrittenFilesIsListed has what a hub that was killed in a write leaves behind.
func TestSessionOfHalfWrittenFilesIsListed(t *testing.T) {
	folder := t.TempDir()
	s := open(t, folder)
	left := filepath.Join(folder, "sessions", "ada", "images")
	if err := os.MkdirAll(left, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(left, "fileblob123"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if ids, err := s.Sessions(t.Context()); err != nil || len(ids) != 1 || ids[0] != "ada" {
		t.Errorf("sessions %v, %v", ids, err)
	}
}

// TestListingWhileFilesGo reads a folder over and over while its files get their names and go.
func TestListingWhileFilesGo(t *testing.T) {
	s := open(t, t.TempDir())
	if err := s.Write(t.Context(), ImageKey("s", "stays"), []byte("four")); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		done <- func() error {
			for i := range 300 {
				key := ImageKey("s", "goes"+strconv.Itoa(i%7))
				if err := s.Write(t.Context(), key, []byte("four")); err != nil {
					return err
				}
				if err := s.Delete(t.Context(), key); err != nil {
					return err
				}
			}
			return nil
		}()
	}()
	for {
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
			return
		default:
		}
		if size, err := s.SessionSize(t.Context(), "s"); err != nil || size < 4 {
			t.Fatalf("size %d, %v", size, err)
		}
		if keys, err := s.Keys(t.Context(), "s"); err != nil || !slices.Contains(keys, ImageKey("s", "stays")) {
			t.Fatalf("keys %v, %v", keys, err)
		}
	}
}

// TestAFolderThatIsNotMounted takes the disk away from under a folder and puts it back: what it is mounted on is there, and empty, or has been
// taken for the storage once.
func TestAFolderThatIsNotMounted(t *testing.T) {
	for name, below := range map[string]map[string]string{"empty": {}, "with a name of its own": {identityKey: "another"}} {
		t.Run(name, func(t *testing.T) {
			ctx, folder := t.Context(), filepath.Join(t.TempDir(), "mnt")
			must := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			s, err := Open(ctx, folder)
			must(err)
			defer s.Close()
			image, other := ImageKey("ada", "i1"), ImageKey("ada", "i2")
			must(s.Write(ctx, image, []byte("pixels")))
			_, err = s.Identity(ctx)
			must(err)

			must(os.Rename(folder, folder+".disk"))
			must(os.Mkdir(folder, 0o700))
			for name, text := range below {
				must(os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
			}
			_, opened := s.Open(ctx, image)
			_, read := s.Read(ctx, image)
			_, named := s.Identity(ctx)
			for call, err := range map[string]error{"open": opened, "read": read, "write": s.Write(ctx, other, []byte("pixels")), "check": s.Check(ctx),
				"name": named, "delete": s.Delete(ctx, image), "delete session": s.DeleteSession(ctx, "ada")} {
				if !errors.Is(err, ErrOther) || errors.Is(err, ErrNotFound) {
					t.Errorf("%s: %v", call, err)
				}
			}
			if left, err := os.ReadDir(folder); err != nil || len(left) != len(below) {
				t.Errorf("the place of the disk has %v (%v)", left, err)
			}

			must(os.RemoveAll(folder))
			must(os.Rename(folder+".disk", folder))
			if data, err := s.Read(ctx, image); err != nil || string(data) != "pixels" {
				t.Errorf("the disk is back: %q, %v", data, err)
			}
			if _, err := s.Read(ctx, other); !errors.Is(err, ErrNotFound) {
				t.Errorf("what was never there: %v", err)
			}
		})
	}
}
