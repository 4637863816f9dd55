package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"seghub/app/config"
	"seghub/gpuexec"
	"seghub/gpuexec/ort"
	"seghub/models"
)

// Part is one path in a process of its own, which a parent's Run talks to over standard input and output.
type Part struct {
	config.Inference
	Path   Path     `required:"" help:"bare, lock, pool or hub."`
	Slots  int      `default:"4" help:"How many workers."`
	Images int      `default:"8" help:"How many images a session sends in a round."`
	Data   string   `help:"The hub's data folder."`
	Warm   []string `help:"The models that the hub loads."`
}

// flags are what makes the same part of another process.
func (p Part) flags() []string {
	return []string{
		"--models=" + p.Models, "--ort-library=" + p.ORTLibrary, "--device=" + p.Device, "--path=" + string(p.Path),
		fmt.Sprint("--slots=", p.Slots), fmt.Sprint("--images=", p.Images), "--data=" + p.Data, "--warm=" + strings.Join(p.Warm, ","),
	}
}

// order is what the parent wants, one a line; without Open it is a round.
type order struct {
	Open []string `json:"open,omitempty"` // models, one a session
}

// answer is what a part says: one line once it is up, one to each order, and the hub's one for each image.
type answer struct {
	Up       *up       `json:"up,omitempty"`
	Round    *outcome  `json:"round,omitempty"`
	Inferred *inferred `json:"inferred,omitempty"`
	Error    string    `json:"error,omitempty"`
}

// up is what a part is when it can take orders.
type up struct {
	Device     string `json:"device"`
	DeviceName string `json:"device_name,omitempty"`
	PCIBusID   string `json:"pci_bus_id,omitempty"` // of a GPU
	Address    string `json:"address,omitempty"`    // of a hub
}

// inferred tells when the inference of a job ended. It is the clock of the wall, which both processes read.
type inferred struct {
	Job string    `json:"job"`
	At  time.Time `json:"at"`
}

// loop is what a part other than the hub does.
type loop interface {
	open(ctx context.Context, specs []models.Spec) error
	round(ctx context.Context) (outcome, error)
	close() error
}

// Run does what the parent asks until in ends.
func (p *Part) Run(ctx context.Context, in io.Reader, out io.Writer, log *slog.Logger) error {
	if p.Path == PathHub {
		return p.serve(ctx, in, out, log)
	}
	registry, err := models.Open(p.Models, log)
	if err != nil {
		return err
	}
	// Behind its lock a model had the whole machine.
	slots := p.Slots
	if p.Path == PathLock {
		slots = 1
	}
	runtime, err := ort.Open(p.ORTLibrary, p.Device, slots, log)
	if err != nil {
		return err
	}
	l, err := p.loop(runtime, registry, log)
	if err == nil {
		hello := up{Device: runtime.Device(), DeviceName: runtime.DeviceName(), PCIBusID: runtime.PCIBusID()}
		err = p.obey(ctx, l, registry, in, json.NewEncoder(out), hello)
	}
	if errors.Is(err, gpuexec.ErrDeviceLost) {
		return err
	}
	return errors.Join(err, runtime.Close())
}

func (p *Part) loop(runtime *ort.Runtime, registry *models.Registry, log *slog.Logger) (loop, error) {
	load, err := newLoad(p.Images)
	if err != nil {
		return nil, err
	}
	batches, err := models.OpenBatches(p.Models, runtime.DeviceName(), runtime.Device() == gpuexec.CPU)
	if err != nil {
		log.Warn("the batch table is not used", "error", err) // as the hub does
	}
	lanes := lanes{newEngine: runtime.NewEngine, batches: batches, slots: p.Slots}
	switch p.Path {
	case PathLock:
		return &locked{lanes: lanes, load: load}, nil
	case PathPool:
		return &pooled{runtime: runtime, models: registry, lanes: lanes, load: load, log: log}, nil
	}
	return &bare{lanes: lanes, load: load}, nil
}

// obey answers the parent's orders. What an order fails with is its answer.
func (p *Part) obey(ctx context.Context, l loop, registry *models.Registry, in io.Reader, to *json.Encoder, hello up) (err error) {
	defer func() { err = errors.Join(err, l.close()) }()
	if err := to.Encode(answer{Up: &hello}); err != nil {
		return err
	}
	orders := json.NewDecoder(in)
	for {
		var o order
		if err := orders.Decode(&o); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read an order: %w", err)
		}
		if err := to.Encode(p.answer(ctx, l, registry, o)); err != nil {
			return fmt.Errorf("answer an order: %w", err)
		}
	}
}

func (p *Part) answer(ctx context.Context, l loop, registry *models.Registry, o order) answer {
	if len(o.Open) == 0 {
		round, err := l.round(ctx)
		if err != nil {
			return answer{Error: err.Error()}
		}
		return answer{Round: &round}
	}
	specs := make([]models.Spec, len(o.Open))
	for i, id := range o.Open {
		var known bool
		if specs[i], known = registry.Get(id); !known {
			return answer{Error: fmt.Sprintf("there is no model %q", id)}
		}
	}
	if err := l.open(ctx, specs); err != nil {
		return answer{Error: err.Error()}
	}
	return answer{}
}
