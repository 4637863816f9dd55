package server

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"seghub/app/status"
	"seghub/gpuexec/budget"
	"seghub/sessions"
)

// TestScrapesAskRedisOnceASecond has many scrape at once and often.
func TestScrapesAskRedisOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		var failure error
		g := &gauges{connections: func() int { return 3 }, memory: func() budget.State { return budget.State{} }, take: func(context.Context) (status.Snapshot, error) {
			asked.Add(1)
			return status.Snapshot{Admission: sessions.Stats{Waiting: 7}}, failure
		}}
		scrape := func() int {
			out := make(chan prometheus.Metric, 20)
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
			if n := scrape(); n != 9 {
				t.Fatalf("%d metrics", n)
			}
			<-time.After(50 * time.Millisecond)
		}
		if n := asked.Load(); n < 5 || n > 6 {
			t.Errorf("scrapes over five seconds ask %d times", n)
		}
		failure = errors.New("away")
		<-time.After(scrapeRest)
		if n := scrape(); n != 6 {
			t.Errorf("without Redis: %d metrics, want those of the connections and the memory alone", n)
		}
	})
}
