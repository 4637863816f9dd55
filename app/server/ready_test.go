package server

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"seghub/gpuexec/budget"
	"seghub/models"
)

// gauge is of 10 bytes, of which so many are in use.
type gauge uint64

func (g *gauge) Usage(context.Context) (budget.Usage, error) {
	return budget.Usage{UsedBytes: uint64(*g), TotalBytes: 10}, nil
}

// TestNoHubIsReadyThatTakesNoImages is of what uploads are refused for before their job would run.
func TestNoHubIsReadyThatTakesNoImages(t *testing.T) {
	used, log := gauge(10), slog.New(slog.DiscardHandler)
	s := &server{budget: budget.New(budget.Config{Gauge: &used, Levels: budget.DefaultLevels(), Log: log})}
	var err error
	if s.models, err = models.Open(t.TempDir(), log); err != nil {
		t.Fatal(err)
	}
	for _, reason := range []string{"memory is nearly full", "there is no model"} {
		s.budget.Sample(t.Context())
		if err := s.ready(t.Context()); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%v; want one that says %q", err, reason)
		}
		used = 1
	}
}
