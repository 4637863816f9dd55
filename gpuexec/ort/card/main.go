// Command card finds out on a GPU what a stand-in for one cannot tell: times, numbers, and what a real driver says when something
// goes wrong. scripts/on-gpu builds it, brings it to a machine with a card and runs each of its commands in a process of its own. It
// prints one JSON object a command.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"

	"github.com/alecthomas/kong"

	"seghub/gpuexec"
	"seghub/gpuexec/ort"
	"seghub/models"
)

type settings struct {
	Models     string   `required:"" help:"Folder of ONNX models."`
	Only       []string `placeholder:"MODEL" help:"Models to run. Default: all of the folder."`
	ORTLibrary string   `name:"ort-library" required:"" help:"ONNX Runtime's shared library."`
	Device     string   `default:"cuda:0" help:"What to run on: cuda:N, or cpu to try this program where there is no card."`
}

type cli struct {
	settings
	PlanCost    planCost    `cmd:"" help:"How long a run takes after one of as many rows, and after one of another number."`
	Options     options     `cmd:"" help:"How long a run takes with each way to set up the provider."`
	OutOfMemory outOfMemory `cmd:"" help:"What is said, and works afterwards, when there is no memory for a run."`
	Goldens     goldens     `cmd:"" help:"How far the device's masks are from the CPU's."`
	Poison      poison      `cmd:"" help:"What becomes of a session whose context is broken."`
}

// result is what a command has found. Judged says whether OK means anything.
type result struct {
	Judged bool   `json:"judged"`
	OK     bool   `json:"ok"`
	Why    string `json:"why,omitempty"`
	Found  any    `json:"found,omitempty"`
}

// bench is ONNX Runtime and the models, on the thread that owns the engines.
type bench struct {
	settings
	runtime *ort.Runtime
	models  []models.Spec
}

// with opens ONNX Runtime on the device for do.
func (s settings) with(device string, do func(*bench) error) (err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	registry, err := models.Open(s.Models, log)
	if err != nil {
		return err
	}
	opened, err := ort.Open(s.ORTLibrary, device, 4, log)
	if err != nil {
		return err
	}
	defer func() {
		if !errors.Is(err, gpuexec.ErrDeviceLost) {
			err = errors.Join(err, opened.Close())
		}
	}()
	list := slices.DeleteFunc(registry.List(), func(m models.Spec) bool { return len(s.Only) > 0 && !slices.Contains(s.Only, m.ID) })
	if len(list) == 0 {
		return errors.New("there is no model to run")
	}
	return do(&bench{settings: s, runtime: opened, models: list})
}

// session opens a warm session on an engine of its own, for do.
func (b *bench) session(model models.Spec, n int, do func(gpuexec.Session) error) (err error) {
	ctx := context.Background()
	engine, err := b.runtime.NewEngine(0)
	if err != nil {
		return err
	}
	closing := func(end func() error) {
		if !errors.Is(err, gpuexec.ErrDeviceLost) {
			err = errors.Join(err, end())
		}
	}
	defer func() { closing(engine.Close) }()
	session, err := gpuexec.OpenWarm(ctx, engine, model, n)
	if err != nil {
		return err
	}
	defer func() { closing(session.Close) }()
	return do(session)
}

// input is rows that are not all alike.
func input(model models.Spec, n int) models.Tensor {
	in := models.Tensor{N: n, H: model.Input.Height, W: model.Input.Width, C: model.Input.Channels}
	in.Pix = make([]uint8, in.N*in.H*in.W*in.C)
	for i := range in.Pix {
		in.Pix[i] = uint8(i*7 + i/in.W*3)
	}
	return in
}

func (r result) print() error { return json.NewEncoder(os.Stdout).Encode(r) }

func main() {
	var c cli
	k := kong.Parse(&c, kong.Name("card"), kong.UsageOnError())
	if err := k.Run(&c.settings); err != nil {
		fmt.Fprintln(os.Stderr, "card:", err)
		os.Exit(1)
	}
}
