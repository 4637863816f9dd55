package evaluate

import (
	"context"
	"fmt"
	"os"

	"seghub/gpuexec"
	"seghub/models"
	"seghub/models/imageio"
	"seghub/models/mask"
	"seghub/models/score"
)

// maxPixels is far above any image of the sets; a hub has a setting for it.
const maxPixels = 1 << 28

// options are what a job gets that asks for touching bodies to be parted and leaves all else to its model. Parting leaves the
// foreground, and so Dice and IoU, as it is.
func options(threshold float64, minArea int) mask.Options {
	return mask.Options{Threshold: threshold, MinArea: minArea, DetectHoles: true, SplitTouching: true}
}

// method is a way to find the objects of an image.
type method struct {
	name string
	find func(ctx context.Context, img imageio.Image) (mask.Segmentation, error)
}

// byModel finds objects as a worker of the hub does, with a session of the model for runs of one row.
func byModel(session gpuexec.Session, model models.Spec) method {
	return method{name: model.ID, find: func(ctx context.Context, img imageio.Image) (mask.Segmentation, error) {
		in, placement, err := models.FitScaled(ctx, img, model, 0, session.Run)
		if err != nil {
			return mask.Segmentation{}, err
		}
		out, err := in.InPortions(1, func(row models.Tensor) (models.Tensor, error) { return session.Run(ctx, row) })
		if err != nil {
			return mask.Segmentation{}, err
		}
		return mask.Segment(placement.Unfit(out, 0), options(model.Threshold, model.MinArea)), nil
	}}
}

// byOtsu finds objects without having learnt anything.
var byOtsu = method{name: "Otsu", find: func(_ context.Context, img imageio.Image) (mask.Segmentation, error) {
	// The hub's own way from colour to grey, at the image's own size.
	grey, _ := models.Fit(img, models.Input{Height: img.Height, Width: img.Width, Channels: 1, Scaling: models.ScalingFit})
	return mask.Segment(score.Otsu(img.Width, img.Height, grey.Pix), options(0.5, 0)), nil
}}

func decode(ctx context.Context, path string) (imageio.Image, error) {
	file, err := os.Open(path)
	if err != nil {
		return imageio.Image{}, fmt.Errorf("read an image: %w", err)
	}
	defer file.Close()
	img, err := imageio.Decode(ctx, file, maxPixels, nil)
	if err != nil {
		return imageio.Image{}, fmt.Errorf("%s: %w", path, err)
	}
	return img, nil
}
