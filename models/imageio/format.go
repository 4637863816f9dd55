package imageio

import (
	"bytes"
	"fmt"

	"seghub/models/imageio/refusal"
)

// format is one kind of file that can be read.
type format struct {
	name, mime string
	is         func(head []byte) bool // a file of the kind begins so; head may be shorter than sniffLength where the file is
	open       func(*fileSource, Limits) (*File, error)
}

var formats = []format{
	{"png", "image/png", begins("\x89PNG\r\n\x1a\n"), openPNG},
	{"jpeg", "image/jpeg", begins("\xff\xd8\xff"), openJPEG},
	{"tiff", "image/tiff", begins("II*\x00", "MM\x00*", "II+\x00", "MM\x00+"), openTIFF},
	{"webp", "image/webp", isWebP, openWebP},
	{"gif", "image/gif", begins("GIF87a", "GIF89a"), openGIF},
	{"bmp", "image/bmp", isBMP, openBMP},
}

// begins is a test for files that begin with one of the marks.
func begins(marks ...string) func([]byte) bool {
	return func(head []byte) bool {
		for _, mark := range marks {
			if bytes.HasPrefix(head, []byte(mark)) {
				return true
			}
		}
		return false
	}
}

// sniffLength is how many bytes sniff wants to see: of XML the first element may come behind a remark.
const sniffLength = 512

// sniff tells the format of a file by its first bytes, of which there are fewer than sniffLength only
// when the file is shorter. What is known and not read is refused by name.
func sniff(head []byte) (format, error) {
	if len(head) == 0 {
		return format{}, refusal.Corrupt("The file is empty.")
	}
	for _, f := range formats {
		if f.is(head) {
			return f, nil
		}
	}
	for _, mark := range []string{"\x89PNG\r\n\x1a\n", "II*\x00", "MM\x00*", "\xff\xd8\xff"} {
		if len(head) > 2 && len(head) < len(mark) && mark[:len(head)] == string(head) {
			return format{}, refusal.Corrupt("The file ends within its first bytes.")
		}
	}
	for _, s := range strangers {
		if s.is != nil && s.is(head) {
			return format{}, s.refusal()
		}
	}
	return format{}, refusal.Unsupported("The file is no image that is read here: PNG, JPEG, TIFF, OME-TIFF, WebP, BMP and GIF are.")
}

// guard calls decode and makes a panic an error: the decoders are other people's, the files are anyone's.
func guard(decode func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = refusal.Corrupt("The pixels of this image are damaged (%s).", fmt.Sprint(p))
		}
	}()
	return decode()
}
