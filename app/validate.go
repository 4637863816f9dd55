package main

import (
	"errors"
	"os"

	"seghub/app/config"
	"seghub/app/evaluate"
	"seghub/gpuexec/ort"
	"seghub/models"
)

type validateCommand struct {
	config.Inference
	Parent  string `arg:"" name:"A" help:"The model: an .onnx file, or the id of one in the models folder."`
	Variant string `arg:"" name:"B" help:"What may ship in its place, named likewise."`
	Images  string `required:"" placeholder:"DIR" help:"Folder of images to compare them on."`
}

func (v *validateCommand) Run() (err error) {
	ctx, stop := untilStopped()
	defer stop()
	log := warnings()
	var pair [2]models.Spec
	for i, name := range []string{v.Parent, v.Variant} {
		if pair[i], err = evaluate.Find(name, v.Models, log); err != nil {
			return err
		}
	}
	runtime, err := ort.Open(v.ORTLibrary, v.Device, 1, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, runtime.Close()) }()
	return evaluate.Validate(ctx, os.Stdout, pair[0], pair[1], v.Images, runtime.NewEngine)
}
