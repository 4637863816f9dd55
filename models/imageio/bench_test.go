package imageio_test

import (
	"bytes"
	"context"
	"image"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"seghub/models/imageio"
)

// BenchmarkTiles decodes the files of the folder FILES, first pages, into tiles of 512 x 512; scripts/bench-files writes them and sets
// Pillow's and OpenCV's times beside.
func BenchmarkTiles(b *testing.B) {
	files, err := filepath.Glob(filepath.Join(os.Getenv("FILES"), "*.*"))
	if err != nil || os.Getenv("FILES") == "" || len(files) == 0 {
		b.Skip("FILES names no folder of images")
	}
	for _, path := range files {
		file, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(filepath.Base(path), func(b *testing.B) {
			began := processorTime(b)
			for b.Loop() {
				tile(b, file)
			}
			b.ReportMetric(float64((processorTime(b)-began).Microseconds())/1000/float64(b.N), "cpu-ms/op")
		})
	}
}

func tile(b *testing.B, file []byte) {
	const side = 512
	ctx := context.Background()
	opened, err := imageio.Open(ctx, bytes.NewReader(file), int64(len(file)), imageio.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	r, err := opened.Reader(ctx, imageio.Plane{}, imageio.NewBudget(1<<30))
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	page := opened.Pages[0]
	for y := 0; y < page.Height; y += side {
		for x := 0; x < page.Width; x += side {
			area := image.Rect(x, y, x+side, y+side).Intersect(page.Bounds())
			if err := r.Read(ctx, make([]byte, area.Dx()*area.Dy()*page.PixelBytes()), area); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// processorTime is what this process has had, user and system.
func processorTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
