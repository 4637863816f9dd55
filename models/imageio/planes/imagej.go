package planes

import (
	"regexp"
	"strconv"
	"strings"

	"seghub/models/imageio/refusal"
	"seghub/models/imageio/tiff"
)

// imageJ reads what ImageJ says in the description of the first page: lines of key=value. The planes of a hyperstack follow each
// other channel by channel, then by depth, then by time; those of a large one lie behind the only page, one after the other
// (ij.io.TiffEncoder).
func imageJ(pages []page, description string, most int) ([]Plane, error) {
	values := make(map[string]string)
	for line := range strings.Lines(description) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			values[key] = unescaped(value)
		}
	}
	number := func(key string) int {
		n, err := strconv.Atoi(values[key])
		if err != nil || n < 1 {
			return 1
		}
		return n
	}
	all := plain(pages)
	// ImageJ compresses none of its own, and says its version: without that Bio-Formats counts the colours of a page (ij.io.TiffDecoder).
	if images := number("images"); len(pages) == 1 && images > 1 && values["ImageJ"] != "" && pages[0].layout.Uncompressed && !alone(pages[0]) {
		if most > 0 && images > most {
			return nil, tooMany(images, most)
		}
		var err error
		if all, err = following(pages[0], images); err != nil {
			return nil, err
		}
	}
	channels, slices, frames := number("channels"), number("slices"), number("frames")
	if colours := pages[0].layout.SamplesPerPixel(); channels == colours && slices <= len(all) && frames <= len(all) && slices*frames == len(all) {
		channels = 1
		for i := range all { // ImageJ2 puts all channels of a picture into its pixels, and calls the first three of them colours
			if colours > 4 {
				all[i].Layout, all[i].Reduced = all[i].Separate(), nil
			}
		}
	}
	if channels <= len(all) && slices <= len(all) && frames <= len(all) && channels*slices*frames == len(all) {
		for i := range all {
			all[i].Channel, all[i].Z, all[i].T = i%channels, i/channels%slices, i/channels/slices
		}
	}
	for i := range all {
		all[i].Layout = all[i].Unpainted()
	}
	d := pages[0].directory
	x, y := d.Float(tiff.XResolution), d.Float(tiff.YResolution)
	unit := micrometres(values["unit"])
	const centimetre = 3
	if d.Uint(tiff.ResolutionUnit, 1) == centimetre && unit != 1e4 {
		unit = 0 // a resolution a centimetre, whatever the unit: SCIFIO, Micro-Manager
	}
	unitY := unit
	if own, given := values["yunit"]; given {
		unitY = micrometres(own)
	}
	// Of a picture with a resolution for printing, ImageJ makes one in inches.
	printed := unit == inch && unit/x >= finestPrint
	if unit > 0 && x > 0 && (y == 0 || same(unit/x, unitY/y)) && plausible(unit/x) && !printed {
		for i := range all {
			all[i].PixelSize, all[i].PixelSizeFrom = tidy(unit/x), "ImageJ"
		}
	}
	return all, nil
}

// unescaped has the characters that ImageJ writes by their number, as "\u00B5": all that are not ASCII, and the backslash.
func unescaped(value string) string {
	return escape.ReplaceAllStringFunc(value, func(character string) string {
		number, _ := strconv.ParseUint(character[2:], 16, 16) // the expression wants four digits
		return string(rune(number))
	})
}

var escape = regexp.MustCompile(`\\u[0-9a-fA-F]{4}`)

// alone tells whether a page is all that its file has room for: at the end are its pixels, or its directory, which ImageJ writes in front of them.
// What ImageJ said of a stack, programs of its users keep with the one plane of it that they write.
func alone(p page) bool {
	size, ok := p.layout.Contiguous()
	if !ok {
		return true
	}
	if _, err := p.layout.Shifted(1); err != nil {
		return true
	}
	_, err := p.layout.Shifted(size)
	return err != nil && p.directory.Offset(tiff.ImageWidth) > int64(p.directory.Uint(tiff.StripOffsets, 0))
}

// following are so many planes of which the file only has the first as a page: the others lie behind it, without a gap.
func following(p page, count int) ([]Plane, error) {
	size, ok := p.layout.Contiguous()
	if !ok {
		return nil, refusal.Unsupported("This TIFF speaks of %d images and has one page, which is compressed or in pieces: save it without compression.", count)
	}
	all := make([]Plane, count)
	for i := range all {
		layout, err := p.layout.Shifted(int64(i) * size)
		if err != nil {
			return nil, err
		}
		all[i] = Plane{Layout: layout, Z: i}
	}
	return all, nil
}
