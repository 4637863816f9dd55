package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"seghub/app/config"
	"seghub/app/segment"
	"seghub/client"
)

// errand is what segment and watch have in common.
type errand struct {
	Server    string   `placeholder:"URL" help:"The hub to send to, such as http://127.0.0.1:8080. Default: one within this command."`
	AccessKey string   `env:"SEGHUB_ACCESS_KEY" placeholder:"KEY" help:"The hub's access key, where it has one."`
	Name      string   `default:"seghub" help:"How others at the hub see this session."`
	Model     string   `required:"" placeholder:"MODEL" help:"Model to segment with, such as unet_nuclei."`
	Out       string   `default:"." help:"Folder for what is made."`
	Format    []string `default:"geojson,csv,masks" help:"What is made: coco, yolo, geojson, imagej, csv, xlsx, masks, labels, all."`

	Threshold     float64 `placeholder:"P" help:"Probability from which on a pixel belongs to an object, 0.05 to 0.95. Default: the model's."`
	MinArea       *int    `placeholder:"PX²" help:"Least area of an object in pixels. Default: the model's."`
	ExcludeBorder *bool   `negatable:"" help:"Leave out what touches the image's edge."`
	DetectHoles   *bool   `negatable:"" help:"Keep holes rather than fill them. Default: they are kept."`
	SplitTouching *bool   `negatable:"" help:"Part touching objects. Default: the model's."`
	Diameter      float64 `placeholder:"PX" help:"Diameter of the objects in pixels, for models that have one. Default: found in each image."`
	Pages         string  `placeholder:"PAGES" help:"Pages of a stack: all, first or 1-5,8."`
	Channel       string  `placeholder:"CHANNEL" help:"Channel by number, from 0, or name."`
	Projection    string  `placeholder:"KIND" help:"Projection of a stack: none or max."`
	PixelSize     float64 `placeholder:"µm" help:"Side of a pixel in micrometres, in place of the file's."`

	config.Inference
}

// task is the errand at a hub.
func (e *errand) task(hub string, board *segment.Board) segment.Task {
	return segment.Task{
		Hub: client.Config{URL: hub, Name: e.Name, AccessKey: e.AccessKey, Retrying: func(err error, wait time.Duration) {
			board.Say(fmt.Sprintf("%v: trying again in %.0f s", err, wait.Seconds()))
		}},
		Model: e.Model,
		Options: client.Options{
			Threshold: e.Threshold, MinArea: e.MinArea, ExcludeBorder: e.ExcludeBorder, DetectHoles: e.DetectHoles, SplitTouching: e.SplitTouching,
			Diameter: e.Diameter, Pages: e.Pages, Channel: e.Channel, Projection: e.Projection, PixelSize: e.PixelSize,
		},
		Out: e.Out, Formats: e.Format, Board: board,
	}
}

// at does something at the hub that was named, or at one of its own.
func (e *errand) at(do func(ctx context.Context, task segment.Task) error) error {
	outliveLog()
	ctx, stop := untilStopped()
	defer stop()
	board := segment.NewBoard(os.Stderr, drawsBars())
	task := e.task(e.Server, board)
	if err := task.Validate(); err != nil {
		return err
	}
	if e.Server != "" {
		return do(ctx, task)
	}
	return segment.WithRoom(ctx, e.Inference, e.Model, troubles(), func(ctx context.Context, address string, full <-chan error) error {
		task.Hub.URL, task.Hub.AccessKey, task.Ahead, task.Full = address, "", segment.OwnAhead, full
		return do(ctx, task)
	})
}

// troubles is the log of a hub within a command: what it warns of concerns those that stay.
func troubles() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
}

type segmentCommand struct {
	Paths []string `arg:"" name:"FILE|FOLDER" help:"Images, and folders of images."`
	errand
}

// Run segments files and lists those that came to nothing.
func (s *segmentCommand) Run() error {
	paths, made := segment.Given(s.Paths)
	files, err := segment.Files(paths, s.Out)
	if err != nil {
		return err
	}
	if len(made) > 0 {
		fmt.Fprintf(os.Stderr, "Left out as results, by their names: %d, such as %q. Named alone, they are taken.\n", len(made), made[0])
	}
	return s.at(func(ctx context.Context, task segment.Task) error {
		failures, err := segment.Run(ctx, task, files)
		for _, f := range failures {
			fmt.Fprintln(os.Stderr, f)
		}
		if err == nil && len(failures) > 0 {
			err = fmt.Errorf("%d of %d files failed", len(failures), len(files))
		}
		return err
	})
}

type watchCommand struct {
	Dir string `arg:"" name:"DIR" help:"Folder that a microscope writes to."`
	errand
	Every time.Duration `default:"2s" help:"How often to look; a file is complete when its size has been at rest for three looks and it can be read to its end."`
}

// Validate is called by kong once everything is read.
func (w *watchCommand) Validate() error {
	if w.Every <= 0 {
		return errors.New("every must be above zero")
	}
	return nil
}

// Run segments what comes into a folder until it is stopped.
func (w *watchCommand) Run() error {
	err := w.at(func(ctx context.Context, task segment.Task) error {
		return segment.Watch(ctx, task, w.Dir, w.Every)
	})
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
