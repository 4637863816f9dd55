package export

import (
	"bufio"
	"context"
	"io"
	"path"
	"strconv"

	"seghub/models/mask"
)

// coco writes one COCO document of instance segmentation. Annotations go out as they come; the images and categories that they
// refer to follow them, since JSON knows no order.
// https://cocodataset.org/#format-data
type coco struct {
	w           *bufio.Writer
	images      []byte
	pictures    int
	annotations int
	categories  classes
	names       map[string]bool // of images
	line        []byte
}

func newCOCO(w io.Writer, _ string) writer {
	c := &coco{w: bufio.NewWriterSize(w, flushAt), names: map[string]bool{}}
	_, _ = c.w.WriteString(`{"info":{"description":"Segmented with SegHub","version":"1"},"licenses":[],` + "\n" + `"annotations":[`) // Flush has the error
	return c
}

func (c *coco) add(_ context.Context, p *Picture) error {
	c.pictures++
	c.addImage(p)
	category := c.categories.number(p.Model) + 1
	for i := range p.Objects {
		b := c.line[:0]
		if c.annotations > 0 {
			b = append(b, ',')
		}
		c.annotations++
		b = append(b, "\n"+`{"id":`...)
		b = strconv.AppendInt(b, int64(c.annotations), 10)
		b = append(b, `,"image_id":`...)
		b = strconv.AppendInt(b, int64(c.pictures), 10)
		b = append(b, `,"category_id":`...)
		b = strconv.AppendInt(b, int64(category), 10)
		b = appendAnnotation(b, p, &p.Objects[i])
		c.line = b
		if _, err := c.w.Write(b); err != nil {
			return err
		}
	}
	return nil
}

func (c *coco) addImage(p *Picture) {
	b := c.images
	if c.pictures > 1 {
		b = append(b, ',')
	}
	b = append(b, "\n"+`{"id":`...)
	b = strconv.AppendInt(b, int64(c.pictures), 10)
	b = appendString(append(b, `,"file_name":`...), c.fileName(p))
	b = appendString(append(b, `,"source":`...), p.Image.Filename)
	b = strconv.AppendInt(append(b, `,"width":`...), int64(p.Image.Width), 10)
	b = strconv.AppendInt(append(b, `,"height":`...), int64(p.Image.Height), 10)
	b = strconv.AppendInt(append(b, `,"page":`...), int64(p.Image.Page), 10)
	b = appendString(append(b, `,"receipt":`...), p.Receipt.ID)
	if p.Image.PixelSize != nil {
		b = appendNumber(append(b, `,"pixel_size":`...), *p.Image.PixelSize)
	}
	c.images = append(b, '}')
}

// fileName is what a picture's file is called. Readers open it and take its first page, or know pictures by it, as CVAT and FiftyOne do: pages,
// and what else is not the first by its name, are called as in an archive.
func (c *coco) fileName(p *Picture) string {
	name := p.Image.Filename
	if p.Pages > 1 || c.names[name] {
		name = p.stem + path.Ext(name)
	}
	c.names[name] = true
	return name
}

// appendAnnotation appends the rest of an annotation: polygons along pixel corners, or run lengths where there are holes, for which COCO's
// polygons have no place.
func appendAnnotation(b []byte, p *Picture, o *mask.Object) []byte {
	b = append(b, `,"iscrowd":0,"area":`...)
	b = strconv.AppendInt(b, int64(o.Area), 10)
	b = append(b, `,"bbox":[`...)
	for i, v := range o.BBox {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(v), 10)
	}
	b = append(b, `],"score":`...)
	b = appendNumber(b, o.MeanProbability)
	b = append(b, `,"segmentation":`...)
	polygons := polygonsOf(o)
	for _, polygon := range polygons {
		if len(polygon) > 1 {
			return append(appendRunLengths(b, p, o), '}')
		}
	}
	b = append(b, '[')
	for i, polygon := range polygons {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendFlat(b, polygon[0])
	}
	return append(b, "]}"...)
}

// appendFlat appends a ring as [x,y,x,y,...].
func appendFlat(b []byte, ring []mask.Point) []byte {
	b = append(b, '[')
	for i, p := range ring {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(p[0]), 10)
		b = strconv.AppendInt(append(b, ','), int64(p[1]), 10)
	}
	return append(b, ']')
}

// appendRunLengths appends COCO's uncompressed run lengths: of the whole picture, column by column, background first.
func appendRunLengths(b []byte, p *Picture, o *mask.Object) []byte {
	height := p.Image.Height
	b = strconv.AppendInt(append(b, `{"size":[`...), int64(height), 10)
	b = strconv.AppendInt(append(b, ','), int64(p.Image.Width), 10)
	b = append(b, `],"counts":[`...)
	at, held := 0, 0 // what is written, and the length of the object's run that may go on in the next column
	for _, run := range columnRuns(o) {
		if start := run.x*height + run.y0; start > at+held || at == 0 && held == 0 {
			if held > 0 {
				b = append(strconv.AppendInt(b, int64(held), 10), ',')
			}
			at += held
			b = append(strconv.AppendInt(b, int64(start-at), 10), ',')
			at, held = start, 0
		}
		held += run.y1 - run.y0
	}
	b = strconv.AppendInt(b, int64(held), 10)
	if rest := p.Image.Width*height - at - held; rest > 0 {
		b = strconv.AppendInt(append(b, ','), int64(rest), 10)
	}
	return append(b, "]}"...)
}

func (c *coco) close() error {
	b := append(c.line[:0], "],\n"+`"images":[`...)
	b = append(b, c.images...)
	b = append(b, "],\n"+`"categories":[`...)
	for i, model := range c.categories {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(append(b, `{"id":`...), int64(i+1), 10)
		b = appendString(append(b, `,"name":`...), model)
		b = append(b, `,"supercategory":"object"}`...)
	}
	_, _ = c.w.Write(append(b, "]}\n"...)) // Flush has the error
	return c.w.Flush()
}

// classes are the models that an export has met, each a class of objects.
type classes []string

// number gives a model's, from 0.
func (c *classes) number(model string) int {
	for i, known := range *c {
		if known == model {
			return i
		}
	}
	*c = append(*c, model)
	return len(*c) - 1
}
