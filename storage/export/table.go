package export

import (
	"encoding/csv"
	"errors"
	"io"
	"math"
	"strconv"

	"seghub/models/mask"
)

// field is one column of the table of objects.
type field struct {
	name, unit, says string
	text             func(p *Picture, o *mask.Object) string
	number           func(p *Picture, o *mask.Object) (v float64, known bool) // in place of text
}

// always is a number that every object has.
func always(v func(o *mask.Object) float64) func(*Picture, *mask.Object) (float64, bool) {
	return func(_ *Picture, o *mask.Object) (float64, bool) { return v(o), true }
}

// calibrated is a number that is known with the pixel size.
func calibrated(v func(c *mask.Calibrated) float64) func(*Picture, *mask.Object) (float64, bool) {
	return func(_ *Picture, o *mask.Object) (float64, bool) {
		if o.Calibrated == nil {
			return 0, false
		}
		return v(o.Calibrated), true
	}
}

// ofPicture is a number of the picture.
func ofPicture(v func(p *Picture) int) func(*Picture, *mask.Object) (float64, bool) {
	return func(p *Picture, _ *mask.Object) (float64, bool) { return float64(v(p)), true }
}

// placed is where the picture lies in its file, counted from 1; unknown where the file does not say.
func placed(v func(p *Picture) int) func(*Picture, *mask.Object) (float64, bool) {
	return func(p *Picture, _ *mask.Object) (float64, bool) { return float64(v(p) + 1), v(p) >= 0 }
}

// yesNo is 1 or 0, which every program can add up.
func yesNo(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// nameSays is what the column is that tells the results of one file apart, and leads to their files.
const nameSays = "Name of its files in an export of everything, without their endings: no two results share one"

// fields are the columns of the table of objects, before those of the channels.
var fields = []field{
	{name: "image", says: "Name of the file", text: func(p *Picture, _ *mask.Object) string { return p.Image.Filename }},
	{name: "name", says: nameSays, text: func(p *Picture, _ *mask.Object) string { return p.stem }},
	{name: "page", says: "Page of the file, from 1", number: ofPicture(func(p *Picture) int { return p.Image.Page + 1 })},
	{name: "channel", says: "Channel that was segmented, from 1", number: placed(func(p *Picture) int { return p.Channel })},
	{name: "z", says: "Depth in the stack, from 1; empty of a projection", number: placed(func(p *Picture) int { return p.Z })},
	{name: "t", says: "Time in the series, from 1", number: placed(func(p *Picture) int { return p.T })},
	{name: "object", says: "Number of the object in the image, and its value in the label map", number: always(func(o *mask.Object) float64 { return float64(o.ID) })},
	{name: "model", says: "Model that found it", text: func(p *Picture, _ *mask.Object) string { return p.Model }},
	{name: "threshold", says: "Probability from which on a pixel belonged to an object", number: func(p *Picture, _ *mask.Object) (float64, bool) { return p.Options.Threshold, true }},
	{name: "receipt", says: "Receipt that tells how it was made", text: func(p *Picture, _ *mask.Object) string { return p.Receipt.ID }},
	{name: "revision", says: "Revision of the result; above 1 it was corrected", number: ofPicture(func(p *Picture) int { return p.Revision })},
	{name: "area_px", unit: "px²", says: "Area without holes", number: always(func(o *mask.Object) float64 { return float64(o.Area) })},
	{name: "area_um2", unit: "µm²", says: "Area without holes", number: calibrated(func(c *mask.Calibrated) float64 { return c.Area })},
	{name: "perimeter_px", unit: "px", says: "Length of the outer outline", number: always(func(o *mask.Object) float64 { return o.Perimeter })},
	{name: "perimeter_um", unit: "µm", says: "Length of the outer outline", number: calibrated(func(c *mask.Calibrated) float64 { return c.Perimeter })},
	{name: "equivalent_diameter_px", unit: "px", says: "Diameter of the disc of the same area", number: always(func(o *mask.Object) float64 { return o.EquivalentDiameter })},
	{name: "equivalent_diameter_um", unit: "µm", says: "Diameter of the disc of the same area", number: calibrated(func(c *mask.Calibrated) float64 { return c.EquivalentDiameter })},
	{name: "feret_max_px", unit: "px", says: "Largest distance between two parallel tangents", number: always(func(o *mask.Object) float64 { return o.FeretMax })},
	{name: "feret_max_um", unit: "µm", says: "Largest distance between two parallel tangents", number: calibrated(func(c *mask.Calibrated) float64 { return c.FeretMax })},
	{name: "feret_min_px", unit: "px", says: "Smallest distance between two parallel tangents", number: always(func(o *mask.Object) float64 { return o.FeretMin })},
	{name: "feret_min_um", unit: "µm", says: "Smallest distance between two parallel tangents", number: calibrated(func(c *mask.Calibrated) float64 { return c.FeretMin })},
	{name: "circularity", says: "4π area / perimeter², at most 1", number: always(func(o *mask.Object) float64 { return o.Circularity })},
	{name: "solidity", says: "Area / area of the convex hull", number: always(func(o *mask.Object) float64 { return o.Solidity })},
	{name: "convexity", says: "Perimeter of the convex hull / perimeter, at most 1", number: always(func(o *mask.Object) float64 { return o.Convexity })},
	{name: "extent", says: "Area / area of the box", number: always(func(o *mask.Object) float64 { return o.Extent })},
	{name: "aspect_ratio", says: "Longer / shorter axis, from 1", number: always(func(o *mask.Object) float64 { return o.AspectRatio })},
	{name: "sphericity", says: "See docs/measures.md", number: always(func(o *mask.Object) float64 { return o.Sphericity })},
	{name: "compactness", says: "See docs/measures.md", number: always(func(o *mask.Object) float64 { return o.Compactness })},
	{name: "centroid_x_px", unit: "px", says: "Centre of gravity, from the left edge of the image", number: always(func(o *mask.Object) float64 { return o.Centroid[0] })},
	{name: "centroid_y_px", unit: "px", says: "Centre of gravity, from the upper edge of the image", number: always(func(o *mask.Object) float64 { return o.Centroid[1] })},
	{name: "centroid_x_um", unit: "µm", says: "Centre of gravity, from the left edge of the image", number: calibrated(func(c *mask.Calibrated) float64 { return c.Centroid[0] })},
	{name: "centroid_y_um", unit: "µm", says: "Centre of gravity, from the upper edge of the image", number: calibrated(func(c *mask.Calibrated) float64 { return c.Centroid[1] })},
	{name: "box_x_px", unit: "px", says: "Left edge of the box", number: always(func(o *mask.Object) float64 { return float64(o.BBox[0]) })},
	{name: "box_y_px", unit: "px", says: "Upper edge of the box", number: always(func(o *mask.Object) float64 { return float64(o.BBox[1]) })},
	{name: "box_width_px", unit: "px", says: "Width of the box", number: always(func(o *mask.Object) float64 { return float64(o.BBox[2]) })},
	{name: "box_height_px", unit: "px", says: "Height of the box", number: always(func(o *mask.Object) float64 { return float64(o.BBox[3]) })},
	{name: "holes", says: "Number of holes", number: always(func(o *mask.Object) float64 { return float64(len(o.Holes)) })},
	{name: "mean_probability", says: "Mean probability of its pixels, 0 to 1", number: always(func(o *mask.Object) float64 { return o.MeanProbability })},
	{name: "touches_border", says: "1 where it reaches the edge of the image, beyond which it may go on", number: always(func(o *mask.Object) float64 { return yesNo(o.TouchesBorder) })},
	{name: "edited", says: "1 where somebody corrected it", number: always(func(o *mask.Object) float64 { return yesNo(o.Edited) })},
}

// The columns that each channel that was measured adds, which is the one that was segmented, or three of colours; their names end in its number, from 1.
var channelFields = []field{
	{name: "mean_intensity_", unit: "sample values", says: "Mean of the original values: of the channel that was segmented, or of a colour picture's colour "},
	{name: "sd_intensity_", unit: "sample values", says: "Standard deviation of the original values: of the channel that was segmented, or of a colour picture's colour "},
	{name: "integrated_intensity_", unit: "sample values", says: "Sum of the original values: of the channel that was segmented, or of a colour picture's colour "},
}

// columnsOf are the columns of a table with so many channels.
func columnsOf(channels int) []field {
	list := fields[:len(fields):len(fields)]
	for c := range channels {
		for _, f := range channelFields {
			number := strconv.Itoa(c + 1)
			list = append(list, field{name: f.name + number, unit: f.unit, says: f.says + number})
		}
	}
	return list
}

// table keeps the rows of objects on the disk until their end tells how many channels the widest has.
type table struct {
	temp     string
	file     *spool // nil until there is a row
	rows     *csv.Writer
	row      []string
	channels int
}

func (t *table) add(p *Picture) error {
	if t.file == nil {
		t.file = newSpool(t.temp)
		t.rows = csv.NewWriter(t.file)
	}
	for i := range p.Objects {
		o := &p.Objects[i]
		t.row = t.row[:0]
		for _, f := range fields {
			t.row = append(t.row, cell(f, p, o))
		}
		t.channels = max(t.channels, len(o.MeanIntensity))
		for c, mean := range o.MeanIntensity {
			t.row = append(t.row, decimal(mean), decimal(o.SDIntensity[c]), decimal(o.IntegratedIntensity[c]))
		}
		if err := t.rows.Write(t.row); err != nil {
			return err
		}
	}
	return nil
}

func cell(f field, p *Picture, o *mask.Object) string {
	if f.text != nil {
		return f.text(p, o)
	}
	if v, known := f.number(p, o); known {
		return decimal(v)
	}
	return ""
}

// decimal is a number as texts have it: an area of a million pixels in its digits, since what sorts texts, or asks for whole numbers, does not
// know 1e+06. Only what is beyond all counting has an exponent.
func decimal(v float64) string {
	const beyond = 1e21
	if math.Abs(v) < beyond {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// each gives all rows again, in their order; a row is good until the next.
func (t *table) each(found func(row []string) error) error {
	if t.file == nil {
		return nil
	}
	t.rows.Flush()
	if err := t.rows.Error(); err != nil {
		return err
	}
	content, err := t.file.reader()
	if err != nil {
		return err
	}
	rows := csv.NewReader(content)
	rows.FieldsPerRecord, rows.ReuseRecord = -1, true
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := found(row); err != nil {
			return err
		}
	}
}

func (t *table) close() {
	if t.file != nil {
		t.file.Close()
	}
}
