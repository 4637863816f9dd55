package main

import (
	"context"

	"seghub/gpuexec"
	"seghub/models"
	"seghub/models/sample"
)

// mostGrey is how many of 255 grey levels two devices may differ by: TF32 keeps ten bits of a product's factors.
const mostGrey = 2

// goldens runs each model on the CPU, and on the device in runs of as many rows as it may have.
type goldens struct{}

type golden struct {
	Model    string  `json:"model"`
	Rows     int     `json:"rows"`
	Most     int     `json:"most_grey_levels"` // apart
	Beyond   int     `json:"pixels_beyond"`    // that are more than mostGrey apart
	Moved    int     `json:"pixels_moved"`     // to the other side of the threshold
	Pixels   int     `json:"pixels"`
	MeanGrey float64 `json:"mean_grey_levels"` // apart
}

func (goldens) Run(s *settings) error {
	var onCPU map[string]models.Tensor
	err := s.with(gpuexec.CPU, func(b *bench) (err error) {
		onCPU, err = b.outputs(1)
		return err
	})
	if err != nil {
		return err
	}
	return s.with(s.Device, func(b *bench) error {
		onDevice, err := b.outputs(0)
		if err != nil {
			return err
		}
		r := result{Judged: s.onCard(), OK: true}
		if !r.Judged {
			r.Why = "the device is the CPU itself"
		}
		var all []golden
		for _, model := range b.models {
			g := compare(model, onCPU[model.ID], onDevice[model.ID])
			r.OK = r.OK && g.Beyond == 0
			all = append(all, g)
		}
		r.Found = all
		return r.print()
	})
}

// outputs are what each model makes of a picture of spheroids, in runs of n rows; 0 is the most that it may have.
func (b *bench) outputs(n int) (map[string]models.Tensor, error) {
	const seed, side = 7, 1024
	picture, _ := sample.Spheroids(seed, side, side)
	all := make(map[string]models.Tensor)
	for _, model := range b.models {
		rows := n
		if rows == 0 {
			rows = max(1, model.Batch.Max)
		}
		in, _ := models.Fit(picture, model.Input)
		err := b.session(model, rows, func(session gpuexec.Session) error {
			out, err := in.InPortions(rows, func(portion models.Tensor) (models.Tensor, error) {
				out, err := session.Run(context.Background(), portion.Padded(rows))
				if err != nil {
					return models.Tensor{}, err
				}
				return out.Rows(0, portion.N), nil
			})
			all[model.ID] = out
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

func compare(model models.Spec, want, got models.Tensor) golden {
	g := golden{Model: model.ID, Rows: got.N, Pixels: len(want.Pix)}
	threshold := int(model.Threshold * 255)
	sum := 0
	for i := range want.Pix {
		a, b := int(want.Pix[i]), int(got.Pix[i])
		apart := max(a-b, b-a)
		sum += apart
		g.Most = max(g.Most, apart)
		if apart > mostGrey {
			g.Beyond++
		}
		if (a > threshold) != (b > threshold) {
			g.Moved++
		}
	}
	g.MeanGrey = float64(sum) / float64(max(1, g.Pixels))
	return g
}
