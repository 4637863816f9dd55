package evaluate

import (
	"math"
	"slices"

	"seghub/models/imageio"
	"seghub/models/score"
)

// traits are what an image is told apart by.
type traits struct {
	stained  bool    // a picture in colours: tissue; others are of fluorescence, and a few of transmitted light
	diameter float64 // the median of its true objects, each that of the circle of its area, in pixels
}

// part is a part of a set's images.
type part struct {
	name  string
	holds func(traits) bool
}

// parts are those of the nuclei, by instrument and by size.
var parts = []part{
	{"fluorescence", func(t traits) bool { return !t.stained }},
	{"tissue", func(t traits) bool { return t.stained }},
	{"under 16 px", func(t traits) bool { return t.diameter < 16 }},
	{"16 to 32 px", func(t traits) bool { return t.diameter >= 16 && t.diameter < 32 }},
	{"32 px and more", func(t traits) bool { return t.diameter >= 32 }},
}

// colourful is the least difference between a pixel's channels that no grey picture has.
const colourful = 30

func traitsOf(img imageio.Image, truth score.Labels) traits {
	t := traits{diameter: medianDiameter(truth)}
	for i := 0; img.Channels == 3 && i < len(img.Pix); i += 3 {
		pixel := img.Pix[i : i+3]
		if int(slices.Max(pixel))-int(slices.Min(pixel)) > colourful {
			t.stained = true
			break
		}
	}
	return t
}

// medianDiameter is 0 where there are no objects.
func medianDiameter(truth score.Labels) float64 {
	areas := map[int32]int{}
	for _, id := range truth.IDs {
		if id != 0 {
			areas[id]++
		}
	}
	if len(areas) == 0 {
		return 0
	}
	diameters := make([]float64, 0, len(areas))
	for _, area := range areas {
		diameters = append(diameters, 2*math.Sqrt(float64(area)/math.Pi))
	}
	return median(diameters)
}

// of is the tally of the images of a part.
func (t tally) of(p part) tally {
	var kept tally
	for i := range t.traits {
		if p.holds(t.traits[i]) {
			kept.add(t.traits[i], t.scores[i], t.took[i])
		}
	}
	return kept
}
