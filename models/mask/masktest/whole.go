// Package masktest has maps as a whole, for tests: the hub goes through them in bands, and never holds one.
package masktest

import (
	"io"

	"seghub/models/mask"
)

// WriteBands writes all of p, which is not empty.
func WriteBands(w io.Writer, p mask.Probability) error {
	channels := p.Channels()
	b, err := mask.NewBandWriter(w, p.Width, p.Height, len(channels))
	if err != nil {
		return err
	}
	if err := b.Write(channels...); err != nil {
		return err
	}
	return b.Close()
}

// Probability reads the whole map, as it was written.
func Probability(b *mask.BandReader) (mask.Probability, error) {
	channels := make([][]uint8, b.Channels)
	for channel := range channels {
		channels[channel] = make([]uint8, b.Width*b.Height)
		for band := range b.Bands {
			begin, end := b.Rows(band)
			if _, err := b.Read(band, channel, channels[channel][begin*b.Width:end*b.Width]); err != nil {
				return mask.Probability{}, err
			}
		}
	}
	return mask.OfChannels(b.Width, b.Height, channels), nil
}

// Spans reads those of the whole map, in reading order.
func Spans(l *mask.LabelReader) ([]mask.Span, error) {
	var all []mask.Span
	for band := range l.Bands {
		spans, err := l.Band(band)
		if err != nil {
			return nil, err
		}
		all = append(all, spans...)
	}
	return all, nil
}

// Binary draws the objects: Width*Height samples, 255 where one is, else 0.
func Binary(s mask.Segmentation) []uint8 {
	pix := make([]uint8, s.Width*s.Height)
	for _, span := range s.Spans {
		row := pix[int(span.Y)*s.Width:]
		for x := span.X0; x < span.X1; x++ {
			row[x] = 255
		}
	}
	return pix
}
