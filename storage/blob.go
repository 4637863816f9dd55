package storage

import (
	"errors"
	"io"
	"os"
	"time"

	"gocloud.dev/blob"
)

// Blob is an open blob: an io.ReadSeekCloser, which http.ServeContent takes as it is, and an io.ReaderAt. Seeking costs
// nothing until the next read. One goroutine at a time.
type Blob struct {
	reader *blob.Reader
	file   *os.File // that reader reads; nil where there is none
	key    string
	offset int64
}

// newBlob reads the file behind a reader itself: gocloud opens it anew after each seek, of which a picture's header takes dozens.
func newBlob(reader *blob.Reader, key string) *Blob {
	b := &Blob{reader: reader, key: key}
	var source io.Reader
	if reader.As(&source) {
		b.file, _ = source.(*os.File)
	}
	return b
}

// Read reads on from the offset.
func (b *Blob) Read(p []byte) (n int, err error) {
	if b.file != nil {
		if n, err = b.file.ReadAt(p, b.offset); n > 0 {
			err = nil // the next Read tells
		}
	} else {
		n, err = b.reader.Read(p)
	}
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
	offset = min(offset, b.Size())
	if b.file == nil {
		if _, err := b.reader.Seek(offset, io.SeekStart); err != nil {
			return 0, failed("seek", b.key, err)
		}
	}
	b.offset = offset
	return offset, nil
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
