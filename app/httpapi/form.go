package httpapi

import (
	"io"
	"strconv"
	"strings"

	"seghub/models/imageio"
	"seghub/models/mask"
	"seghub/sessions/problem"
)

// maxField is the longest value of a form field, in bytes.
const maxField = 1 << 10

// maxPixelSize is the widest pixel that anybody looks at cells with, in µm.
const maxPixelSize = 10_000

// maxDiameter is far above that of anything that a model tells one by one, in pixels.
const maxDiameter = 10_000

// form is what an upload says beside its files.
type form struct {
	models Models
	model  string
	// diameter is that of the objects, in pixels; 0 leaves it to be found.
	diameter float64
	options  mask.Options
	choice   imageio.Choice
	// pixelSize is what a pixel is in µm, whatever the file says; 0 leaves it to that.
	pixelSize float64
	given     map[string]bool // the fields that were
}

func newForm(models Models) form {
	return form{models: models, options: mask.Options{DetectHoles: true}, given: make(map[string]bool)}
}

// set takes one field; it fails at once, so that a wrong request need not send its files first.
func (f *form) set(name string, r io.Reader) error {
	data, err := io.ReadAll(io.LimitReader(r, maxField+1))
	if err != nil {
		return broken(err)
	}
	if len(data) > maxField {
		return problem.Newf(problem.BadRequest, "The field %s is too long.", name)
	}
	value := strings.TrimSpace(string(data))
	switch name {
	case "model":
		if _, ok := f.models.Get(value); !ok {
			return problem.Newf(problem.UnknownModel, "There is no model %q; GET /api/v1/models lists those that there are.", value)
		}
		f.model = value
	case "threshold":
		f.options.Threshold, err = strconv.ParseFloat(value, 64)
	case "min_area":
		f.options.MinArea, err = strconv.Atoi(value)
	case "detect_holes":
		f.options.DetectHoles, err = strconv.ParseBool(value)
	case "exclude_border":
		f.options.ExcludeBorder, err = strconv.ParseBool(value)
	case "split_touching":
		f.options.SplitTouching, err = strconv.ParseBool(value)
	case "diameter":
		f.diameter, err = strconv.ParseFloat(value, 64)
		if err == nil && !(f.diameter >= 0 && f.diameter <= maxDiameter) {
			return problem.Newf(problem.BadRequest, "The field diameter is in pixels, at most %d; 0 has it found.", maxDiameter)
		}
	case "pages":
		f.choice.Pages = value
		if err := f.choice.Validate(); err != nil {
			return chosen(err)
		}
	case "channel":
		f.choice.Channel = value
	case "projection":
		f.choice.Max = value == "max"
		if value != "max" && value != "none" {
			return problem.New(problem.BadRequest, "A projection is max or none.")
		}
	case "pixel_size":
		f.pixelSize, err = strconv.ParseFloat(value, 64)
		if err == nil {
			if err := judgePixelSize(f.pixelSize); err != nil {
				return err
			}
		}
	default:
		return problem.Newf(problem.BadRequest, "There is no field %q: files, model, threshold, min_area, detect_holes, exclude_border, "+
			"split_touching, diameter, pages, channel, projection and pixel_size are known.", name)
	}
	if err != nil {
		return problem.Newf(problem.BadRequest, "The field %s cannot be %q.", name, value)
	}
	f.given[name] = true
	return nil
}

// judgePixelSize is the problem of one that no image has.
func judgePixelSize(size float64) error {
	if !(size > 0 && size <= maxPixelSize) {
		return problem.Newf(problem.BadRequest, "The field pixel_size is in micrometres, above 0 and at most %d.", maxPixelSize)
	}
	return nil
}

// complete fills in what was left out, as the model has it, and checks the whole.
func (f *form) complete() error {
	spec, ok := f.models.Get(f.model)
	if !ok {
		return problem.New(problem.BadRequest, "The field model is missing.")
	}
	if !f.given["threshold"] {
		f.options.Threshold = spec.Threshold
	}
	if !f.given["min_area"] {
		f.options.MinArea = spec.MinArea
	}
	if !f.given["split_touching"] {
		f.options.SplitTouching = spec.Split
	}
	if f.diameter > 0 && spec.Diameter == nil {
		return problem.Newf(problem.BadRequest, "The model %s has no field diameter: it takes objects of any size as they are.", f.model)
	}
	if err := f.options.Validate(); err != nil {
		return problem.New(problem.BadRequest, sentence(err))
	}
	return nil
}
