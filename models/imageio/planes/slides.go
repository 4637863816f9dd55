package planes

import (
	"encoding/xml"
	"strings"

	"seghub/models/imageio/tiff"
)

// part is what of a slide a page shows.
type part int

const (
	picture  part = iota
	smaller       // the picture again, of fewer pixels
	overview      // the whole slide, its label, or a thumbnail
)

// slideParts tells what the pages are of a slide scanner's file that marks them in a way of its own; nil of any other file.
func slideParts(directories []*tiff.Directory) []part {
	parts := make([]part, len(directories))
	switch first := directories[0]; {
	case first.Has(tiff.NDPISourceLens):
		ndpiParts(parts, directories)
	case strings.Contains(first.Text(tiff.ImageDescription, 1<<10), qpi):
		for i, d := range directories {
			parts[i], _ = qpiPart(d)
		}
	default:
		return nil
	}
	return parts
}

// ndpiParts is of Hamamatsu's NanoZoomer: each page says through what lens it was seen; -1 is the whole slide, -2 a map of it.
func ndpiParts(parts []part, directories []*tiff.Directory) {
	strongest := 0.0
	for _, d := range directories {
		strongest = max(strongest, d.Float(tiff.NDPISourceLens))
	}
	for i, d := range directories {
		switch lens := d.Float(tiff.NDPISourceLens); {
		case lens < 0:
			parts[i] = overview
		case lens < strongest:
			parts[i] = smaller
		}
	}
}

// qpi begins the descriptions of PerkinElmer's and Akoya's slides (.qptiff), whose channels are pages.
const qpi = "<PerkinElmer-QPI-ImageDescription"

// qpiPart also gives the name of the page's channel.
func qpiPart(d *tiff.Directory) (p part, channel string) {
	_ = walk(d.Text(tiff.ImageDescription, maxText), func(xml.StartElement, []string) {}, func(within []string, text string) { // what could be read, counts
		switch element := within[len(within)-1]; {
		case element == "ImageType" && text == "ReducedResolution":
			p = smaller
		case element == "ImageType" && text != "FullResolution":
			p = overview
		case element == "Name" && channel == "":
			channel = text
		}
	})
	return p, channel
}

// qpiChannels are the pictures of a slide of which each is a channel.
func qpiChannels(pages []page) []Plane {
	all := plain(pages)
	for i, p := range pages {
		all[i].Z, all[i].Channel = 0, i
		_, all[i].ChannelName = qpiPart(p.directory)
	}
	return all
}

// aperio begins the descriptions of Aperio's and Leica's slides (.svs).
const aperio = "Aperio"

// aperioSize is how wide a pixel is in µm; 0 where the description does not say. That is a line of what the page holds, and behind it
// pairs as in "|AppMag = 20|MPP = 0.4990".
func aperioSize(description string) float64 {
	for pair := range strings.SplitSeq(description, "|") {
		if key, value, _ := strings.Cut(pair, "="); strings.TrimSpace(key) == "MPP" {
			size, err := decimal(value)
			if err == nil {
				return size
			}
		}
	}
	return 0
}
