package imageio

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// tailLength is how much of a file's end is searched for the mark that ends an image. Some programs
// write notes of their own behind it.
const tailLength = 64 << 10

// pngEnd is the whole last chunk of every PNG file: no length, its name and its checksum.
const pngEnd = "\x00\x00\x00\x00IEND\xae\x42\x60\x82"

// jpegEnd is the marker that ends a JPEG image; coded pixels never hold it.
const jpegEnd = "\xff\xd9"

func pngComplete(r io.ReadSeeker) (bool, error) {
	tail, err := readTail(r)
	return bytes.Contains(tail, []byte(pngEnd)), err
}

// jpegComplete looks at the tail first. A telephone's picture may carry a film behind it, so that
// where the tail has no end marker the file is walked for it.
func jpegComplete(r io.ReadSeeker) (bool, error) {
	tail, err := readTail(r)
	if err != nil || bytes.Contains(tail, []byte(jpegEnd)) {
		return err == nil, err
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return false, err
	}
	return jpegHasEnd(bufio.NewReaderSize(r, tailLength))
}

func readTail(r io.ReadSeeker) ([]byte, error) {
	size, err := r.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	if _, err := r.Seek(max(0, size-tailLength), io.SeekStart); err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(r, tailLength))
}

// jpegHasEnd walks the markers from the start of a JPEG file to the one that ends the image.
func jpegHasEnd(r *bufio.Reader) (bool, error) {
	for {
		marker, err := nextMarker(r)
		switch {
		case errors.Is(err, io.EOF):
			return false, nil
		case err != nil:
			return false, err
		case marker == jpegEnd[1]:
			return true, nil
		case marker == 0, marker == 0x01, 0xd0 <= marker && marker <= 0xd8:
			continue // stuffing, and the markers that stand alone
		}
		length, err := r.Peek(2)
		if err == nil {
			_, err = r.Discard(int(length[0])<<8 | int(length[1]))
		}
		switch {
		case errors.Is(err, io.EOF):
			return false, nil
		case err != nil:
			return false, err
		}
	}
}

// nextMarker skips to behind the next 0xFF and returns the byte that names the marker.
func nextMarker(r *bufio.Reader) (byte, error) {
	for {
		b, err := r.ReadByte()
		if err != nil {
			return 0, err
		}
		if b != 0xff {
			continue
		}
		for b == 0xff {
			if b, err = r.ReadByte(); err != nil {
				return 0, err
			}
		}
		return b, nil
	}
}
