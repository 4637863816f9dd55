package imageio_test

import (
	"encoding/json"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"seghub/models/imageio"
)

// kindOfFile is what testdata/kinds.py says of a file that it wrote.
type kindOfFile struct {
	File   string
	Within float64 // that a sample may be off, where the file is compressed with losses
	Pages  []struct {
		Raw                     string
		Width, Height, Channels int
		Type                    string
	}
}

// TestKinds reads every kind of file that tifffile, Pillow and the scripts themselves write. The common ones are written anew; those
// that need codecs which Debian's tifffile does not have lie in testdata.
func TestKinds(t *testing.T) {
	t.Run("stored", func(t *testing.T) { readKinds(t, "testdata/kinds") })
	t.Run("written anew", func(t *testing.T) {
		python := os.Getenv("PYTHON")
		if python == "" {
			python = "python3"
		}
		if err := exec.Command(python, "-c", "import tifffile").Run(); err != nil {
			t.Skip("left out: the kinds of TIFF that Python's tifffile writes: it is not installed")
		}
		for _, script := range []string{"testdata/kinds.py", "testdata/pictures.py"} {
			folder := t.TempDir()
			if out, err := exec.Command(python, script, folder).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			readKinds(t, folder)
		}
	})
}

func readKinds(t *testing.T, folder string) {
	data, err := os.ReadFile(filepath.Join(folder, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var kinds []kindOfFile
	if err := json.Unmarshal(data, &kinds); err != nil {
		t.Fatal(err)
	}
	for _, kind := range kinds {
		t.Run(kind.File, func(t *testing.T) { readKind(t, folder, kind) })
	}
}

func readKind(t *testing.T, folder string, kind kindOfFile) {
	data, err := os.ReadFile(filepath.Join(folder, kind.File))
	if err != nil {
		t.Fatal(err)
	}
	file := openFile(t, data)
	if len(file.Pages) != len(kind.Pages) {
		t.Fatalf("%d pages, want %d", len(file.Pages), len(kind.Pages))
	}
	for i, want := range kind.Pages {
		page := file.Pages[i]
		if page.Width != want.Width || page.Height != want.Height || page.Channels != want.Channels || page.Type.String() != want.Type {
			t.Fatalf("page %d is %dx%dx%d %v, want %+v", i, page.Width, page.Height, page.Channels, page.Type, want)
		}
		raw, err := os.ReadFile(filepath.Join(folder, want.Raw))
		if err != nil {
			t.Fatal(err)
		}
		same(t, page, readPlane(t, file, imageio.Plane{Page: i}, everything), raw, kind.Within)
		// A piece in the middle is the same as of the whole.
		part := image.Rect(page.Width/3, page.Height/4, page.Width*2/3, page.Height*3/4)
		same(t, page, readPlane(t, file, imageio.Plane{Page: i}, part), cutOut(raw, page, part), kind.Within)
	}
}

// same wants samples that are off by no more than within.
func same(t *testing.T, page imageio.Page, got, want []byte, within float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d bytes, want %d", len(got), len(want))
	}
	size := page.Type.Size()
	for i := 0; i < len(want); i += size {
		a, b := page.Type.Value(got[i:]), page.Type.Value(want[i:])
		if d := a - b; d > within || d < -within || d != d && (a == a || b == b) {
			t.Fatalf("sample %d is %v, want %v", i/size, a, b)
		}
	}
}

func cutOut(raw []byte, page imageio.Page, area image.Rectangle) (part []byte) {
	pixel := page.PixelBytes()
	for y := area.Min.Y; y < area.Max.Y; y++ {
		at := (y*page.Width + area.Min.X) * pixel
		part = append(part, raw[at:at+area.Dx()*pixel]...)
	}
	return part
}
