package bench

import (
	"bytes"
	"fmt"

	"seghub/models"
	"seghub/models/imageio"
	"seghub/models/sample"
)

// side is that of the image, in pixels; tests make do with less.
var side = 1024

// load is what a session sends in a round: the same image so many times.
type load struct {
	images int
	png    []byte
	image  imageio.Image
}

// saidDiameter is what is said to be that of an image's objects, 0 for a model that takes any: nobody looks for it, nor scales the image, so
// that all contenders run the same tiles.
func saidDiameter(spec models.Spec) float64 {
	if spec.Diameter == nil {
		return 0
	}
	return spec.Diameter.Best
}

func newLoad(images int) (load, error) {
	const seed = 7
	picture, _ := sample.Spheroids(seed, side, side)
	var file bytes.Buffer
	if err := imageio.EncodePNG(&file, picture); err != nil {
		return load{}, fmt.Errorf("draw the image: %w", err)
	}
	return load{images: images, png: file.Bytes(), image: picture}, nil
}

// inputs are the model's runs for all images of a session: as many rows as the images have, n at once, the last filled up with
// what it is not asked for. ends tells for each image after which run it is done.
func (l load) inputs(spec models.Spec, n int) (runs []models.Tensor, ends []int) {
	one, placement := models.Fit(l.image, spec.Input)
	rows := placement.Rows()
	size := len(one.Pix) / rows
	total := l.images * rows
	for first := 0; first < total; first += n {
		in := models.Tensor{N: n, H: one.H, W: one.W, C: one.C, Pix: make([]uint8, n*size)}
		for i := range min(n, total-first) {
			row := (first + i) % rows
			copy(in.Pix[i*size:(i+1)*size], one.Pix[row*size:])
		}
		runs = append(runs, in)
	}
	for image := range l.images {
		ends = append(ends, ((image+1)*rows-1)/n)
	}
	return runs, ends
}
