package storage

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	_ "gocloud.dev/blob/memblob" // mem://
	"gocloud.dev/gcerrors"
)

// Store keeps blobs in one bucket.
type Store struct {
	bucket *blob.Bucket
	folder string // the bucket's folder; empty when it is none
	sync   func(*os.File) error
	name   atomic.Pointer[string] // as Identity has told it; nil until then
}

// ErrLocation says that a URL, or what it goes by, names no store.
var ErrLocation = errors.New("storage: the location is not valid")

// Open opens the store at location: a folder, which is made when it is not there, or the URL of a bucket, which must be none of an ErrLocation.
// s3://NAME?region=R takes the credentials from where every AWS client finds them; &endpoint=URL and
// &use_path_style=true name another server that speaks S3, &prefix=a/ keeps to a part of the bucket.
// mem:// is gone with the process.
func Open(ctx context.Context, location string) (*Store, error) {
	scheme, rest, isURL := strings.Cut(location, "://")
	if !isURL {
		return openFolder(location)
	}
	if scheme != "mem" && scheme != "s3" {
		return nil, fmt.Errorf("%w: open %s://: only a folder, s3:// and mem:// are known", ErrLocation, scheme)
	}
	if name, _, _ := strings.Cut(rest, "?"); strings.Contains(name, "/") {
		// gocloud would ignore the path and fill the whole bucket.
		return nil, fmt.Errorf("%w: open %s://%s: a bucket has no path; say ?prefix=folder/ instead", ErrLocation, scheme, name)
	}
	bucket, err := openBucket(ctx, location, silence) // which asks nobody yet
	if err != nil {
		return nil, fmt.Errorf("%w: open %s bucket: %w", ErrLocation, scheme, err)
	}
	return &Store{bucket: bucket}, nil
}

func openFolder(folder string) (*Store, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return nil, fmt.Errorf("storage: open folder: %w", err)
	}
	bucket, err := fileblob.OpenBucket(folder, &fileblob.Options{
		CreateDir:   true,
		DirFileMode: 0o700, // other users of the machine have no business with people's images
		NoTempDir:   true,  // a rename is atomic only within one file system
		Metadata:    fileblob.MetadataDontWrite,
	})
	if err != nil {
		return nil, fmt.Errorf("storage: open folder %s: %w", folder, err)
	}
	return &Store{bucket: bucket, folder: folder, sync: (*os.File).Sync}, nil
}

// Put streams r into key and returns how many bytes it stored. More than limit bytes are ErrTooLarge, a
// full disk is ErrFull; an error of r comes back wrapped. ctx is looked at between reads, so r must end
// by itself when ctx does.
func (s *Store) Put(ctx context.Context, key string, r io.Reader, limit int64) (int64, error) {
	var n int64
	err := checkKey(key)
	if err == nil {
		err = s.put(ctx, key, &blob.WriterOptions{}, func(ctx context.Context, w io.Writer) (err error) {
			n, err = copyAll(w, limited(ctx, r, limit))
			return err
		})
	}
	if err != nil {
		return 0, failed(OpPut, key, err)
	}
	return n, nil
}

// put keeps under key what write writes, unless that returns an error; with options to which it adds. gocloud's own WriteAll leaves
// file and descriptor behind where the disk is full.
func (s *Store) put(ctx context.Context, key string, options *blob.WriterOptions, write func(context.Context, io.Writer) error) error {
	if err := s.stays(); err != nil {
		return err
	}
	// Closing a gocloud writer commits; only a cancelled context makes it throw away what it has.
	ctx, abandon := context.WithCancel(ctx)
	defer abandon()
	var file *os.File                                // nil in a bucket
	options.ContentType = "application/octet-stream" // spares the sniffing, which buffers
	options.BeforeWrite = func(as func(any) bool) error {
		as(&file)
		return nil
	}
	w, err := s.bucket.NewWriter(ctx, key, options)
	if err != nil {
		return err
	}
	lasting := file != nil && lasts(key)
	if err = write(ctx, w); err == nil && lasting {
		err = s.sync(file)
	}
	if err != nil {
		abandon()
		err = errors.Join(err, ignoreCancelled(w.Close()))
	} else {
		err = w.Close()
	}
	if err != nil && file != nil {
		// gocloud leaves the file when closing it fails, as it may on a network disk that is full.
		_ = os.Remove(file.Name())
	}
	if err == nil && lasting {
		err = s.syncFolders(filepath.Dir(file.Name()))
	}
	return err
}

// syncFolders has the names in a folder of the storage outlast a power cut, and that of the folder, and of what it lies in: any of them may be new.
func (s *Store) syncFolders(name string) error {
	for {
		if err := s.syncFolder(name); err != nil || name == s.folder {
			return err
		}
		name = filepath.Dir(name)
	}
}

// syncFolder has the names in a folder outlast a power cut. Systems that do that by themselves, or never, refuse it; a folder may be gone with
// its session.
func (s *Store) syncFolder(name string) error {
	folder, err := os.Open(name)
	if err != nil {
		return ignoreGone(err)
	}
	err = s.sync(folder)
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission) {
		err = nil
	}
	return errors.Join(err, folder.Close())
}

// What is stored comes in small pieces, and each write to a file is a system call.
const pieceSize = 256 << 10

var (
	pieces  = sync.Pool{New: func() any { return new([pieceSize]byte) }}
	buffers = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, pieceSize) }}
)

// copyAll writes r to its end in pieces.
func copyAll(w io.Writer, r io.Reader) (n int64, err error) {
	piece := pieces.Get().(*[pieceSize]byte)
	defer pieces.Put(piece)
	for filled := 0; err == nil; {
		var k int
		k, err = r.Read(piece[filled:])
		filled += k
		if err != nil && !errors.Is(err, io.EOF) {
			return n, err
		}
		if filled == len(piece) || err != nil {
			if _, err := w.Write(piece[:filled]); err != nil {
				return n, err
			}
			n += int64(filled)
			filled = 0
		}
	}
	return n, nil
}

// ignoreCancelled drops what a writer says of being abandoned on purpose.
func ignoreCancelled(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// Write stores data under key.
func (s *Store) Write(ctx context.Context, key string, data []byte) error {
	return s.write(ctx, key, bytesOf(data))
}

// WriteBy stores under key what write writes in pieces of any size, unless that returns an error, which comes back wrapped.
func (s *Store) WriteBy(ctx context.Context, key string, write func(w io.Writer) error) error {
	return s.write(ctx, key, func(_ context.Context, w io.Writer) error {
		buffered := buffers.Get().(*bufio.Writer)
		buffered.Reset(w)
		defer func() {
			buffered.Reset(nil) // w is not to be kept with it
			buffers.Put(buffered)
		}()
		return cmp.Or(write(buffered), buffered.Flush())
	})
}

func (s *Store) write(ctx context.Context, key string, write func(context.Context, io.Writer) error) error {
	err := checkKey(key)
	if err == nil {
		err = s.put(ctx, key, &blob.WriterOptions{}, write)
	}
	return failed(OpPut, key, err)
}

// checkBlob is the blob that Check writes, over and over.
const checkBlob = "check"

// Check reports why the storage takes no blob now; nil when it does.
func (s *Store) Check(ctx context.Context) error {
	return failed(OpPut, checkBlob, s.put(ctx, checkBlob, &blob.WriterOptions{}, bytesOf([]byte("check"))))
}

// bytesOf writes data.
func bytesOf(data []byte) func(context.Context, io.Writer) error {
	return func(ctx context.Context, w io.Writer) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		_, err := w.Write(data)
		return err
	}
}

// Open opens the blob under key for reading. ctx governs its reads too. The caller closes it.
func (s *Store) Open(ctx context.Context, key string) (*Blob, error) {
	if err := checkKey(key); err != nil {
		return nil, failed("open", key, err)
	}
	r, err := s.bucket.NewReader(ctx, key, nil)
	if err != nil {
		return nil, failed("open", key, s.absent(err))
	}
	if err := checkSize(key, r.Size()); err != nil {
		return nil, failed("open", key, errors.Join(err, r.Close()))
	}
	return newBlob(r, key), nil
}

// Read returns the whole blob under key; for what the hub wrote itself and knows to be small.
func (s *Store) Read(ctx context.Context, key string) ([]byte, error) {
	if err := checkKey(key); err != nil {
		return nil, failed("read", key, err)
	}
	data, err := s.bucket.ReadAll(ctx, key)
	if err == nil {
		err = checkSize(key, int64(len(data)))
	}
	if err != nil {
		return nil, failed("read", key, s.absent(err))
	}
	return data, nil
}

// Delete removes the blob under key. None there is no error.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return failed("delete", key, err)
	}
	return failed("delete", key, ignoreAbsent(s.absent(s.bucket.Delete(ctx, key))))
}

// DeleteSession removes every blob of session. A session without blobs is no error.
func (s *Store) DeleteSession(ctx context.Context, session string) error {
	if !wellFormedID.MatchString(session) {
		return failed("delete session", session, ErrBadKey)
	}
	return failed("delete session", session, s.deleteAll(ctx, sessionsFolder+session))
}

// DeleteJob removes every blob of a job. A job without blobs is no error.
func (s *Store) DeleteJob(ctx context.Context, session, job string) error {
	if !wellFormedID.MatchString(session) || !wellFormedID.MatchString(job) {
		return failed("delete job", job, ErrBadKey)
	}
	return failed("delete job", job, s.deleteAll(ctx, sessionsFolder+session+"/jobs/"+job))
}

// SessionSize is how many bytes the blobs of session take.
func (s *Store) SessionSize(ctx context.Context, session string) (int64, error) {
	if !wellFormedID.MatchString(session) {
		return 0, failed("size of session", session, ErrBadKey)
	}
	var size int64
	err := s.walk(ctx, session, func(_ string, bytes int64) { size += bytes })
	return size, failed("size of session", session, err)
}

// deleteAll removes what lies under a folder's name.
func (s *Store) deleteAll(ctx context.Context, folder string) error {
	if err := cmp.Or(ctx.Err(), s.stays()); err != nil {
		return err
	}
	if s.folder != "" {
		// Takes the folders along, and what a killed hub left half written.
		return os.RemoveAll(filepath.Join(s.folder, folder))
	}
	var keys []string
	err := s.list(ctx, &blob.ListOptions{Prefix: folder + "/"}, func(object *blob.ListObject) {
		keys = append(keys, object.Key)
	})
	for _, key := range keys {
		err = errors.Join(err, ignoreAbsent(s.bucket.Delete(ctx, key)))
	}
	return err
}

// ignoreAbsent drops that what is to be deleted is gone already.
func ignoreAbsent(err error) error {
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil
	}
	return err
}

// Close frees the store; no call may follow.
func (s *Store) Close() error { return failed("close", "", s.bucket.Close()) }

// limited reads r until limit bytes were read or ctx ends.
func limited(ctx context.Context, r io.Reader, limit int64) io.Reader {
	return readerFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		n, err := r.Read(p)
		if int64(n) > limit {
			return 0, ErrTooLarge
		}
		limit -= int64(n)
		return n, err
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
