package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/shirou/gopsutil/v4/process"

	"seghub/app/config"
	"seghub/app/tune"
	"seghub/gpuexec"
	"seghub/gpuexec/ort"
	"seghub/models"
)

type tuneCommand struct {
	config.Inference
	Only    []string `placeholder:"MODEL" help:"Models to measure. Default: all of the folder."`
	Workers int      `default:"4" help:"Most workers at once: as many as the hub has slots."`
	Seconds float64  `default:"2" help:"How long to measure each number of rows and workers."`
	DryRun  bool     `help:"Measure and print, but leave the batch table as it is."`
}

// Validate is called by kong once everything is read.
func (t *tuneCommand) Validate() error {
	if t.Workers < 1 || t.Workers > 64 || !(t.Seconds > 0 && t.Seconds <= 600) {
		return errors.New("workers must be between 1 and 64, seconds above 0 and at most 600")
	}
	return nil
}

func (t *tuneCommand) Run() (err error) {
	ctx, stop := untilStopped()
	defer stop()
	log := warnings()
	registry, err := models.Open(t.Models, log)
	if err != nil {
		return err
	}
	list, err := chosen(registry, t.Only)
	if err != nil {
		return err
	}
	runtime, err := ort.Open(t.ORTLibrary, t.Device, t.Workers, log)
	if err != nil {
		return err
	}
	defer func() {
		if !errors.Is(err, gpuexec.ErrDeviceLost) {
			err = errors.Join(err, runtime.Close())
		}
	}()
	inUse := resident
	if runtime.Device() != gpuexec.CPU {
		inUse = func() (uint64, error) { return runtime.InUse(), nil }
	}

	fmt.Println(runtime.DeviceName())
	if err := tune.WriteHead(os.Stdout); err != nil {
		return err
	}
	points, err := tune.Run(ctx, tune.Config{
		NewEngine: runtime.NewEngine, Models: list, Workers: t.Workers, Time: time.Duration(t.Seconds * float64(time.Second)),
		InUse: inUse, Steps: steps,
	}, func(of []tune.Point) error { return tune.WritePoints(os.Stdout, of) })
	if err != nil {
		return err
	}
	rows := tune.Rows(points)
	if err := tune.WriteRows(os.Stdout, rows); err != nil || t.DryRun {
		return err
	}
	if err := tune.Save(t.Models, runtime.DeviceName(), rows); err != nil {
		return err
	}
	fmt.Printf("%s/%s is written; a hub that runs takes it when it is started anew.\n", t.Models, models.BatchFile)
	return nil
}

// resident is the memory of this process.
func resident() (uint64, error) {
	memory, err := (&process.Process{Pid: int32(os.Getpid())}).MemoryInfo()
	if err != nil {
		return 0, err
	}
	return memory.RSS, nil
}
