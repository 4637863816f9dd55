// Package planes knows what programs mean by the pages of a TIFF file: which are pictures and which smaller versions of those, and of
// a picture its channel, depth and time, and how large a pixel is.
package planes

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"seghub/models/imageio/refusal"
	"seghub/models/imageio/tiff"
)

// Plane is one picture.
type Plane struct {
	*tiff.Layout
	Reduced       []*tiff.Layout // smaller versions of it, each smaller than the one before
	Image         int            // from 0: of several series, as at several places of a sample, which
	Channel, Z, T int            // from 0
	Plain         bool           // nobody says what the file is a stack of, save tifffile, which others do not heed; else Z counts its pages
	ChannelName   string
	PixelSize     float64 // of a side, in µm; 0 when the file does not say
	PixelSizeFrom string
}

// maxText is more than the description of any page has, in bytes.
const maxText = 16 << 20

// Of tells the pictures of a file: at least one and, where most is not 0, no more than that. The error is a refusal, or what the
// file's reader returned.
func Of(file *tiff.File, most int) ([]Plane, error) {
	pages, err := pictures(file)
	if err != nil {
		return nil, err
	}
	first := pages[0].directory
	description, err := first.WholeText(tiff.ImageDescription, maxText)
	if err != nil {
		return nil, err
	}
	var all []Plane
	switch {
	case first.Has(tiff.UIC2):
		all, err = metaMorph(pages, description, most)
	case first.Has(tiff.LSMInfo):
		all, err = lsm(pages)
	case first.Has(tiff.FluoView):
		all = fluoView(pages)
	case strings.Contains(description, qpi):
		all = qpiChannels(pages)
	case strings.Contains(description, bioTek) && !omeElement.MatchString(description):
		all = bioTekChannels(pages)
	case strings.HasPrefix(description, "ImageJ="), strings.HasPrefix(description, "SCIFIO="): // as ImageJ2 writes it
		all, err = imageJ(pages, description, most)
	case strings.HasPrefix(description, `{"shape"`):
		all, err = shaped(pages, description, most)
	default:
		all = plain(pages)
		if omeElement.MatchString(description) {
			ome(all, pages, pages[0].layout.SamplesPerPixel(), description)
			break
		}
		for i := range all {
			all[i].Plain = true
		}
	}
	if err != nil {
		return nil, err
	}
	measure(all, pages)
	return all, nil
}

// measure gives the planes of which it is not known the size of a pixel that their pages tell. That may be long, and of all planes behind a page:
// each is asked once, and Micro-Manager's, which say the same, not at all.
func measure(all []Plane, pages []page) {
	size, from := microManager(pages[0].directory), "Micro-Manager"
	ofAll, told := plausible(size), -1
	for i := range all {
		if all[i].PixelSize > 0 {
			continue
		}
		if page := min(i, len(pages)-1); !ofAll && page != told {
			size, from = sizeOf(pages[page].directory)
			told = page
		}
		all[i].PixelSize, all[i].PixelSizeFrom = size, from
	}
}

// microManager is how wide a pixel is in µm, as Micro-Manager says it with each page, in JSON; 0 where it does not, or where nobody has told it.
// OME-XML it writes at the end, so that a file that was stopped says it nowhere else, and NDTiff never does.
func microManager(d *tiff.Directory) float64 {
	const most = 1 << 20
	var says struct{ PixelSizeUm float64 }
	_ = json.Unmarshal([]byte(d.Text(tiff.MicroManager, most)), &says) // what could be read, counts
	return says.PixelSizeUm
}

func tooMany(count, most int) error {
	return refusal.TooLarge("This file holds %d images and this server takes at most %d in one file: cut it into several.", count, most)
}

// plain is a stack of which nobody says what it is a stack of: depths, so that it can be projected.
func plain(pages []page) []Plane {
	all := make([]Plane, len(pages))
	for i, p := range pages {
		all[i] = Plane{Layout: p.layout, Reduced: p.reduced, Z: i}
	}
	return all
}

// sizeOf is the size of a pixel that a page's own tags tell.
func sizeOf(d *tiff.Directory) (size float64, from string) {
	switch description := d.Text(tiff.ImageDescription, maxText); {
	case strings.HasPrefix(description, "<MetaData>"):
		if size := metaSeries(description); plausible(size) {
			return size, "MetaSeries"
		}
	case strings.HasPrefix(description, aperio):
		if size := aperioSize(description); plausible(size) {
			return size, "Aperio"
		}
	}
	if width, height := d.SISCalibration(); plausible(width*1e6) && same(width, height) {
		return tidy(width * 1e6), "Olympus SIS"
	}
	if harmony(d) {
		return 0, ""
	}
	// µm in an inch, in a centimetre; the last two are tifffile's, and EXIF's
	unit := map[uint64]float64{2: inch, 3: 10000, 4: 1000, 5: 1}[d.Uint(tiff.ResolutionUnit, 1)]
	if x, y := d.Float(tiff.XResolution), d.Float(tiff.YResolution); unit > 0 && x > 0 && (y == 0 || same(x, y)) {
		// A resolution for printing says nothing of what is seen.
		if size := unit / x; plausible(size) && size < finestPrint {
			return tidy(size), "TIFF resolution"
		}
	}
	return 0, ""
}

// harmony tells whether PerkinElmer's Harmony wrote the page, for an Operetta or an Opera Phenix: its resolution is that of the camera, whose
// pixels are larger than what they see by what the objective magnifies.
func harmony(d *tiff.Directory) bool {
	const most = 2 << 10
	for _, tag := range []tiff.Tag{tiff.Harmony, tiff.ImageDescription} {
		if text := d.Text(tag, most); strings.Contains(text, "Harmony") || strings.Contains(text, "Operett") {
			return true
		}
	}
	return false
}

// In µm; nobody prints more finely than this.
const (
	inch        = 25400
	finestPrint = 20
)

// tidy is a size without the noise of having been a ratio.
func tidy(size float64) float64 { return math.Round(size*1e9) / 1e9 }

// plausible tells whether a pixel can be so many µm wide.
func plausible(size float64) bool { return size > 1e-5 && size < 1e5 }

// same tells whether two sides of a pixel are to be the same.
func same(a, b float64) bool { return math.Abs(a-b) <= 0.01*math.Max(a, b) }

// decimal is a number in a text; where the computer's language has commas for points, some programs write those.
func decimal(text string) (float64, error) {
	return strconv.ParseFloat(strings.Replace(strings.TrimSpace(text), ",", ".", 1), 64)
}

// micrometres is what a unit's name stands for, or 0.
func micrometres(unit string) float64 {
	unit = strings.ToLower(strings.TrimSpace(unit))
	if len(unit) > len("µm") {
		unit = strings.TrimSuffix(unit, "s") // people type plurals, too
	}
	switch unit {
	case "µm", "μm", "um", "micron", "micrometer", "micrometre", "\xb5m":
		return 1
	case "nm", "nanometer", "nanometre":
		return 1e-3
	case "pm":
		return 1e-6
	case "å", "angstrom", "ångström", "ångstrom":
		return 1e-4
	case "mm", "millimeter", "millimetre":
		return 1e3
	case "cm", "centimeter", "centimetre":
		return 1e4
	case "m", "meter", "metre":
		return 1e6
	case "inch", "in", "inche":
		return inch
	}
	return 0
}
