package storage

import (
	"errors"
	"io"
	"time"

	"gocloud.dev/blob"
)

// Blob is an open blob: an io.ReadSeekCloser, which http.ServeContent takes as it is, and an io.ReaderAt. Seeking costs
// nothing until the next read. One goroutine at a time.
type Blob struct {
	reader *blob.Reader
	key    string
	offset int64
}

// Read reads on from the offset.
func (b *Blob) Read(p []byte) (int, error) {
	n, err := b.reader.Read(p)
	b.offset += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		err = failed("read", b.key, err)
	}
	return n, err
}

// Seek moves the offset. Past the end it stops at the end: a damaged file may send its reader anywhere.
func (b *Blob) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += b.offset
	case io.SeekEnd:
		offset += b.Size()
	default:
		return 0, failed("seek", b.key, errors.New("unknown whence"))
	}
	if offset < 0 {
		return 0, failed("seek", b.key, errors.New("before the beginning"))
	}
	at, err := b.reader.Seek(min(offset, b.Size()), io.SeekStart)
	if err != nil {
		return 0, failed("seek", b.key, err)
	}
	b.offset = at
	return at, nil
}

// ReadAt reads len(p) bytes at offset, or to the end with io.EOF. It moves the offset of Read, and is one goroutine's at a time,
// as all of Blob.
func (b *Blob) ReadAt(p []byte, offset int64) (int, error) {
	if offset >= b.Size() {
		return 0, io.EOF
	}
	if _, err := b.Seek(offset, io.SeekStart); err != nil {
		return 0, err
	}
	n, err := io.ReadFull(b, p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}

// Size is the whole blob's, in bytes.
func (b *Blob) Size() int64 { return b.reader.Size() }

// ModTime is when it was written.
func (b *Blob) ModTime() time.Time { return b.reader.ModTime() }

// Close ends the reading.
func (b *Blob) Close() error { return failed("close", b.key, b.reader.Close()) }
