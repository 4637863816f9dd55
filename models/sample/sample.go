// Package sample makes pictures to try the program with: brightfield spheroids and fluorescent nuclei,
// drawn from a seed, so that the project ships no picture that is somebody else's and every mask is exact.
package sample

import (
	"bytes"
	"fmt"
	"sync"

	"seghub/models/imageio"
)

// Wanted is what finds what a sample shows.
type Wanted struct {
	Model         string // a shipped one's id
	MinArea       int    // square pixels; what is smaller is a crumb. 0 for what the model leaves out
	SplitTouching bool
}

// picture is one sample, drawn when it is first asked for.
type picture struct {
	name   string
	wanted Wanted
	png    func() ([]byte, error)
}

var pictures = []picture{
	{"spheroid", Wanted{Model: "unet_spherohq", MinArea: 1000}, once(func() imageio.Image { img, _ := spheroid(8, 1024, 1024).draw(); return img })},
	{"touching-spheroids", Wanted{Model: "unet_spherohq", MinArea: 1000, SplitTouching: true}, once(func() imageio.Image { img, _ := touching(9, 1200, 1024).draw(); return img })},
	{"nuclei", Wanted{Model: "unet_nuclei"}, once(func() imageio.Image { return nuclei(4, 696, 520) })},
}

func once(draw func() imageio.Image) func() ([]byte, error) {
	return sync.OnceValues(func() ([]byte, error) {
		var out bytes.Buffer
		err := imageio.EncodePNG(&out, draw())
		return out.Bytes(), err
	})
}

// Names returns the names of the samples in the order in which to show them.
func Names() []string {
	names := make([]string, len(pictures))
	for i, p := range pictures {
		names[i] = p.name
	}
	return names
}

// Wants returns what the sample of that name wants; nothing for a name that is not one of Names.
func Wants(name string) Wanted {
	for _, p := range pictures {
		if p.name == name {
			return p.wanted
		}
	}
	return Wanted{}
}

// PNG returns the sample of that name, always the same bytes, which the caller must not change. A name
// that is not one of Names is an error.
func PNG(name string) ([]byte, error) {
	for _, p := range pictures {
		if p.name == name {
			return p.png()
		}
	}
	return nil, fmt.Errorf("there is no sample %q", name)
}

// Spheroids draws one to three spheroids in brightfield, w x h pixels of 8-bit grey, as seed has it, and
// their mask, w*h samples of 255 in a spheroid and 0 outside. Both sides are at least 1.
func Spheroids(seed int64, w, h int) (imageio.Image, []uint8) {
	if seed%2 == 0 {
		return spheroid(seed, w, h).draw()
	}
	return touching(seed, w, h).draw()
}
