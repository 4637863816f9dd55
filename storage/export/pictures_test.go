package export

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"io"
	"math/rand/v2"

	"seghub/models/mask"
	"seghub/models/mask/result"
)

// drawn is a picture whose objects are known pixel by pixel.
type drawn struct {
	Picture
	labels []uint16 // Width*Height
}

// writeMask is the picture's Mask.
func (d *drawn) writeMask(_ context.Context, w io.Writer) error {
	img := image.NewGray(image.Rect(0, 0, d.Image.Width, d.Image.Height))
	for i, id := range d.labels {
		if id > 0 {
			img.Pix[i] = 255
		}
	}
	return png.Encode(w, img)
}

// known is by what the picture's receipt knows its label map again.
func (d *drawn) known() result.Labels {
	digest := mask.NewDigest(d.Image.Width, d.Image.Height)
	for i, id := range d.labels {
		if x, y := int32(i%d.Image.Width), int32(i/d.Image.Width); id > 0 {
			digest.Add([]mask.Span{{Y: y, X0: x, X1: x + 1, ID: int32(id)}})
		}
	}
	return result.Labels{Form: mask.DigestForm, SHA256: digest.Sum()}
}

// segmented is a picture of random bodies, some with holes, cut as the hub cuts them.
func segmented(name string, seed uint64, width, height int) *drawn {
	random := rand.New(rand.NewPCG(seed, seed))
	p := mask.Probability{Width: width, Height: height, Pix: make([]uint8, width*height)}
	for range width * height / 400 {
		x, y, r := random.IntN(width), random.IntN(height), 1+random.IntN(9)
		value := uint8(255)
		if random.IntN(3) == 0 {
			value, r = 0, r/2 // a hole, or a bite
		}
		for dy := -r; dy <= r; dy++ {
			for dx := -r; dx <= r; dx++ {
				if px, py := x+dx, y+dy; px >= 0 && py >= 0 && px < width && py < height && dx*dx+dy*dy <= r*r {
					p.Pix[py*width+px] = value
				}
			}
		}
	}
	for range width * height / 50 { // ragged edges
		i := random.IntN(len(p.Pix))
		p.Pix[i] = ^p.Pix[i]
	}
	s := mask.Segment(p, mask.Options{Threshold: 0.5, DetectHoles: true})
	d := &drawn{labels: make([]uint16, width*height)}
	for _, span := range s.Spans {
		for x := span.X0; x < span.X1; x++ {
			d.labels[int(span.Y)*width+int(x)] = uint16(span.ID)
		}
	}
	d.Picture = pictureOf(name, width, height, s.Objects)
	d.Mask = d.writeMask
	return d
}

// corners is a picture of objects whose pixels meet at corners alone, as they were segmented once and may be merged by hand.
func corners() *drawn {
	const width, height = 9, 5
	rows := []string{
		"1...2....",
		".1.2.2.3.",
		"....2.333",
		"......3.3",
		"......333",
	}
	d := &drawn{labels: make([]uint16, width*height)}
	for y, row := range rows {
		for x, r := range row {
			if r != '.' {
				d.labels[y*width+x] = uint16(r - '0')
			}
		}
	}
	d.Picture = pictureOf("corners.png", width, height, []mask.Object{
		{ID: 1, Area: 2, BBox: [4]int{0, 0, 2, 2},
			Polygon: []mask.Point{{0, 0}, {1, 0}, {1, 1}, {2, 1}, {2, 2}, {1, 2}, {1, 1}, {0, 1}}},
		{ID: 2, Area: 4, BBox: [4]int{3, 0, 3, 3},
			Polygon: []mask.Point{{4, 0}, {5, 0}, {5, 1}, {6, 1}, {6, 2}, {5, 2}, {5, 3}, {4, 3}, {4, 2}, {3, 2}, {3, 1}, {4, 1}},
			Holes:   [][]mask.Point{{{4, 1}, {4, 2}, {5, 2}, {5, 1}}}},
		{ID: 3, Area: 9, BBox: [4]int{6, 1, 3, 4},
			Polygon: []mask.Point{{7, 1}, {8, 1}, {8, 2}, {9, 2}, {9, 5}, {6, 5}, {6, 2}, {7, 2}},
			Holes:   [][]mask.Point{{{7, 3}, {7, 4}, {8, 4}, {8, 3}}}},
	})
	d.Mask = d.writeMask
	return d
}

// sieve is one sheet with a hole of one pixel in the middle of each nine.
func sieve(side int) *drawn {
	p := mask.Probability{Width: side, Height: side, Pix: make([]uint8, side*side)}
	d := &drawn{labels: make([]uint16, side*side)}
	for i := range p.Pix {
		if i%side%3 != 1 || i/side%3 != 1 {
			p.Pix[i], d.labels[i] = 255, 1
		}
	}
	d.Picture = pictureOf("sieve.png", side, side, mask.Segment(p, mask.Options{Threshold: 0.5, DetectHoles: true}).Objects)
	d.Mask = d.writeMask
	return d
}

// empty is a picture of nothing.
func empty(name string) *drawn {
	const width, height = 40, 30
	d := &drawn{Picture: pictureOf(name, width, height, []mask.Object{}), labels: make([]uint16, width*height)}
	d.Mask = d.writeMask
	return d
}

func pictureOf(name string, width, height int, objects []mask.Object) Picture {
	p := Picture{Result: result.Result{Job: "job-" + name, Revision: 1, Model: "unet_nuclei", Objects: objects,
		Image:   result.Image{ID: "i", Filename: name, Width: width, Height: height},
		Options: mask.Options{Threshold: 0.5, DetectHoles: true}},
		Receipt: result.Receipt{ID: "r-" + name}, Pages: 1, Channel: -1, Z: -1, T: -1}
	for i, o := range objects {
		p.Summary.Count++
		p.Summary.TotalArea += o.Area
		objects[i].MeanIntensity = []float64{float64(i)}
		objects[i].SDIntensity, objects[i].IntegratedIntensity = []float64{1.5}, []float64{-2}
	}
	p.Summary.Coverage = float64(p.Summary.TotalArea) / float64(width*height)
	return p
}

// exported is what pictures make in a format.
func exported(format string, pictures ...*drawn) ([]byte, error) {
	var out bytes.Buffer
	e, err := New(&out, format, len(pictures), "")
	if err != nil {
		return nil, err
	}
	for _, p := range pictures {
		p.Receipt.Labels = p.known()
		if err := e.Add(context.Background(), p.Picture); err != nil {
			return nil, fmt.Errorf("%s: %w", p.Image.Filename, err)
		}
	}
	err = e.Close()
	return out.Bytes(), err
}
