package main

import (
	"errors"
	"os"

	"seghub/app/config"
	"seghub/app/importer"
	"seghub/gpuexec"
	"seghub/gpuexec/ort"
)

type importCommand struct {
	config.Inference
	File    string `arg:"" help:"An ONNX file with a YAML file beside it, a BioImage Model Zoo package (.zip), or a PyTorch checkpoint (.pt, .pth, .ckpt). docs/models/import.md describes them."`
	ID      string `name:"id" placeholder:"ID" help:"What the hub calls the model. Default: what the file says; needed for a checkpoint."`
	Channel *int   `placeholder:"N" help:"Of a package whose output has several channels: the one that is the probability; the first is 0."`
	Border  *int   `placeholder:"N" help:"Of such a package: the channel that tells the rims of objects, by which touching ones part. Default: none does."`
}

func (i *importCommand) Run() (err error) {
	ctx, stop := untilStopped()
	defer stop()
	if i.Device == "auto" {
		// A GPU rounds more coarsely than a package's test allows, and a running hub needs its memory.
		i.Device = gpuexec.CPU
	}
	runtime, err := ort.Open(i.ORTLibrary, i.Device, 1, warnings())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, runtime.Close()) }()
	return importer.Import(ctx, os.Stdout, importer.Request{File: i.File, Folder: i.Models, ID: i.ID, Channel: i.Channel, Border: i.Border}, runtime)
}
