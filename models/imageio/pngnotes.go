package imageio

import (
	"bytes"
	"cmp"
	"compress/zlib"
	"encoding/hex"
	"io"
	"strings"

	"seghub/models/imageio/exif"
	"seghub/models/imageio/samples"
)

// pngNotes are what the chunks beside the pixels say.
type pngNotes struct {
	exif, profile, xmp int  // which way up it is to be shown; 0 of those that do not say
	tint               bool // the palette is one colour from black to bright
}

// orientation is that of EXIF, before that of a profile, before that of XMP.
func (n pngNotes) orientation() int { return cmp.Or(n.exif, n.profile, n.xmp) }

// wants tells whether a chunk of this name may say something.
func (pngNotes) wants(name string) bool {
	switch name {
	case "eXIf", "iTXt", "tEXt", "zTXt", "PLTE":
		return true
	}
	return false
}

// The keywords of texts that hold more than words: XMP, and before PNG had a chunk for EXIF, what ImageMagick made of that.
const (
	xmpKeyword     = "XML:com.adobe.xmp"
	profileKeyword = "Raw profile type "
)

// take looks at a chunk (PNG, third edition, sections 11.3.2 and 11.3.3).
func (n *pngNotes) take(name string, data []byte) {
	switch name {
	case "eXIf":
		n.exif = exif.Orientation(data)
		return
	case "PLTE":
		n.tint = samples.IsTint(data)
		return
	}
	keyword, text, _ := bytes.Cut(data, []byte{0})
	compressed := name == "zTXt"
	switch name {
	case "zTXt":
		_, text, _ = bytes.Cut(text, []byte{0}) // the method, of which there is one: 0
	case "iTXt":
		if len(text) < 2 {
			return
		}
		compressed = text[0] == 1
		_, text, _ = bytes.Cut(text[2:], []byte{0}) // the language
		_, text, _ = bytes.Cut(text, []byte{0})     // the keyword in it
	}
	switch profile, isProfile := strings.CutPrefix(string(keyword), profileKeyword); {
	case string(keyword) == xmpKeyword:
		n.xmp = exif.XMPOrientation(inflated(text, compressed))
	case isProfile && (profile == "exif" || profile == "APP1"):
		n.profile = exif.Orientation(unhexed(inflated(text, compressed)))
	}
}

// inflated is a text as it was before it was compressed, if it was; as much of it as can be read, up to maxEXIF.
func inflated(text []byte, compressed bool) []byte {
	if !compressed {
		return text
	}
	reader, err := zlib.NewReader(bytes.NewReader(text))
	if err != nil {
		return nil
	}
	text, _ = io.ReadAll(io.LimitReader(reader, maxEXIF)) // what could be read, counts
	return text
}

// unhexed are the bytes of a profile: behind lines of its name and its length lie lines of hexadecimal digits.
func unhexed(text []byte) []byte {
	lines := bytes.SplitN(bytes.TrimLeft(text, "\n"), []byte("\n"), 3)
	if len(lines) < 3 {
		return nil
	}
	digits := bytes.Join(bytes.Fields(lines[2]), nil)
	profile := make([]byte, len(digits)/2)
	n, _ := hex.Decode(profile, digits) // up to what is no digit
	return profile[:n]
}
