package models

import "seghub/models/imageio"

// BandMemory is about the most that is held, in bytes, of a page that goes through a model band by band.
type BandMemory struct {
	Rows    int64 // that tiles are cut from, in 8 bits: of the page, and as they are scaled
	Samples int64 // that come with a row of tiles, see Strip
	Tiles   int64 // of a row of them
	Outputs int64 // of a row of tiles
	Unkept  bool  // strips come without samples: who wants them reads them again
}

// Factors are the utmost that a model may have a page scaled by, see Cutter.ScaleTo.
func (s Spec) Factors() []float64 {
	if s.Diameter == nil {
		return []float64{1}
	}
	return []float64{leastFactor, mostFactor}
}

// BandMemory is that of a page that the model sees scaled by any of some factors.
func (s Spec) BandMemory(page imageio.Page, factors ...float64) (most BandMemory) {
	for _, factor := range factors {
		m := s.bandMemory(page, placed(page.Width, page.Height, s.Input, factor))
		most = BandMemory{
			Rows: max(most.Rows, m.Rows), Samples: max(most.Samples, m.Samples), Tiles: max(most.Tiles, m.Tiles),
			Outputs: max(most.Outputs, m.Outputs), Unkept: most.Unkept || m.Unkept,
		}
	}
	return most
}

func (s Spec) bandMemory(page imageio.Page, p Placement) BandMemory {
	in := s.Input
	rows, read := min(in.Height, p.Height), in.Height
	var scaled int64
	unkept := false
	if p.Width != page.Width || p.Height != page.Height {
		step := scaledStep(page, p, in)
		unkept = step < rows
		read = ceilDiv(min(rows, step)*page.Height, p.Height) + 2 // what lies between two rows is of both
		scaled = int64(rows) * int64(p.Width) * int64(page.Channels)
	}
	pixels := int64(min(read, page.Height)) * int64(page.Width)
	seen := int64(max(1, len(p.across))) * int64(in.Height) * int64(in.Width)
	return BandMemory{
		Rows:    pixels*int64(page.Channels) + scaled,
		Samples: pixels * int64(page.PixelBytes()),
		Tiles:   seen * int64(in.Channels),
		Outputs: seen * int64(s.Outputs()),
		Unkept:  unkept,
	}
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
