package storage

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/iotest"
	"time"
)

// backends are the buckets that every test of the suite runs on.
var backends = []struct {
	name     string
	location func(t *testing.T) string
}{
	{"folder", func(t *testing.T) string { return filepath.Join(t.TempDir(), "made", "on", "demand") }},
	{"mem", func(*testing.T) string { return "mem://" }},
	{"s3", s3Location},
}

// TestConformance holds every backend to what the package promises.
func TestConformance(t *testing.T) {
	suite := []struct {
		name string
		test func(*testing.T, *Store)
	}{
		{"a blob comes back as it was put", testRoundTrip},
		{"reading and seeking like a file", testSeek},
		{"what is absent is ErrNotFound", testAbsent},
		{"a write that fails leaves nothing", testFailedPut},
		{"a write that fails leaves the old blob", testFailedOverwrite},
		{"a check leaves no blob of anybody", testCheck},
		{"the limit is exact", testLimit},
		{"malformed keys reach nothing", testBadKeys},
		{"a session is deleted whole and alone", testDeleteSession},
		{"a session's size is that of its blobs", testSessionSize},
		{"many at once", testConcurrency},
		{"sessions and their keys are listed", testLists},
		{"a storage has one name for all", testIdentity},
		{"hubs see each other", testHubs},
	}
	for _, backend := range backends {
		t.Run(backend.name, func(t *testing.T) {
			for _, c := range suite {
				t.Run(c.name, func(t *testing.T) {
					c.test(t, open(t, backend.location(t)))
				})
			}
		})
	}
}

func open(t *testing.T, location string) *Store {
	t.Helper()
	s, err := Open(t.Context(), location)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func testRoundTrip(t *testing.T, s *Store) {
	for i, size := range []int{0, 1, 511, 512, 32 << 10, 3<<20 + 7} {
		key, data := ImageKey("s", fmt.Sprint("i", i)), randomBytes(size)
		n, err := s.Put(t.Context(), key, iotest.HalfReader(bytes.NewReader(data)), int64(size))
		if err != nil || n != int64(size) {
			t.Fatalf("Put of %d bytes gave %d, %v", size, n, err)
		}
		wantBlob(t, s, key, data)
	}
	for _, key := range []string{MaskKey("s", "j"), ProbabilityKey("s", "j"), ResultKey("s", "j")} {
		if err := s.Write(t.Context(), key, []byte(key)); err != nil {
			t.Fatal(err)
		}
		wantBlob(t, s, key, []byte(key))
	}
	key := MaskKey("s", "j")
	if err := s.Write(t.Context(), key, []byte("newer")); err != nil {
		t.Fatal(err)
	}
	wantBlob(t, s, key, []byte("newer"))
	data := randomBytes(1<<20 + 7)
	err := s.WriteBy(t.Context(), key, func(w io.Writer) error {
		_, err := io.Copy(w, iotest.HalfReader(bytes.NewReader(data)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	wantBlob(t, s, key, data)
}

func testSeek(t *testing.T, s *Store) {
	key, data := ImageKey("s", "i"), randomBytes(100_000)
	if err := s.Write(t.Context(), key, data); err != nil {
		t.Fatal(err)
	}
	b, err := s.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	if b.ModTime().IsZero() {
		t.Error("no ModTime")
	}
	for _, c := range []struct {
		offset int64
		whence int
		want   int
	}{
		{0, io.SeekEnd, 100_000},
		{10, io.SeekStart, 10},
		{5, io.SeekCurrent, 15 + 8}, // 8 were read at 10
		{-4, io.SeekEnd, 99_996},
		{1 << 40, io.SeekStart, 100_000}, // stops at the end
		{0, io.SeekStart, 0},
	} {
		at, err := b.Seek(c.offset, c.whence)
		if err != nil || at != int64(c.want) {
			t.Fatalf("Seek(%d, %d) = %d, %v; want %d", c.offset, c.whence, at, err, c.want)
		}
		got := make([]byte, 8)
		n, err := io.ReadFull(b, got)
		want := data[c.want:min(c.want+8, len(data))]
		if !bytes.Equal(got[:n], want) {
			t.Fatalf("after Seek(%d, %d) read %x, %v; want %x", c.offset, c.whence, got[:n], err, want)
		}
	}
	for _, c := range []struct {
		offset int64
		whence int
	}{{-1, io.SeekStart}, {-200_000, io.SeekEnd}, {0, 9}} {
		if _, err := b.Seek(c.offset, c.whence); err == nil {
			t.Errorf("Seek(%d, %d) succeeded", c.offset, c.whence)
		}
	}
	if at, err := b.Seek(0, io.SeekCurrent); err != nil || at != 8 {
		t.Errorf("refused seeks moved the offset to %d, %v", at, err)
	}
	for _, c := range []struct {
		offset int64
		want   int
		err    error
	}{{50_000, 8, nil}, {99_996, 4, io.EOF}, {1 << 40, 0, io.EOF}} {
		got := make([]byte, 8)
		n, err := b.ReadAt(got, c.offset)
		if n != c.want || !errors.Is(err, c.err) || n > 0 && !bytes.Equal(got[:n], data[c.offset:][:n]) {
			t.Errorf("ReadAt(%d) = %d bytes %x, %v", c.offset, n, got[:n], err)
		}
	}
}

func testAbsent(t *testing.T, s *Store) {
	key := ImageKey("s", "gone")
	wantAbsent(t, s, key)
	if err := s.Delete(t.Context(), key); err != nil {
		t.Errorf("Delete of nothing: %v", err)
	}
	if err := s.Write(t.Context(), key, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	wantAbsent(t, s, key)
}

// failingPuts are the ways in which a Put may end early.
var failingPuts = []struct {
	name string
	want error
	put  func(ctx context.Context, s *Store, key string) error
}{
	{"the reader fails", errReader, func(ctx context.Context, s *Store, key string) error {
		r := io.MultiReader(bytes.NewReader(randomBytes(1<<20)), iotest.ErrReader(errReader))
		_, err := s.Put(ctx, key, r, 2<<20)
		return err
	}},
	{"the upload is cut", io.ErrUnexpectedEOF, func(ctx context.Context, s *Store, key string) error {
		r := io.MultiReader(bytes.NewReader(randomBytes(1<<20)), iotest.ErrReader(io.ErrUnexpectedEOF))
		_, err := s.Put(ctx, key, r, 2<<20)
		return err
	}},
	{"the reader fails at once", errReader, func(ctx context.Context, s *Store, key string) error {
		_, err := s.Put(ctx, key, iotest.ErrReader(errReader), 1)
		return err
	}},
	{"too large", ErrTooLarge, func(ctx context.Context, s *Store, key string) error {
		_, err := s.Put(ctx, key, bytes.NewReader(randomBytes(1<<20)), 1<<20-1)
		return err
	}},
	{"ctx ends on the way", context.Canceled, func(ctx context.Context, s *Store, key string) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		r := io.MultiReader(bytes.NewReader(randomBytes(1<<20)), &calling{cancel}, bytes.NewReader(randomBytes(1<<20)))
		_, err := s.Put(ctx, key, r, 4<<20)
		return err
	}},
	{"ctx ends at the end", context.Canceled, func(ctx context.Context, s *Store, key string) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		_, err := s.Put(ctx, key, io.MultiReader(bytes.NewReader(randomBytes(1<<20)), &calling{cancel}), 4<<20)
		return err
	}},
	{"what writes fails", errReader, func(ctx context.Context, s *Store, key string) error {
		return s.WriteBy(ctx, key, func(w io.Writer) error {
			_, err := w.Write(randomBytes(1 << 20))
			return cmp.Or(err, errReader)
		})
	}},
	{"ctx had ended", context.Canceled, func(ctx context.Context, s *Store, key string) error {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		_, err := s.Put(ctx, key, bytes.NewReader(randomBytes(1)), 1)
		return err
	}},
}

var errReader = errors.New("the browser is gone")

func testFailedPut(t *testing.T, s *Store) {
	for _, c := range failingPuts {
		key := ImageKey("s", "i")
		err := c.put(t.Context(), s, key)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		var typed *Error
		if !errors.As(err, &typed) || typed.Op != "put" || typed.Key != key {
			t.Errorf("%s: %#v does not say what failed", c.name, err)
		}
		wantAbsent(t, s, key)
		wantNoFiles(t, s)
	}
}

func testFailedOverwrite(t *testing.T, s *Store) {
	key := ImageKey("s", "i")
	if err := s.Write(t.Context(), key, []byte("old")); err != nil {
		t.Fatal(err)
	}
	for _, c := range failingPuts {
		if err := c.put(t.Context(), s, key); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		wantBlob(t, s, key, []byte("old"))
	}
}

func testLimit(t *testing.T, s *Store) {
	for _, c := range []struct {
		size, limit int64
		fits        bool
	}{{0, 0, true}, {1, 0, false}, {10, 10, true}, {11, 10, false}, {100_000, 100_000, true}, {100_001, 100_000, false}} {
		key := ImageKey("s", fmt.Sprint(c.size))
		n, err := s.Put(t.Context(), key, bytes.NewReader(randomBytes(int(c.size))), c.limit)
		if c.fits && (err != nil || n != c.size) {
			t.Errorf("%d bytes under a limit of %d: %d, %v", c.size, c.limit, n, err)
		}
		if !c.fits && (!errors.Is(err, ErrTooLarge) || n != 0) {
			t.Errorf("%d bytes over a limit of %d: %d, %v", c.size, c.limit, n, err)
		}
	}
}

func testCheck(t *testing.T, s *Store) {
	for range 2 {
		if err := s.Check(t.Context()); err != nil {
			t.Error(err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Check(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("under an ended ctx: %v", err)
	}
	if size, err := s.SessionSize(t.Context(), checkBlob); err != nil || size != 0 {
		t.Errorf("size %d, %v", size, err)
	}
}

func testBadKeys(t *testing.T, s *Store) {
	for _, key := range badKeys {
		if err := s.Write(t.Context(), key, []byte("x")); !errors.Is(err, ErrBadKey) {
			t.Errorf("Write to %q: %v", key, err)
		}
		if err := s.Delete(t.Context(), key); !errors.Is(err, ErrNotFound) {
			t.Errorf("Delete of %q: %v", key, err)
		}
		wantAbsent(t, s, key)
	}
	for _, session := range []string{"", ".", "..", "a/b", "../s", "a b", "ä"} {
		if err := s.DeleteSession(t.Context(), session); !errors.Is(err, ErrBadKey) {
			t.Errorf("DeleteSession(%q): %v", session, err)
		}
	}
}

func testSessionSize(t *testing.T, s *Store) {
	want := func(size int64) {
		t.Helper()
		if got, err := s.SessionSize(t.Context(), "mine"); err != nil || got != size {
			t.Errorf("the size is %d, %v; want %d", got, err, size)
		}
	}
	want(0)
	for key, size := range map[string]int{ImageKey("mine", "a"): 1000, MaskKey("mine", "b"): 234, ImageKey("mine2", "a"): 5000} {
		if err := s.Write(t.Context(), key, make([]byte, size)); err != nil {
			t.Fatal(err)
		}
	}
	want(1234)
	if _, err := s.SessionSize(t.Context(), "../mine"); !errors.Is(err, ErrBadKey) {
		t.Errorf("a malformed id: %v", err)
	}
}

func testDeleteSession(t *testing.T, s *Store) {
	const blobs = 250 // several pages of the list of s3Server
	for i := range blobs {
		if err := s.Write(t.Context(), ImageKey("doomed", fmt.Sprint(i)), []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	kept := []string{ImageKey("doomed-not", "i"), ResultKey("doome", "j")}
	for _, key := range append(kept, ResultKey("doomed", "j")) {
		if err := s.Write(t.Context(), key, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.DeleteSession(ended, "doomed"); !errors.Is(err, context.Canceled) {
		t.Errorf("under an ended ctx: %v", err)
	}
	for range 2 { // the second time it is gone already
		if err := s.DeleteSession(t.Context(), "doomed"); err != nil {
			t.Fatal(err)
		}
	}
	for i := range blobs {
		wantAbsent(t, s, ImageKey("doomed", fmt.Sprint(i)))
	}
	wantAbsent(t, s, ResultKey("doomed", "j"))
	for _, key := range kept {
		wantBlob(t, s, key, []byte("x"))
	}
	if s.folder != "" {
		if _, err := os.Stat(filepath.Join(s.folder, "sessions", "doomed")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("its folder is still there: %v", err)
		}
	}
}

func testConcurrency(t *testing.T, s *Store) {
	versions := [][]byte{randomBytes(100_000), randomBytes(200_000)}
	key := ImageKey("s", "i")
	if err := s.Write(t.Context(), key, versions[0]); err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	for i := range 8 {
		work.Go(func() {
			for range 10 {
				if err := s.Write(t.Context(), key, versions[i%2]); err != nil {
					t.Error(err)
				}
				got, err := s.Read(t.Context(), key)
				if err != nil || !bytes.Equal(got, versions[0]) && !bytes.Equal(got, versions[1]) {
					t.Errorf("read %d bytes of no version: %v", len(got), err)
				}
			}
		})
	}
	work.Wait()
}

// calling calls do when it is read, and ends.
type calling struct{ do func() }

func (c *calling) Read([]byte) (int, error) {
	c.do()
	return 0, io.EOF
}

func wantBlob(t *testing.T, s *Store, key string, want []byte) {
	t.Helper()
	got, err := s.Read(t.Context(), key)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("Read(%s) gave %d bytes, %v; want the %d that were put", key, len(got), err, len(want))
	}
	b, err := s.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	got, err = io.ReadAll(b)
	if err != nil || !bytes.Equal(got, want) || b.Size() != int64(len(want)) {
		t.Fatalf("Open(%s) gave %d bytes, size %d, %v; want %d", key, len(got), b.Size(), err, len(want))
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}

func wantAbsent(t *testing.T, s *Store, key string) {
	t.Helper()
	if _, err := s.Read(t.Context(), key); !errors.Is(err, ErrNotFound) {
		t.Errorf("Read(%q): %v; want ErrNotFound", key, err)
	}
	if b, err := s.Open(t.Context(), key); !errors.Is(err, ErrNotFound) || b != nil {
		t.Errorf("Open(%q): %v; want ErrNotFound", key, err)
	}
}

// wantNoFiles looks below what the bucket shows.
func wantNoFiles(t *testing.T, s *Store) {
	t.Helper()
	if s.folder == "" {
		return
	}
	err := filepath.WalkDir(s.folder, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			t.Errorf("left behind: %s", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func randomBytes(n int) []byte {
	data := make([]byte, n)
	source := rand.NewChaCha8([32]byte{byte(n)})
	_, _ = source.Read(data)
	return data
}

func testLists(t *testing.T, s *Store) {
	if ids, err := s.Sessions(t.Context()); err != nil || len(ids) > 0 {
		t.Errorf("an empty storage has %v, %v", ids, err)
	}
	if _, err := s.Identity(t.Context()); err != nil { // lies beside the sessions
		t.Fatal(err)
	}
	for _, key := range []string{ImageKey("ada", "i1"), MaskKey("ada", "j1"), ResultKey("ada", "j1"), ImageKey("bob", "i1")} {
		if err := s.Write(t.Context(), key, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	ids, err := s.Sessions(t.Context())
	slices.Sort(ids)
	if err != nil || !slices.Equal(ids, []string{"ada", "bob"}) {
		t.Errorf("sessions %v, %v", ids, err)
	}
	keys, err := s.Keys(t.Context(), "ada")
	slices.Sort(keys)
	if want := []string{ImageKey("ada", "i1"), MaskKey("ada", "j1"), ResultKey("ada", "j1")}; err != nil || !slices.Equal(keys, want) {
		t.Errorf("keys %v, %v; want %v", keys, err, want)
	}
	if keys, err := s.Keys(t.Context(), "cleo"); err != nil || len(keys) > 0 {
		t.Errorf("nobody's keys: %v, %v", keys, err)
	}
	if _, err := s.Keys(t.Context(), "../ada"); !errors.Is(err, ErrBadKey) {
		t.Errorf("outside: %v", err)
	}
}

func testIdentity(t *testing.T, s *Store) {
	first, err := s.Identity(t.Context())
	if err != nil || !wellFormedID.MatchString(first) {
		t.Fatalf("%q, %v", first, err)
	}
	if again, err := s.Identity(t.Context()); err != nil || again != first {
		t.Errorf("%q, then %q, %v", first, again, err)
	}
}

func testHubs(t *testing.T, s *Store) {
	for _, name := range []string{"a", "b", "c"} {
		if _, err := s.Announce(t.Context(), name, 10*time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	others, err := s.Announce(t.Context(), "a", 10*time.Minute)
	slices.Sort(others)
	if err != nil || !slices.Equal(others, []string{"b", "c"}) {
		t.Errorf("beside a: %v, %v", others, err)
	}
	for range 2 { // the second time there is nothing left to withdraw
		if err := s.Withdraw(t.Context(), "b"); err != nil {
			t.Fatal(err)
		}
	}
	if others, err = s.Announce(t.Context(), "a", 10*time.Minute); err != nil || !slices.Equal(others, []string{"c"}) {
		t.Errorf("beside a: %v, %v", others, err)
	}
	if _, err := s.Announce(t.Context(), "../a", 10*time.Minute); !errors.Is(err, ErrBadKey) {
		t.Errorf("outside: %v", err)
	}
}
