package evaluate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ErrNoImages says that there are no images where they were looked for.
var ErrNoImages = errors.New("the images are absent")

// set is a validation set: images of a source that training keeps aside, and their masks.
type set struct {
	name     string
	truth    string   // who drew the masks
	folder   string   // under the data folder; holds images/ and masks/
	prefixes []string // of the file names that belong to it; any when empty
	inParts  bool     // scored by instrument and size too
}

// sets are those of VALIDATION in models/training/data.py, where the split is made; a test compares the two.
var sets = []set{
	{name: "nuclei_val", truth: "experts", folder: "nuclei_val", inParts: true},
	{name: "dic_cells_kept_fields", truth: "experts", folder: "dic_cells", prefixes: []string{
		"cho33", "cho34", "cho35", "cho36", "cho37", "cho38", "cho39", "cho40",
	}},
	{name: "spheroids_other_source_pseudo", truth: "pseudo-labels", folder: "spheroids", prefixes: []string{"spheroseg_"}},
}

// example is one image with the file of its mask.
type example struct{ image, mask string }

// examples lists the set's images in data, by name. The error wraps ErrNoImages when there are none.
func (s set) examples(data string) ([]example, error) {
	images := filepath.Join(data, s.folder, "images")
	names, err := fs.Glob(os.DirFS(images), "*.png") // sorted; none when there is no such folder
	if err != nil {
		return nil, fmt.Errorf("list the images of %s: %w", s.name, err)
	}
	var examples []example
	for _, name := range names {
		if s.holds(name) {
			examples = append(examples, example{image: filepath.Join(images, name), mask: filepath.Join(data, s.folder, "masks", name)})
		}
	}
	if len(examples) == 0 {
		return nil, fmt.Errorf("%w: there are none of %s in %s; --data names the folder of the sets", ErrNoImages, s.name, images)
	}
	return examples, nil
}

func (s set) holds(name string) bool {
	return len(s.prefixes) == 0 || slices.ContainsFunc(s.prefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}
