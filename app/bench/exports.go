package bench

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"time"

	"seghub/models/mask"
	"seghub/models/mask/result"
	"seghub/storage/export"
)

// Exports is how results are written, by this process.
type Exports struct {
	GeoJSONObjects int     `json:"geojson_objects"`
	GeoJSONBytes   int64   `json:"geojson_bytes"`
	GeoJSONSeconds float64 `json:"geojson_seconds"`
	XLSXObjects    int     `json:"xlsx_objects"`
	XLSXSeconds    float64 `json:"xlsx_seconds"`
	XLSXMemory     int64   `json:"xlsx_resident_bytes"` // at most, above what was resident before
	Error          string  `json:"error,omitempty"`     // nothing else counts where it is set
}

// measureExports writes so many objects as a workbook, a row each, and those of one of their pictures as GeoJSON. A picture has a
// quarter of them: 100,000 fill four of some 8,600 pixels a side.
func measureExports(ctx context.Context, rows int) (e Exports, err error) {
	const spacing = 54 // pixels from middle to middle
	p := discs(int(math.Ceil(math.Sqrt(float64(rows)/4)))*spacing, spacing)
	e.GeoJSONObjects = len(p.Objects)
	began := time.Now()
	if e.GeoJSONBytes, err = exported(ctx, "geojson", []export.Picture{p}); err != nil {
		return e, err
	}
	e.GeoJSONSeconds = time.Since(began).Seconds()

	pictures := []export.Picture{}
	for ; rows > 0; rows -= len(p.Objects) {
		part := p
		part.Objects = p.Objects[:min(rows, len(p.Objects))]
		e.XLSXObjects += len(part.Objects)
		pictures = append(pictures, part)
	}
	debug.FreeOSMemory() // what drawing the picture took does not count
	self, err := treeOf(ctx, os.Getpid())
	if err != nil {
		return e, err
	}
	before, err := self.resident()
	if err != nil {
		return e, err
	}
	highest := make(chan int64, 1)
	over := make(chan struct{})
	go func() { highest <- self.highest(over) }()
	began = time.Now()
	_, err = exported(ctx, "xlsx", pictures)
	e.XLSXSeconds = time.Since(began).Seconds()
	close(over)
	e.XLSXMemory = max(0, <-highest-before)
	return e, err
}

// highest is the most that was resident until over is closed, looked at often.
func (p processes) highest(over <-chan struct{}) (most int64) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if now, err := p.resident(); err == nil {
			most = max(most, now)
		}
		select {
		case <-tick.C:
		case <-over:
			return most
		}
	}
}

// exported is how many bytes pictures make in a format.
func exported(ctx context.Context, format string, pictures []export.Picture) (int64, error) {
	out := &counter{}
	e, err := export.New(out, format, len(pictures), "")
	if err != nil {
		return 0, err
	}
	for _, p := range pictures {
		if err := e.Add(ctx, p); err != nil {
			return 0, fmt.Errorf("%s: %w", format, err)
		}
	}
	return out.bytes, e.Close()
}

// counter counts what is written to it.
type counter struct{ bytes int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.bytes += int64(len(p))
	return io.Discard.Write(p)
}

// discs is a picture of them, each a little different, as they are segmented.
func discs(side, spacing int) export.Picture {
	random := rand.New(rand.NewPCG(1, 2))
	p := mask.Probability{Width: side, Height: side, Pix: make([]uint8, side*side)}
	for cy := spacing / 2; cy < side; cy += spacing {
		for cx := spacing / 2; cx < side; cx += spacing {
			r := float64(spacing) * (0.25 + 0.2*random.Float64())
			phase, lobes := 2*math.Pi*random.Float64(), 0.1*random.Float64()
			for y := max(0, cy-spacing/2); y < min(side, cy+spacing/2); y++ {
				for x := max(0, cx-spacing/2); x < min(side, cx+spacing/2); x++ {
					dx, dy := float64(x-cx), float64(y-cy)
					if math.Hypot(dx, dy) < r*(1+lobes*math.Sin(3*math.Atan2(dy, dx)+phase)) {
						p.Pix[y*side+x] = 255
					}
				}
			}
		}
	}
	s := mask.Segment(p, mask.Options{Threshold: 0.5})
	return export.Picture{
		Result: result.Result{Job: "bench", Revision: 1, Model: "discs", Objects: s.Objects, Summary: s.Summary,
			Image: result.Image{Filename: "discs.tif", Width: side, Height: side}, Options: mask.Options{Threshold: 0.5}},
		Pages: 1, Channel: -1, Z: -1, T: -1,
	}
}
