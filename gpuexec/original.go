package gpuexec

import (
	"context"
	"image"
	"slices"

	"seghub/models"
	"seghub/models/imageio"
	"seghub/models/mask"
	"seghub/models/pixels"
)

// original is the samples of a page as they are in its file, for the rows whose objects are not all measured yet.
type original struct {
	page    imageio.Page
	kept    []models.Strip                                    // their samples, from the top
	begin   int                                               // the row that they begin with
	end     int                                               // the row behind the last that came
	bytes   int                                               // of kept
	most    int                                               // bytes; of objects that are higher than that the light is read again when all are there
	missing bool                                              // the strips have no samples: they are read again, once their objects are known
	reopen  func(ctx context.Context) (imageio.Reader, error) // set while a band is added
	reader  imageio.Reader                                    // of a page that is read again; nil until then
	values  []float64                                         // of the run asked for last
	high    []mask.Body                                       // whose samples were not kept
}

// add takes the samples of a strip.
func (o *original) add(s models.Strip) {
	if s.Samples != nil {
		o.kept, o.end = append(o.kept, s), s.End
		o.bytes += len(s.Samples)
	}
}

// measure sets the intensities of bodies that lie above row end, and returns them; those that it has no samples of any more are left over.
func (o *original) measure(ctx context.Context, bodies []mask.Body, end int) ([]mask.Body, error) {
	if o.missing {
		if err := o.readTo(ctx, end); err != nil {
			return nil, err
		}
	}
	measured := bodies[:0]
	for _, b := range bodies {
		if int(b.Spans[0].Y) < o.begin {
			o.high = append(o.high, b)
			continue
		}
		if o.page.Type == imageio.Uint8 {
			b.SetIntensities8(o.page.Channels, o.samplesOf)
		} else {
			b.SetIntensities(o.page.Channels, o.valuesOf)
		}
		measured = append(measured, b)
	}
	return measured, nil
}

// measureHigh are the bodies that were left over, measured together: the page is read once more for them.
func (o *original) measureHigh(ctx context.Context) ([]mask.Body, error) {
	if len(o.high) == 0 {
		return nil, nil
	}
	reader, err := o.reopen(ctx)
	if err != nil {
		return nil, err
	}
	defer reader.Close() // read only: nothing is lost
	all := mask.Gather(o.page.Width, o.page.Height, o.high)
	if err := mask.Intensities(ctx, all.Objects, all.Spans, imageio.NewRows(reader, o.page, o.page.Bounds())); err != nil {
		return nil, err
	}
	for i, body := range o.high {
		o.high[i].Object = all.Objects[body.Spans[0].ID-1]
	}
	return o.high, nil
}

// readTo reads the rows up to end that were not read yet.
func (o *original) readTo(ctx context.Context, end int) (err error) {
	if o.reader == nil {
		if o.reader, err = o.reopen(ctx); err != nil {
			return err
		}
	}
	s := models.Strip{Begin: o.end, End: end, Samples: pixels.Lend((end - o.end) * o.page.Width * o.page.PixelBytes())}
	if err := o.reader.Read(ctx, s.Samples, image.Rect(0, o.end, o.page.Width, end)); err != nil {
		return err
	}
	o.add(s)
	return nil
}

// release lets go of the strips that lie above a row, and of more where there are too many.
func (o *original) release(row int) {
	n := 0
	for n < len(o.kept) && (o.kept[n].End <= row || o.bytes > o.most) {
		o.begin = o.kept[n].End
		o.bytes -= len(o.kept[n].Samples)
		pixels.GiveBack(o.kept[n].Samples)
		n++
	}
	o.kept = slices.Delete(o.kept, 0, n)
}

// close ends the reading; what is kept goes with it.
func (o *original) close() {
	if o.reader != nil {
		_ = o.reader.Close() // read only: nothing is lost
		o.reader = nil
	}
}

// valuesOf are the values of the samples of a span, pixel by pixel; good until the next call.
func (o *original) valuesOf(s mask.Span) []float64 {
	o.values = o.page.Type.Values(o.values[:0], o.samplesOf(s))
	return o.values
}

// samplesOf are the samples of a span, as they are in the file.
func (o *original) samplesOf(s mask.Span) []byte {
	k, _ := slices.BinarySearchFunc(o.kept, int(s.Y), func(strip models.Strip, y int) int {
		switch {
		case strip.End <= y:
			return -1
		case strip.Begin > y:
			return 1
		}
		return 0
	})
	from := ((int(s.Y)-o.kept[k].Begin)*o.page.Width + int(s.X0)) * o.page.PixelBytes()
	return o.kept[k].Samples[from:][:int(s.X1-s.X0)*o.page.PixelBytes()]
}
