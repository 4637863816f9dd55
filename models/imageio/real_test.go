package imageio_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"seghub/models/imageio"
)

// realImages lies beside the repository, not in it.
const realImages = "../../../shared/data"

func realFiles(t *testing.T, patterns ...string) []string {
	t.Helper()
	var files []string
	for _, pattern := range patterns {
		found, err := filepath.Glob(filepath.Join(realImages, pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		t.Skip("left out: real images are absent: ../shared/data")
	}
	return files
}

func TestRealImages(t *testing.T) {
	for _, path := range realFiles(t, "originals/*.tif", "spheroids/images/*.png", "dic_cells/images/cho0*.png", "nuclei_val/images/[0-3]*.png") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			file, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			header, err := imageio.ReadHeader(bytes.NewReader(file))
			if err != nil {
				t.Fatal(err)
			}
			img, err := imageio.Decode(context.Background(), bytes.NewReader(file), 4e6, nil)
			if err != nil {
				t.Fatal(err)
			}
			if img.Width != header.Width || img.Height != header.Height {
				t.Errorf("%dx%d pixels, the header says %dx%d", img.Width, img.Height, header.Width, header.Height)
			}
			darkest, brightest := uint8(255), uint8(0)
			for _, v := range img.Pix {
				darkest, brightest = min(darkest, v), max(brightest, v)
			}
			if header.BitDepth == 16 && (darkest != 0 || brightest != 255) {
				t.Errorf("16 bits were stretched to %d..%d", darkest, brightest)
			}
			if brightest == darkest {
				t.Error("the picture is empty")
			}
		})
	}
}
