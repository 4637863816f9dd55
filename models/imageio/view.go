package imageio

import (
	"context"
	"encoding/binary"
	"image"
	"math"

	"seghub/models/pixels"
	"seghub/models/resample"
)

// Window is how samples become light on a screen: Low is black, High white, and what lies between goes through the curve of Gamma, of
// which more than 1 makes the dark parts brighter.
type Window struct{ Low, High, Gamma float64 }

// Window is the one that Map is.
func (l *Levels) Window() Window { return Window{Low: l.low, High: l.high, Gamma: 1} }

// Extent are the darkest and the brightest sample that were seen.
func (l *Levels) Extent() (least, most float64) { return l.least, l.most }

// Histogram is how many samples were seen of each of 256 equal parts of the Window; those beyond its ends are in the first and the last.
func (l *Levels) Histogram() [256]int64 { return l.histogram }

// viewSamples is about how many samples are held at a time while a view is made.
const viewSamples = 4 << 20

// View reads an area of a page, as it is shown, as a picture of size pixels for a screen, for whoever has taken a share of what Memory says
// already. It reads the smallest version of the page that the file has and that is as fine. The error is a Refusal, ctx's, or what the file
// itself returned.
func (f *File) View(ctx context.Context, plane Plane, area image.Rectangle, size image.Point, window Window) (Image, error) {
	page := f.Pages[plane.Page]
	plane.Level = page.levelFor(area, size)
	whole := page.size(plane.Level)
	area = image.Rect(
		area.Min.X*whole.X/page.Width, area.Min.Y*whole.Y/page.Height,
		(area.Max.X*whole.X+page.Width-1)/page.Width, (area.Max.Y*whole.Y+page.Height-1)/page.Height,
	)
	reader, err := f.ReaderWithin(ctx, plane)
	if err != nil {
		return Image{}, err
	}
	defer reader.Close() // read only: nothing is lost
	view := Image{Width: size.X, Height: size.Y, Channels: page.Channels, Pix: make([]uint8, size.X*size.Y*page.Channels)}
	resizer := resample.New(size.X, size.Y, area.Dx(), area.Dy(), page.Channels)
	tone := newTone(page.Type, window)
	rows := min(size.Y, max(1, int(int64(viewSamples)*int64(size.Y)/(int64(area.Dx())*int64(area.Dy())*int64(page.Channels)))))
	for begin := 0; begin < size.Y; begin += rows {
		end := min(begin+rows, size.Y)
		first, last := resizer.Needs(begin, end)
		samples := pixels.Lend((last - first) * area.Dx() * page.PixelBytes())
		err := reader.Read(ctx, samples, image.Rect(area.Min.X, area.Min.Y+first, area.Max.X, area.Min.Y+last))
		if err == nil {
			light := pixels.Lend((last - first) * area.Dx() * page.Channels)
			tone.apply(light, samples)
			resizer.Rows(view.Pix[begin*size.X*page.Channels:], begin, end, light, first, area.Dx()*page.Channels)
			pixels.GiveBack(light)
		}
		pixels.GiveBack(samples)
		if err != nil {
			return Image{}, err
		}
	}
	return view, nil
}

// levelFor is the smallest version of the page in which the area has as many pixels as the view.
func (p Page) levelFor(area image.Rectangle, size image.Point) int {
	best := 0
	for i, reduced := range p.Reduced {
		if area.Dx()*reduced.X >= size.X*p.Width && area.Dy()*reduced.Y >= size.Y*p.Height {
			best = i + 1
		}
	}
	return best
}

// tone brings samples to 8 bits through a window.
type tone struct {
	typ    SampleType
	window Window
	table  []uint8 // of each pattern of bits, for samples of 8 and 16
}

func newTone(typ SampleType, window Window) *tone {
	t := &tone{typ: typ, window: window}
	if bits := 8 * typ.Size(); bits <= 16 {
		t.table = make([]uint8, 1<<bits)
		for pattern := range t.table {
			t.table[pattern] = t.light(ofPattern(typ, pattern))
		}
	}
	return t
}

// light of one sample; what is not a number is black.
func (t *tone) light(v float64) uint8 {
	part := (v - t.window.Low) / (t.window.High - t.window.Low)
	if !(part > 0) {
		return 0
	}
	return uint8(255*math.Pow(min(1, part), 1/t.window.Gamma) + 0.5)
}

func (t *tone) apply(dst []uint8, src []byte) {
	size := t.typ.Size()
	for i := range dst {
		switch size {
		case 1:
			dst[i] = t.table[src[i]]
		case 2:
			dst[i] = t.table[binary.LittleEndian.Uint16(src[2*i:])]
		default:
			dst[i] = t.light(t.typ.Value(src[i*size:]))
		}
	}
}
