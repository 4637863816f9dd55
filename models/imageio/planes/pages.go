package planes

import (
	"strings"

	"seghub/models/imageio/tiff"
)

// page is one that is a picture of its own.
type page struct {
	directory *tiff.Directory
	layout    *tiff.Layout
	reduced   []*tiff.Layout
	index     int // in the chain of the file's directories
}

// pictures leaves out the pages that are smaller versions of others, or masks to them: those that say so, those that a page has below
// it, and those of a pyramid without any such mark, as slide scanners write them.
func pictures(file *tiff.File) ([]page, error) {
	pages, small := sorted(file)
	if len(pages) == 0 {
		var err error
		if pages, err = below(file); err != nil {
			return nil, err
		}
		small = nil
	}
	if len(pages) == 0 { // nobody is the larger version
		for i, d := range file.Directories {
			pages = append(pages, page{directory: d, index: i})
		}
	}
	for i := range pages {
		var err error
		if pages[i].layout, err = pages[i].directory.Layout(); err != nil {
			return nil, err
		}
	}
	pages = withoutUnmarkedLevels(pages)
	for i := range pages {
		p := &pages[i]
		for _, at := range p.directory.Below() {
			if d, _, err := file.Directory(at); err == nil {
				p.addLevel(d)
			}
		}
		if len(pages) == 1 {
			for _, d := range small {
				p.addLevel(d)
			}
		}
	}
	return pages, nil
}

// sorted are the pages of their own, and those that say that they are smaller.
func sorted(file *tiff.File) (pages []page, small []*tiff.Directory) {
	parts := slideParts(file.Directories)
	for i, d := range file.Directories {
		switch {
		case parts != nil && parts[i] == overview:
		case parts != nil && parts[i] == smaller, d.Reduced():
			small = append(small, d)
		default:
			pages = append(pages, page{directory: d, index: i})
		}
	}
	return pages, small
}

// below are the pictures that lie below the thumbnails that are all of a file's pages, as cameras write them (DNG).
func below(file *tiff.File) (pages []page, err error) {
	for i, d := range file.Directories {
		for _, at := range d.Below() {
			d, _, err := file.Directory(at)
			if err != nil {
				return nil, err
			}
			if !d.Reduced() {
				pages = append(pages, page{directory: d, index: i})
			}
		}
	}
	return pages, nil
}

// addLevel takes a smaller version of the page, if it is one. One that cannot be read is not missed.
func (p *page) addLevel(d *tiff.Directory) {
	if layout, err := d.Layout(); err == nil && p.isLevel(layout) {
		p.reduced = append(p.reduced, layout)
	}
}

// isLevel tells whether a layout is of the same picture, of the same colours, smaller than all levels before.
func (p *page) isLevel(l *tiff.Layout) bool {
	last := p.layout
	if len(p.reduced) > 0 {
		last = p.reduced[len(p.reduced)-1]
	}
	if l.Width >= last.Width || l.Height >= last.Height || l.Channels != last.Channels || l.Type != last.Type || l.Samples != last.Samples ||
		l.Orientation != last.Orientation {
		return false
	}
	return sameShape(p.layout, l)
}

// sameShape tells whether a picture of b's size can be a's, made smaller: the sides are off by no more than rounding explains.
func sameShape(a, b *tiff.Layout) bool {
	times := (a.Width + b.Width/2) / b.Width
	return times > 1 && within(a.Width, b.Width, times) && within(a.Height, b.Height, times)
}

func within(long, short, times int) bool {
	return long/times-1 <= short && short <= (long+times-1)/times+1
}

// withoutUnmarkedLevels looks for a pyramid whose levels are pages like any other: all have tiles, and each is half as wide as the one
// before or a quarter. A slide scanner's own pages without tiles among them are thumbnails, labels and overviews.
func withoutUnmarkedLevels(pages []page) []page {
	base := pages[0]
	isAperio := strings.HasPrefix(base.directory.Text(tiff.ImageDescription, 1<<10), aperio)
	if !base.layout.Tiled || len(pages) < 2 {
		return pages
	}
	for _, p := range pages[1:] {
		switch l := p.layout; {
		case !l.Tiled && isAperio:
		case !l.Tiled || !base.isLevel(l):
			return pages
		default:
			base.reduced = append(base.reduced, l)
		}
	}
	return []page{base}
}
