package mask

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// frames are the parts of a stored map, which follow each other behind its header. Behind the last one is their index: the length of each
// (uint32, little-endian).
type frames struct {
	r       io.ReadSeeker
	begins  []int64 // where each begins, and behind the last one the index
	damaged error   // what is wrapped where something is wrong with the map, and not with r
}

// readIndex finds so many frames, the first of which begins at at.
func (f *frames) readIndex(at int64, count int) error {
	size, err := f.r.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	begin := size - 4*int64(count)
	if begin < at {
		return fmt.Errorf("%w: %d bytes have no room for %d frames", f.damaged, size, count)
	}
	index := make([]byte, 4*count)
	if err := f.readAt(index, begin); err != nil {
		return err
	}
	f.begins = make([]int64, 0, count+1)
	for ; len(index) > 0; index = index[4:] {
		f.begins = append(f.begins, at)
		at += int64(binary.LittleEndian.Uint32(index))
	}
	if at != begin {
		return fmt.Errorf("%w: its frames do not end where its index begins", f.damaged)
	}
	f.begins = append(f.begins, at)
	return nil
}

// read gives a frame as it is stored, in the memory of buffer where that suffices.
func (f *frames) read(frame int, buffer []byte) ([]byte, error) {
	length := int(f.begins[frame+1] - f.begins[frame])
	packed := slices.Grow(buffer[:0], length)[:length]
	return packed, f.readAt(packed, f.begins[frame])
}

func (f *frames) readAt(p []byte, offset int64) error {
	if _, err := f.r.Seek(offset, io.SeekStart); err != nil {
		return err
	}
	_, err := io.ReadFull(f.r, p)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it ends too soon", f.damaged)
	}
	return err
}
