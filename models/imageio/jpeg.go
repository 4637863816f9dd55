package imageio

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"image/jpeg"
	"io"

	"seghub/models/imageio/exif"
	"seghub/models/imageio/refusal"
)

// jpegHeader is what the markers up to the first scan say.
type jpegHeader struct {
	width, height, components int
	progressive               bool
	samples                   float64 // of a pixel, on average: the chromas are often fewer
	thinned                   bool    // the chromas are fewer
	adobe                     bool    // Adobe's marker says which colours four components are
	restarts                  int     // so many pieces of a scan lie between two restart markers; 0 is without them
	orientation               int
}

const (
	startOfImage = 0xd8
	endOfImage   = 0xd9
	startOfScan  = 0xda
	restartEvery = 0xdd
	app1         = 0xe1
	app14        = 0xee
	startOfLS    = 0xf7 // a frame of JPEG-LS (ISO 14495)
)

// openJPEG is a format's open.
func openJPEG(source *fileSource, _ Limits) (*File, error) {
	h, err := readJPEGHeader(bufio.NewReaderSize(source.whole(), 4<<10))
	if source.err != nil {
		return nil, source.err
	}
	if err != nil {
		return nil, err
	}
	if err := judgeJPEG(source); err != nil {
		return nil, err
	}
	complete, err := jpegComplete(source)
	if err != nil {
		return nil, err
	}
	if !complete {
		return nil, refusal.Corrupt("The end of this JPEG is missing.")
	}
	page := Page{Width: h.width, Height: h.height, Channels: 3, Bits: 8, orientation: h.orientation}
	if h.components == 1 {
		page.Channels = 1
	}
	pixels := float64(h.width) * float64(h.height)
	working := pixels * h.samples
	if h.progressive {
		const coefficient = 4 // bytes that image/jpeg keeps of each sample until the last scan
		working += pixels * h.samples * coefficient
	}
	return pictureFile(source, page, int64(working), func(r io.Reader, alive func() error) (picture, error) {
		return standard(jpeg.Decode)(&scanLimiter{r: withStandardTables(r)}, alive)
	}), nil
}

// judgeJPEG has image/jpeg look at the header, as it does before the pixels. What it finds there that it does not know is the file's kind, and later on
// damage.
func judgeJPEG(source *fileSource) error {
	_, err := jpeg.DecodeConfig(source.whole())
	var unsupported jpeg.UnsupportedError
	switch {
	case source.err != nil:
		return source.err
	case errors.As(err, &unsupported):
		return refusal.Unsupported("This kind of JPEG is not read here (%s): save it as PNG or TIFF.", string(unsupported))
	case err != nil:
		return refusal.Corrupt("The header of this JPEG is damaged (%v).", err)
	}
	return nil
}

// readJPEGHeader walks the markers to the first scan.
func readJPEGHeader(r *bufio.Reader) (h jpegHeader, err error) {
	cut := refusal.Corrupt("This JPEG ends within its header.")
	for {
		marker, err := nextMarker(r)
		if err != nil {
			return h, cut
		}
		if standsAlone(marker) {
			continue
		}
		if marker == endOfImage || marker == startOfScan && h.components == 0 {
			return h, refusal.Corrupt("The header of this JPEG is damaged.")
		}
		var length [2]byte
		if _, err := io.ReadFull(r, length[:]); err != nil {
			return h, cut
		}
		size := int(length[0])<<8 | int(length[1]) - 2
		if size < 0 {
			return h, refusal.Corrupt("The header of this JPEG is damaged.")
		}
		switch {
		case marker == app1:
			data := make([]byte, size)
			if _, err := io.ReadFull(r, data); err != nil {
				return h, cut
			}
			h.takeApp1(data)
		case marker == startOfLS:
			return h, refusal.Unsupported("This is a JPEG-LS image, which is not read here: save it as PNG or TIFF.")
		case isFrame(marker), marker == restartEvery, marker == app14, marker == startOfScan:
			data := make([]byte, size)
			if _, err := io.ReadFull(r, data); err != nil {
				return h, cut
			}
			switch {
			case isFrame(marker):
				err = h.takeFrame(marker, data)
			case marker == app14:
				h.adobe = h.adobe || size >= 12 && bytes.HasPrefix(data, []byte("Adobe"))
			case size == 0:
				err = refusal.Corrupt("The header of this JPEG is damaged.")
			case marker == startOfScan && h.components == 4 && !h.adobe:
				return h, refusal.Unsupported("This JPEG does not say which colours its four values a pixel are, which is not read here: save it as PNG or TIFF.")
			case marker == startOfScan:
				return h, h.judgeRestarts(int(data[0]))
			case size >= 2:
				h.restarts = int(data[0])<<8 | int(data[1])
			}
			if err != nil {
				return h, err
			}
		default:
			if _, err := r.Discard(size); err != nil {
				return h, cut
			}
		}
	}
}

// isFrame tells whether a marker begins a frame: C0 to CF without the tables among them.
func isFrame(marker byte) bool {
	return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc
}

// takeApp1 looks for the orientation; EXIF comes before XMP.
func (h *jpegHeader) takeApp1(data []byte) {
	switch {
	case bytes.HasPrefix(data, []byte("Exif\x00\x00")):
		if o := exif.Orientation(data); o > 0 {
			h.orientation = o
		}
	case bytes.HasPrefix(data, []byte("http://ns.adobe.com/xap/1.0/\x00")) && h.orientation == 0:
		h.orientation = exif.XMPOrientation(data)
	}
}

func (h *jpegHeader) takeFrame(marker byte, data []byte) error {
	if len(data) < 6 || len(data) < 6+3*int(data[5]) {
		return refusal.Corrupt("The header of this JPEG is damaged.")
	}
	h.height, h.width, h.components = int(data[1])<<8|int(data[2]), int(data[3])<<8|int(data[4]), int(data[5])
	h.progressive = marker == 0xc2
	const known = "save it as PNG or TIFF"
	switch {
	case marker == 0xc3 || marker == 0xc7 || marker == 0xcb || marker == 0xcf:
		return refusal.Unsupported("This is a lossless JPEG, which is not read here: %s.", known)
	case marker > 0xc2:
		return refusal.Unsupported("This kind of JPEG is not read here (arithmetic coding or a hierarchy of frames): %s.", known)
	case data[0] != 8:
		return refusal.Unsupported("This JPEG has %d bits a value; 8 are read here: %s.", data[0], known)
	case h.components != 1 && h.components != 3 && h.components != 4:
		return refusal.Unsupported("This JPEG has %d values a pixel, which is not read here: %s.", h.components, known)
	case h.width == 0 || h.height == 0:
		return refusal.Corrupt("This JPEG says that it is %d x %d pixels.", h.width, h.height)
	}
	most, sum := 1, 0
	for c := range h.components {
		factors := int(data[7+3*c])
		most = max(most, factors>>4*(factors&15))
		sum += factors >> 4 * (factors & 15)
	}
	h.samples = float64(sum) / float64(most)
	h.thinned = sum < most*h.components
	return nil
}

// judgeRestarts refuses what image/jpeg does not read: in a scan of one component alone, as most of a progressive picture are, it looks for
// restart markers where a scan of all of them would have those, which is elsewhere when the chromas are fewer. components are the first scan's.
func (h *jpegHeader) judgeRestarts(components int) error {
	blocks := ((h.width + 7) / 8) * ((h.height + 7) / 8)
	if h.thinned && (h.progressive || components == 1) && 0 < h.restarts && h.restarts < blocks {
		return refusal.Unsupported("This kind of JPEG is not read here (restart markers in scans of one colour each): save it as PNG or TIFF.")
	}
	return nil
}

// tailLength is how much of a file's end is searched for the marker that ends an image. Some programs
// write notes of their own behind it.
const tailLength = 64 << 10

// jpegComplete looks at the tail first. A telephone's picture may carry a film behind it, so that
// where the tail has no end marker the file is walked for it.
func jpegComplete(source *fileSource) (bool, error) {
	tail := make([]byte, min(tailLength, source.size))
	if n, err := source.ReadAt(tail, source.size-int64(len(tail))); n < len(tail) {
		return false, err
	}
	if bytes.Contains(tail, []byte{0xff, endOfImage}) {
		return true, nil
	}
	return jpegHasEnd(bufio.NewReaderSize(source.whole(), tailLength))
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
		case marker == endOfImage:
			return true, nil
		case standsAlone(marker):
			continue
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

// standsAlone tells whether no length follows a marker: stuffing, restarts and the start of the image.
func standsAlone(marker byte) bool {
	return marker == 0 || marker == 0x01 || 0xd0 <= marker && marker <= startOfImage
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

// maxScans is how many scans a JPEG file may have. A baseline picture has one to four, a progressive one
// about ten. Each makes the decoder walk every block of the picture again, however few bytes it has.
const maxScans = 100

// scanLimiter lets a JPEG file through up to its maxScans-th scan. Coded pixels never hold the marker that begins one; a small
// picture inside the header may.
type scanLimiter struct {
	r     io.Reader
	last  byte // the last byte given
	scans int
}

func (l *scanLimiter) Read(p []byte) (int, error) {
	// Small pieces, so that a file of many tiny scans is asked for its context every few of them.
	n, err := l.r.Read(p[:min(len(p), 1<<10)])
	for _, b := range p[:n] {
		if l.last == 0xff && b == startOfScan {
			l.scans++
		}
		l.last = b
	}
	if l.scans > maxScans {
		return 0, fmt.Errorf("more than %d scans", maxScans)
	}
	return n, err
}
