package evaluate

import (
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"

	"seghub/models/score"
)

// ErrMask is why a file is no mask of its image.
var ErrMask = errors.New("not a usable mask")

// readTruth reads a mask: a grey PNG of 16 bits, whose values are the objects' numbers. imageio would stretch
// them.
func readTruth(path string) (score.Labels, error) {
	file, err := os.Open(path)
	if err != nil {
		return score.Labels{}, fmt.Errorf("read a mask: %w", err)
	}
	defer file.Close()
	decoded, err := png.Decode(file)
	if err != nil {
		return score.Labels{}, fmt.Errorf("%w: %s: %w", ErrMask, path, err)
	}
	grey, ok := decoded.(*image.Gray16)
	if !ok {
		return score.Labels{}, fmt.Errorf("%w: %s is not grey of 16 bits", ErrMask, path)
	}
	size := grey.Rect.Size()
	l := score.Labels{Width: size.X, Height: size.Y, IDs: make([]int32, size.X*size.Y)}
	for i := range l.IDs {
		l.IDs[i] = int32(grey.Gray16At(i%size.X, i/size.X).Y)
	}
	return l, nil
}
