package server

import (
	"context"
	"maps"
	"os"
	"regexp"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"seghub/app/status"
	"seghub/gpuexec"
	"seghub/gpuexec/budget"
	"seghub/sessions"
)

// TestScrapesAskRedisOnceASecond has many scrape at once and often.
func TestScrapesAskRedisOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		line := &status.Snapshot{Admission: sessions.Stats{Waiting: 7}}
		g := &gauges{
			line:        recent[*status.Snapshot]{ask: func(context.Context) *status.Snapshot { asked.Add(1); return line }},
			health:      recent[health]{ask: func(context.Context) health { return health{ready: true} }},
			connections: func() int { return 3 },
			memory:      func() budget.State { return budget.State{} },
			workers:     func() []gpuexec.WorkerStat { return nil },
		}
		scrape := func() int {
			out := make(chan prometheus.Metric, 30)
			g.Collect(out)
			return len(out)
		}
		for range 100 {
			go scrape()
		}
		synctest.Wait()
		if n := asked.Load(); n != 1 {
			t.Errorf("a hundred scrapes at once ask %d times", n)
		}
		for range 100 {
			if n := scrape(); n != 14 {
				t.Fatalf("%d metrics", n)
			}
			<-time.After(50 * time.Millisecond)
		}
		if n := asked.Load(); n < 5 || n > 6 {
			t.Errorf("scrapes over five seconds ask %d times", n)
		}
		g.workers = func() []gpuexec.WorkerStat {
			return []gpuexec.WorkerStat{{Slot: 0, Device: "cpu"}, {Slot: 1, Device: "cpu"}}
		}
		if n := scrape(); n != 15 {
			t.Errorf("of workers that run on something: %d metrics", n)
		}
		line = nil // Redis is away
		<-time.After(scrapeRest)
		if n := scrape(); n != 12 {
			t.Errorf("without Redis: %d metrics, want all but those of the line and the slots", n)
		}

		never := make(chan struct{})
		var looks atomic.Int32
		g.health.ask = func(context.Context) health { looks.Add(1); <-never; return health{} } // a folder of a network that is gone
		<-time.After(scrapeRest)
		if n, m := scrape(), scrape(); n != 12 || m != 12 || looks.Load() != 1 {
			t.Errorf("beside a disk that does not answer: %d and %d metrics, after %d looks", n, m, looks.Load())
		}
		close(never)
	})
}

// TestThePageTellsOfEveryMetric holds docs/operating.md to what Prometheus is told.
func TestThePageTellsOfEveryMetric(t *testing.T) {
	described := make(chan *prometheus.Desc, 30)
	(&gauges{}).Describe(described)
	newOutcomes().Describe(described)
	close(described)
	known := map[string]bool{"seghub_http_request_seconds": true} // the edge's
	for d := range described {
		known[regexp.MustCompile(`seghub_\w+`).FindString(d.String())] = true
	}
	page, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	told := make(map[string]bool)
	for _, name := range regexp.MustCompile(`seghub_\w+`).FindAllString(string(page), -1) {
		told[name] = true
	}
	if !maps.Equal(told, known) {
		t.Errorf("the page tells of %v\nPrometheus of      %v", slices.Sorted(maps.Keys(told)), slices.Sorted(maps.Keys(known)))
	}
}
