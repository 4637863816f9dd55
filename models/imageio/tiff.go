package imageio

import (
	"context"
	"image"

	"seghub/models/imageio/planes"
	"seghub/models/imageio/tiff"
)

// openTIFF is a format's open.
func openTIFF(source *fileSource, limits Limits) (*File, error) {
	file, err := tiff.Open(source, source.size, limits.Pages)
	if err != nil {
		return nil, err
	}
	all, err := planes.Of(file, limits.Pages)
	if err != nil {
		return nil, err
	}
	opened := &File{Pages: make([]Page, len(all)), codec: &tiffCodec{source, all}}
	for i, p := range all {
		page := Page{
			Width: p.Width, Height: p.Height, Channels: p.Channels, Samples: p.Samples, Type: p.Type, Bits: p.Bits,
			Image: p.Image, Channel: p.Channel, Z: p.Z, T: p.T, Plain: p.Plain, ChannelName: p.ChannelName, PixelSize: p.PixelSize, PixelSizeFrom: p.PixelSizeFrom,
			Memory: p.Memory(), orientation: p.Orientation,
		}
		for _, level := range p.Reduced {
			page.Reduced = append(page.Reduced, image.Pt(level.Width, level.Height))
		}
		opened.Pages[i] = page.turned()
	}
	return opened, nil
}

// turned is a page that was described as it is stored, as it is shown.
func (p Page) turned() Page {
	if p.orientation <= 1 {
		return p
	}
	p.Memory += p.Bytes()
	if swaps(p.orientation) {
		p.Width, p.Height = p.Height, p.Width
		for i, size := range p.Reduced {
			p.Reduced[i] = image.Pt(size.Y, size.X)
		}
	}
	return p
}

// tiffCodec is a codec.
type tiffCodec struct {
	source *fileSource
	planes []planes.Plane
}

func (c *tiffCodec) open(_ context.Context, plane Plane) (Reader, error) {
	layout := c.planes[plane.Page].Layout
	if plane.Level > 0 {
		layout = c.planes[plane.Page].Reduced[plane.Level-1]
	}
	return layout.Reader(c.source, plane.Sample)
}
