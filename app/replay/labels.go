package replay

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"io"
	"os"

	"seghub/client"
	"seghub/models/imageio"
	"seghub/models/mask"
)

// Labels is a label map.
type Labels struct {
	Width, Height int
	IDs           []uint32
}

func readLabels(ctx context.Context, path string) (*Labels, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	labels, err := decodeLabels(ctx, data)
	if err != nil {
		return nil, fmt.Errorf("label map %s: %w", path, err)
	}
	return labels, nil
}

func fetchLabels(ctx context.Context, hub *client.Client, job string) (*Labels, error) {
	var file bytes.Buffer
	err := hub.Download(ctx, job, "labels.tif", func() (io.Writer, error) {
		file.Reset()
		return &file, nil
	})
	if err != nil {
		return nil, err
	}
	return decodeLabels(ctx, file.Bytes())
}

func decodeLabels(ctx context.Context, data []byte) (*Labels, error) {
	file, err := imageio.Open(ctx, bytes.NewReader(data), int64(len(data)), imageio.Limits{})
	if err != nil {
		return nil, err
	}
	page := file.Pages[0]
	reader, err := file.Reader(ctx, imageio.Plane{}, imageio.NewBudget(page.Memory))
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	l := &Labels{Width: page.Width, Height: page.Height, IDs: make([]uint32, page.Width*page.Height)}
	samples := make([]byte, page.Bytes())
	if err := reader.Read(ctx, samples, image.Rect(0, 0, page.Width, page.Height)); err != nil {
		return nil, err
	}
	for i := range l.IDs {
		switch page.Type {
		case imageio.Uint8:
			l.IDs[i] = uint32(samples[i])
		case imageio.Uint16:
			l.IDs[i] = uint32(binary.LittleEndian.Uint16(samples[2*i:]))
		case imageio.Uint32:
			l.IDs[i] = binary.LittleEndian.Uint32(samples[4*i:])
		default:
			return nil, fmt.Errorf("a label map has no samples of %v", page.Type)
		}
	}
	return l, nil
}

func (l *Labels) digest() string {
	d := mask.NewDigest(l.Width, l.Height)
	for i, id := range l.IDs {
		if id > 0 {
			y, x := int32(i/l.Width), int32(i%l.Width)
			d.Add([]mask.Span{{Y: y, X0: x, X1: x + 1, ID: int32(id)}})
		}
	}
	return d.Sum()
}

// compare counts the pixels that differ.
func (o *Outcome) compare(then, now *Labels) error {
	if then.Width != now.Width || then.Height != now.Height {
		return fmt.Errorf("the label map is of %d x %d pixels, and the image makes %d x %d", then.Width, then.Height, now.Width, now.Height)
	}
	o.Compared, o.Same, o.Pixels = true, true, len(then.IDs)
	for i, id := range then.IDs {
		if other := now.IDs[i]; other != id {
			o.Same = false
			o.Labels++
			if id == 0 || other == 0 {
				o.Mask++
			}
		}
	}
	return nil
}
