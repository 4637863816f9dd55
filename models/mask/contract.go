package mask

import "fmt"

// Probability is a map of the image's own size; 255 means certainly object.
// Pix[y*Width+x].
type Probability struct {
	Width, Height int
	Pix           []uint8
	// What the model tells of touching objects: one of the two, or neither.
	Border []uint8 // like Pix, 255 = certainly the rim of an object, just inside its edge; nil of a model that does not tell
	// Where the middle of a pixel's object lies, like Pix: 128 = nowhere, 255 and 1 = straight down and up, and right and left; nil of
	// a model that does not tell.
	Down, Right []uint8
}

// Channels are the map's samples in the order in which a model's outputs and stored bands have them: probability; probability and
// border; or probability and flow, down and right.
func (p Probability) Channels() [][]uint8 {
	switch {
	case p.Down != nil:
		return [][]uint8{p.Pix, p.Down, p.Right}
	case p.Border != nil:
		return [][]uint8{p.Pix, p.Border}
	}
	return [][]uint8{p.Pix}
}

// OfChannels is the map that has those Channels.
func OfChannels(width, height int, channels [][]uint8) Probability {
	p := Probability{Width: width, Height: height, Pix: channels[0]}
	switch len(channels) {
	case 2:
		p.Border = channels[1]
	case maxChannels:
		p.Down, p.Right = channels[1], channels[2]
	}
	return p
}

// check returns an error that says which of the channels has not one sample a pixel.
func (p Probability) check() error {
	for i, samples := range p.Channels() {
		if p.Width < 0 || p.Height < 0 || len(samples) != p.Width*p.Height {
			return fmt.Errorf("%d samples of channel %d are not %dx%d", len(samples), i, p.Width, p.Height)
		}
	}
	return nil
}

// Options say how a probability map is cut into objects.
type Options struct {
	Threshold     float64 `json:"threshold"`      // 0.05..0.95; a pixel is object when probability/255 >= Threshold
	MinArea       int     `json:"min_area"`       // square pixels; smaller objects are dropped
	DetectHoles   bool    `json:"detect_holes"`   // false fills holes
	ExcludeBorder bool    `json:"exclude_border"` // drop what touches the picture's edge, of which nobody knows how large it is
	SplitTouching bool    `json:"split_touching"` // part touching bodies: at necks and at borders that the model tells, or by where it says that their middles are
}

// Point is a pixel corner: [x, y].
type Point [2]int

// Object is one connected body. docs/measures.md defines its measures; lengths are in pixels, areas in square pixels.
type Object struct {
	ID      int       `json:"id"`      // also its value in the label map; from 1
	Polygon []Point   `json:"polygon"` // outer ring along pixel corners, not closed by repeating the first point
	Holes   [][]Point `json:"holes"`   // never null
	BBox    [4]int    `json:"bbox"`    // x, y, width, height
	Area    int       `json:"area"`    // pixels, holes not counted when detected

	Perimeter          float64 `json:"perimeter"` // of the outer ring
	EquivalentDiameter float64 `json:"equivalent_diameter"`
	Circularity        float64 `json:"circularity"`  // 0..1
	Solidity           float64 `json:"solidity"`     // 0..1
	Convexity          float64 `json:"convexity"`    // 0..1
	Extent             float64 `json:"extent"`       // 0..1
	AspectRatio        float64 `json:"aspect_ratio"` // from 1
	FeretMax           float64 `json:"feret_max"`
	FeretMin           float64 `json:"feret_min"`
	Sphericity         float64 `json:"sphericity"`  // 0..1
	Compactness        float64 `json:"compactness"` // from 1

	Centroid        [2]float64 `json:"centroid"`         // of the pixels' centres
	MeanProbability float64    `json:"mean_probability"` // 0..1

	// Of the original sample values, one for each channel of the image; empty, never null, where these are not at hand.
	MeanIntensity       []float64 `json:"mean_intensity"`
	SDIntensity         []float64 `json:"sd_intensity"`
	IntegratedIntensity []float64 `json:"integrated_intensity"`

	TouchesBorder bool `json:"touches_border"` // of the picture: the object may go on beyond it
	Edited        bool `json:"edited"`         // by hand, since it was segmented

	Calibrated *Calibrated `json:"calibrated,omitempty"` // nil when the pixel size is not known
}

// Calibrated are the measures of an Object that have a length in them, in micrometres and square micrometres.
type Calibrated struct {
	Area               float64    `json:"area"`
	Perimeter          float64    `json:"perimeter"`
	EquivalentDiameter float64    `json:"equivalent_diameter"`
	FeretMax           float64    `json:"feret_max"`
	FeretMin           float64    `json:"feret_min"`
	Centroid           [2]float64 `json:"centroid"`
}

// Summary is the account of one image.
type Summary struct {
	Count     int     `json:"count"`
	TotalArea int     `json:"total_area"`
	Coverage  float64 `json:"coverage"` // total_area / (width*height)
}

// Segmentation is what one probability map gives under Options.
type Segmentation struct {
	Width, Height int
	Objects       []Object // never nil
	Spans         []Span   // the label map: the pixels of all objects, in reading order
	Summary       Summary
}

// Span is a piece of row Y of the object ID: pixels X0 up to but not including X1. Spans never overlap; those of one object do not
// touch within a row.
type Span struct{ Y, X0, X1, ID int32 }
