package tiff

import (
	"encoding/binary"
	"errors"
	"io"
	"slices"

	"seghub/models/imageio/refusal"
)

// File is an open TIFF file.
type File struct {
	Directories []*Directory // in the order in which they are chained

	r     io.ReaderAt
	size  int64
	order binary.ByteOrder
	big   bool // BigTIFF: offsets and counts of 64 bits
}

// Open reads the directories of the file of size bytes in r, of which there may be most at most; 0 is no limit. The error is a
// refusal, or what r returned.
func Open(r io.ReaderAt, size int64, most int) (*File, error) {
	f := &File{r: &chunked{r: r, size: size}, size: size, order: binary.LittleEndian}
	head := make([]byte, min(16, size))
	if err := f.read(head, 0); err != nil {
		return nil, err
	}
	if len(head) < 8 {
		return nil, refusal.Corrupt("The file ends within its header.")
	}
	if head[0] == 'M' {
		f.order = binary.BigEndian
	}
	next := int64(f.order.Uint32(head[4:]))
	if f.order.Uint16(head[2:]) == 43 {
		f.big = true
		if len(head) < 16 {
			return nil, refusal.Corrupt("The file ends within its header.")
		}
		if f.order.Uint16(head[4:]) != 8 {
			return nil, refusal.Unsupported("This BigTIFF has offsets of %d bytes; 8 are known.", f.order.Uint16(head[4:]))
		}
		next = int64(f.order.Uint64(head[8:]))
	}
	if next == 0 {
		return nil, refusal.Corrupt("This TIFF holds no page.")
	}
	seen := make(map[int64]bool)
	for next != 0 {
		if seen[next] {
			return nil, refusal.Corrupt("The list of this TIFF's pages runs in a circle.")
		}
		if most > 0 && len(f.Directories) == most {
			return nil, refusal.TooLarge("This TIFF has more than the %d pages that this server takes in one file: cut it into several.", most)
		}
		if len(f.Directories) > 0 && f.unwritten(next) {
			break
		}
		seen[next] = true
		var d *Directory
		var err error
		if d, next, err = f.Directory(next); err != nil {
			return nil, err
		}
		f.Directories = append(f.Directories, d)
	}
	return f, nil
}

// unwritten tells whether a directory should be where there is room for it and nothing yet. Who writes a film as it comes (Micro-Manager) has each
// page lead to the next, and does not mend that of the last where it is stopped.
func (f *File) unwritten(offset int64) bool {
	count := make([]byte, 2)
	if f.big {
		count = make([]byte, 8)
	}
	return f.read(count, offset) == nil && !slices.ContainsFunc(count, func(b byte) bool { return b != 0 })
}

// maxEntries is more than any program writes into one directory.
const maxEntries = 4096

// Directory reads the directory at an offset, and gives that of the next in its chain, 0 where it is the last.
func (f *File) Directory(offset int64) (d *Directory, next int64, err error) {
	countSize, entrySize, offsetSize := int64(2), int64(12), int64(4)
	if f.big {
		countSize, entrySize, offsetSize = 8, 20, 8
	}
	head := make([]byte, countSize)
	if err := f.read(head, offset); err != nil {
		return nil, 0, err
	}
	count := int64(f.order.Uint16(head))
	if f.big {
		count = int64(min(f.order.Uint64(head), maxEntries+1))
	}
	if count == 0 || count > maxEntries {
		return nil, 0, refusal.Corrupt("What should be a page of this TIFF is none.")
	}
	body := make([]byte, count*entrySize+offsetSize)
	if err := f.read(body, offset+countSize); err != nil {
		return nil, 0, err
	}
	d = &Directory{file: f, entries: make([]entry, 0, count)}
	for i := range count {
		d.add(f.entry(body[i*entrySize:][:entrySize], offset+countSize+i*entrySize))
	}
	last := body[count*entrySize:]
	if f.big {
		return d, int64(f.order.Uint64(last)), nil
	}
	return d, int64(f.order.Uint32(last)), nil
}

// read fills p from offset on.
func (f *File) read(p []byte, offset int64) error {
	if offset < 0 || offset > f.size || int64(len(p)) > f.size-offset {
		return errCut()
	}
	n, err := f.r.ReadAt(p, offset)
	switch {
	case n == len(p):
		return nil
	case err == nil, errors.Is(err, io.EOF):
		return errCut()
	}
	return err
}

func errCut() error {
	return refusal.Corrupt("The file is cut short: a part of it that it speaks of lies behind its end.")
}

// chunked keeps the last piece read, as directories and what they point to are read in small pieces that lie close together.
type chunked struct {
	r     io.ReaderAt
	size  int64
	at    int64
	piece []byte
}

const pieceSize = 8 << 10

func (c *chunked) ReadAt(p []byte, offset int64) (int, error) {
	if len(p) > pieceSize/2 {
		return c.r.ReadAt(p, offset)
	}
	if offset < c.at || offset+int64(len(p)) > c.at+int64(len(c.piece)) {
		piece := make([]byte, min(pieceSize, c.size-offset))
		n, err := c.r.ReadAt(piece, offset)
		if n < len(p) {
			return 0, err
		}
		c.at, c.piece = offset, piece[:n]
	}
	return copy(p, c.piece[offset-c.at:]), nil
}
