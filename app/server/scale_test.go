package server

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
	"net/http"
	"path/filepath"
	"testing"

	"seghub/models"
	"seghub/models/mask/result"
	"seghub/models/modeltest"
)

// A model that knows a diameter gets each image at the scale of its objects; whoever knows better says so.
func TestAnImageIsScaledByWhatIsFoundOrSaid(t *testing.T) {
	c := settings(t)
	c.Models = t.TempDir()
	for _, o := range []modeltest.Options{
		{ID: model, Height: 128, Width: 128, Scaling: "native", Diameter: &models.Diameter{Best: 16, Least: 10, Most: 20}}, {ID: "any"},
	} {
		if err := modeltest.Write(filepath.Join(c.Models, o.ID+".onnx"), o); err != nil {
			t.Fatal(err)
		}
	}
	base, _ := serve(t, c)
	u := newUser(t, base, "Ada")
	s := u.connect("")

	const side, diameter, pitch = 400, 40, 100
	picture := image.NewGray(image.Rect(0, 0, side, side))
	for i := range picture.Pix {
		if math.Hypot(float64(i%side%pitch-pitch/2), float64(i/side%pitch-pitch/2)) < diameter/2 {
			picture.SetGray(i%side, i/side, color.Gray{Y: 220})
		}
	}
	var file bytes.Buffer
	if err := png.Encode(&file, picture); err != nil {
		t.Fatal(err)
	}
	first := u.upload(http.StatusAccepted, file.Bytes()).Accepted[0]
	s.untilEnded(1)

	scaled := func(job string) *result.Scale {
		r := u.result(job, "")
		if len(r.Objects) != 16 || math.Abs(r.Objects[0].EquivalentDiameter-diameter) > 4 || r.Image.Width != side {
			t.Errorf("%d objects, the first of %g pixels", len(r.Objects), r.Objects[0].EquivalentDiameter)
		}
		var receipt result.Receipt
		u.json("GET", "/api/v1/jobs/"+job+"/receipt", nil, "", http.StatusOK, &receipt)
		if receipt.Scale == nil || receipt.Scale.Diameter == nil {
			t.Fatalf("the receipt has %+v", receipt.Scale)
		}
		return receipt.Scale
	}
	const oneTile = 128. / side // nearly what would bring them to 16 pixels, 0.4
	if got := scaled(first.ID); first.Diameter != nil || got.Asked != nil || math.Abs(*got.Diameter-diameter) > 5 || got.Factor != oneTile {
		t.Errorf("found %g, scaled by %g", *got.Diameter, got.Factor)
	}

	again := func(status int, with map[string]any, made any) {
		with["images"] = []string{first.ImageID}
		u.post("/api/v1/jobs", status, with, made)
	}
	var made upload
	again(http.StatusAccepted, map[string]any{"model": model, "diameter": 20}, &made)
	s.untilEnded(1)
	job := made.Accepted[0]
	if got := scaled(job.ID); *job.Diameter != 20 || *got.Asked != 20 || *got.Diameter != 20 || got.Factor != 1 {
		t.Errorf("asked for %g, went by %g, scaled by %g", *job.Diameter, *got.Diameter, got.Factor)
	}
	again(http.StatusBadRequest, map[string]any{"model": model, "diameter": -1}, nil)
	again(http.StatusBadRequest, map[string]any{"model": "any", "diameter": 20}, nil)
	again(http.StatusAccepted, map[string]any{"model": "any", "diameter": 0}, &made)
	s.untilEnded(1)
	var receipt result.Receipt
	u.json("GET", "/api/v1/jobs/"+made.Accepted[0].ID+"/receipt", nil, "", http.StatusOK, &receipt)
	if receipt.Scale != nil {
		t.Errorf("a model of any size has the scale %+v", receipt.Scale)
	}
}
