package main

import (
	"context"
	"errors"
	"fmt"

	"seghub/app/config"
	"seghub/app/replay"
	"seghub/app/segment"
	"seghub/client"
)

type replayCommand struct {
	Receipt   string `arg:"" help:"The receipt as JSON, or a label map that carries it."`
	Image     string `arg:"" help:"The image that it was made of."`
	Labels    string `placeholder:"FILE" help:"Label map to count differing pixels with. Default: the receipt itself, or what lies beside it in an export of everything."`
	Server    string `placeholder:"URL" help:"The hub to make it at. Default: one within this command."`
	AccessKey string `env:"SEGHUB_ACCESS_KEY" placeholder:"KEY" help:"The hub's access key, where it has one."`
	config.Inference
}

// Run makes a result again; it fails when that differs.
func (r *replayCommand) Run() error {
	ctx, stop := untilStopped()
	defer stop()
	original, err := replay.ReadOriginal(ctx, r.Receipt, r.Labels)
	if err != nil {
		return err
	}
	hub := client.Config{URL: r.Server, Name: "replay", AccessKey: r.AccessKey}
	do := func(ctx context.Context, address string) error {
		hub.URL = address
		outcome, err := replay.Run(ctx, hub, original, r.Image)
		if err != nil {
			fmt.Print(outcome.Otherwise())
			return err
		}
		fmt.Print(outcome)
		if outcome.Compared && !outcome.Same {
			return errors.New("the result is not the same")
		}
		return nil
	}
	if r.Server != "" {
		return do(ctx, r.Server)
	}
	hub.AccessKey = ""
	return segment.WithHub(ctx, r.Inference, original.Receipt.Model.ID, troubles(), do)
}
