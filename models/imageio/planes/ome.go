package planes

import (
	"encoding/xml"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// omeImage is one image of an OME-XML: the ranges of its planes, and what they are of.
type omeImage struct {
	order      string // of the axes, as in "XYZCT"
	z, c, t    int    // planes along each
	perChannel int    // of an RGB channel's pixel, 1 of any other
	names      []string
	size       float64 // of a pixel, in µm
	data       []omeData
}

// omeData says that count planes, from that at z, c, t on, lie in the pages from first on.
type omeData struct {
	first, count int
	z, c, t      int
	file         string // its identifier; empty where it is this one
	elsewhere    bool   // in another file
}

// ome says of each plane which it is, as the OME-XML in the first page's description has it (The Open Microscopy Environment, OME-TIFF
// specification); samples is how many a pixel of that page has. What does not fit the file is as if it were not there: the pages are, and
// can be read; where it speaks of others, each of those is an image by itself.
func ome(all []Plane, pages []page, samples int, description string) {
	images, err := omeImages(description)
	if err != nil {
		return
	}
	at := make(map[int]int, len(pages)) // of a directory, its plane
	for i, p := range pages {
		at[p.index] = i
	}
	next, placed := 0, make([]bool, len(all))
	for number, image := range images {
		if image.perChannel == 1 && image.c%samples == 0 {
			image.c /= samples // the pages are of several, of which the channels do not say so
		}
		if len(image.data) == 0 {
			image.data = []omeData{{first: next, count: -1}}
		}
		planes := image.z * image.c * image.t
		for _, data := range image.data {
			if data.elsewhere {
				continue
			}
			if data.count < 0 {
				data.count = planes
			}
			place := image.place(data.z, data.c, data.t)
			for k := range min(data.count, planes-place, len(all)) {
				i, ok := at[data.first+k]
				if !ok {
					continue
				}
				p := &all[i]
				placed[i], p.Image = true, number
				p.Z, p.Channel, p.T = image.coordinates(place + k)
				if p.Channel < len(image.names) {
					p.ChannelName = image.names[p.Channel]
				}
				if plausible(image.size) {
					p.PixelSize, p.PixelSizeFrom = image.size, "OME-XML"
				}
			}
			next = max(next, data.first+data.count)
		}
	}
	if slices.Contains(placed, true) {
		other := len(images)
		for i := range all {
			if !placed[i] { // it says nothing of this one, which is no depth of the others
				all[i].Image = other
				other++
			}
		}
		return
	}
	if len(images) == 0 || !plausible(images[0].size) || slices.ContainsFunc(images, func(o *omeImage) bool { return o.size != images[0].size }) {
		return
	}
	for i := range all { // which they are is not known, and how large their pixels are
		all[i].PixelSize, all[i].PixelSizeFrom = images[0].size, "OME-XML"
	}
}

// place is the number of a plane in the order of the image's axes.
func (o *omeImage) place(z, c, t int) int {
	place, step := 0, 1
	for _, axis := range o.order {
		switch axis {
		case 'Z':
			place, step = place+z*step, step*o.z
		case 'C':
			place, step = place+c*step, step*o.c
		case 'T':
			place, step = place+t*step, step*o.t
		}
	}
	return place
}

// coordinates is the opposite of place.
func (o *omeImage) coordinates(place int) (z, c, t int) {
	for _, axis := range o.order {
		switch axis {
		case 'Z':
			z, place = place%o.z, place/o.z
		case 'C':
			c, place = place%o.c, place/o.c
		case 'T':
			t, place = place%o.t, place/o.t
		}
	}
	return z, c, t
}

// omeElement is the root of an OME-XML, which may have a prefix: who has it from Python's ElementTree writes ns0:OME.
var omeElement = regexp.MustCompile(`<(?:[\w.-]+:)?OME[\s>]`)

// ofOME is where, of the elements that count, the deepest one lies.
var ofOME = []string{"OME", "Image", "Pixels", "TiffData", "UUID"}

// omeImages reads the images of an OME-XML.
func omeImages(text string) ([]*omeImage, error) {
	var images []*omeImage
	var own string // the file's identifier
	files := make(map[string]bool)
	err := walk(text, func(e xml.StartElement, within []string) {
		switch {
		case slices.Equal(within, ofOME[:1]):
			own = attribute(e, "UUID")
		case slices.Equal(within, ofOME[:3]):
			images = append(images, newOMEImage(e))
		}
		if len(within) != 4 || !slices.Equal(within[:3], ofOME[:3]) {
			return // what programs write down beside may have the same names
		}
		last := images[len(images)-1]
		switch e.Name.Local {
		case "Channel":
			last.names = append(last.names, attribute(e, "Name"))
			last.perChannel = max(1, whole(e, "SamplesPerPixel", 1))
		case "TiffData":
			first, count := whole(e, "IFD", 0), -1
			if attribute(e, "IFD") != "" {
				count = 1
			}
			last.data = append(last.data, omeData{
				first: first, count: whole(e, "PlaneCount", whole(e, "NumPlanes", count)), // so before 2009
				z: whole(e, "FirstZ", 0), c: whole(e, "FirstC", 0), t: whole(e, "FirstT", 0),
			})
		}
	}, func(within []string, text string) {
		if !slices.Equal(within, ofOME) {
			return
		}
		if data := images[len(images)-1].data; len(data) > 0 {
			data[len(data)-1].file = strings.TrimSpace(text)
			files[data[len(data)-1].file] = true
		}
	})
	for _, image := range images {
		for i := range image.data {
			// Of several files, of which this one does not say which it is, it may be any (ThorImage).
			d := &image.data[i]
			d.elsewhere = d.file != "" && d.file != own && (own != "" || len(files) > 1)
		}
		if image.perChannel > 1 {
			image.c = max(1, image.c/image.perChannel)
		}
	}
	return images, err
}

func newOMEImage(e xml.StartElement) *omeImage {
	o := &omeImage{order: attribute(e, "DimensionOrder"), perChannel: 1}
	if len(o.order) != 5 || !strings.HasPrefix(o.order, "XY") {
		o.order = "XYZCT"
	}
	o.z, o.c, o.t = max(1, whole(e, "SizeZ", 1)), max(1, whole(e, "SizeC", 1)), max(1, whole(e, "SizeT", 1))
	if o.c > mostChannels {
		o.c = 1
	}
	x, errX := decimal(attribute(e, "PhysicalSizeX"))
	y, errY := decimal(attribute(e, "PhysicalSizeY"))
	unitX, unitY := unitOf(e, "PhysicalSizeXUnit"), unitOf(e, "PhysicalSizeYUnit")
	if errX == nil && (errY != nil || same(x*unitX, y*unitY)) {
		o.size = x * unitX
	}
	return o
}

// mostChannels is far above what any detector tells apart. Who shows a file lists its channels, also those that it has no pages of.
const mostChannels = 10_000

// unitOf is µm unless the file says otherwise.
func unitOf(e xml.StartElement, name string) float64 {
	if unit := attribute(e, name); unit != "" {
		return micrometres(unit)
	}
	return 1
}

// whole is an attribute that is a number from 0 to a million, or what holds without it.
func whole(e xml.StartElement, name string, without int) int {
	const most = 1_000_000
	n, err := strconv.Atoi(attribute(e, name))
	if err != nil || n < 0 || n > most {
		return without
	}
	return n
}
