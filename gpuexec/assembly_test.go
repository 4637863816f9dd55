package gpuexec_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/png"
	"math"
	"testing"

	"seghub/gpuexec"
	"seghub/gpuexec/budget"
	"seghub/gpuexec/enginetest"
	"seghub/models"
	"seghub/models/imageio"
)

// startWide starts a pool of one worker whose only model takes tiles of 512 pixels. It keeps a megabyte of samples.
func startWide(t *testing.T, maxObjects int) (*source, *sink) {
	t.Helper()
	model := models.Spec{
		ID: "wide", Batch: models.Batch{Alone: 1, Shared: 1, Max: 1},
		Input: models.Input{Height: 512, Width: 512, Channels: 1, Scaling: models.ScalingNative},
	}
	script := &enginetest.Script{}
	pool := gpuexec.New(gpuexec.Config{
		Slots: 1, Device: "cuda:0", NewEngine: script.NewEngine, MaxPixels: 1 << 30, MaxObjects: maxObjects, Log: quiet,
		Models: func(string) (models.Spec, bool) { return model, true }, Budget: budget.New(budget.Config{}), Lost: func(error) {},
	})
	pool.KeepSamples(1 << 20)
	return startThis(t, pool, 1, script)
}

// An object that is higher than samples are kept has its light all the same, and so has one beside it.
func TestTheLightOfAHighObject(t *testing.T) {
	const width, height = 1_000, 2_000
	file := bigTIFF(width, height)
	pix := file[len(file)-width*height:]
	for y := range height {
		row := pix[y*width:][:width]
		clear(row)
		for x := range 40 {
			row[x] = uint8(200 + y%2*10) // a column from top to bottom
		}
		if y > height-100 && y < height-50 {
			for x := 100; x < 150; x++ {
				row[x] = 240
			}
		}
	}
	from, to := startWide(t, 0)
	opened := 0
	j := job("high", nil)
	j.Open = func(context.Context) (imageio.Source, error) {
		opened++
		return imageio.InMemory(file), nil
	}
	from.give(t, 0, gpuexec.Batch{Model: "wide", Jobs: []gpuexec.Job{j}})
	r := to.next(t, 1)["high"]
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	if len(r.Output.Objects) != 2 || opened != 2 {
		t.Fatalf("%d objects, opened %d times", len(r.Output.Objects), opened)
	}
	for i, want := range []float64{205, 240} {
		if got := r.Output.Objects[i].MeanIntensity; len(got) != 1 || math.Abs(got[0]-want) > 0.01 {
			t.Errorf("object %d has light %v, want %v", i+1, got, want)
		}
	}
}

// A model that takes noise for objects fails the job before the memory is gone.
func TestTooManyObjects(t *testing.T) {
	file := bigTIFF(400, 400)
	pix := file[len(file)-400*400:]
	for i := range pix {
		pix[i] = uint8(255 * (i % 2 * (i / 400 % 2)))
	}
	for most, want := range map[int]error{200 * 200: nil, 200*200 - 1: gpuexec.ErrTooManyObjects} {
		from, to := startWide(t, most)
		from.give(t, 0, gpuexec.Batch{Model: "wide", Jobs: []gpuexec.Job{job("noise", file)}})
		if err := to.next(t, 1)["noise"].Err; !errors.Is(err, want) {
			t.Errorf("at most %d: %v", most, err)
		}
	}
	for i := range pix { // one object, of more spans than so few objects have
		pix[i] = uint8(255 * (i%2&(i/400%2^1) | i/400%2))
	}
	from, to := startWide(t, 1000)
	ragged := job("noise", file)
	ragged.Options.DetectHoles = true
	from.give(t, 0, gpuexec.Batch{Model: "wide", Jobs: []gpuexec.Job{ragged}})
	if err := to.next(t, 1)["noise"].Err; !errors.Is(err, gpuexec.ErrTooManyObjects) {
		t.Errorf("an object of 40,000 spans, where 16,000 may be: %v", err)
	}
}

// Where what shines fills less than the 0.1 % that saturate, the noise beside it must not become objects, nor where there is noise alone.
func TestNoiseIsNoObject(t *testing.T) {
	const side = 400
	state := uint32(1)
	noise := func() uint32 {
		state = state*1664525 + 1013904223
		return state >> 28
	}
	grey, deep := image.NewGray(image.Rect(0, 0, side, side)), image.NewGray16(image.Rect(0, 0, side, side))
	for i := range side * side {
		n := noise()
		grey.Pix[i] = uint8(10 + n)
		deep.SetGray16(i%side, i/side, color.Gray16{Y: uint16(1000 + 10*n)})
	}
	encoded := func(img image.Image) []byte {
		var file bytes.Buffer
		if err := png.Encode(&file, img); err != nil {
			t.Fatal(err)
		}
		return file.Bytes()
	}
	files, want := map[string][]byte{"8 bits": encoded(grey), "16 bits": encoded(deep)}, map[string]int{}
	for y := 100; y < 105; y++ {
		for x := 200; x < 205; x++ {
			grey.SetGray(x, y, color.Gray{Y: 240})
			deep.SetGray16(x, y, color.Gray16{Y: 20_000})
		}
	}
	files["8 bits and a speck"], files["16 bits and a speck"] = encoded(grey), encoded(deep)
	want["8 bits and a speck"], want["16 bits and a speck"] = 1, 1
	from, to := startWide(t, 0)
	for name, file := range files {
		from.give(t, 0, gpuexec.Batch{Model: "wide", Jobs: []gpuexec.Job{job(name, file)}})
		r := to.next(t, 1)[name]
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		if n := r.Output.Summary.Count; n != want[name] {
			t.Errorf("%s: %d objects, want %d", name, n, want[name])
		}
	}
}
