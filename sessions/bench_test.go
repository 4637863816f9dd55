package sessions

import (
	"fmt"
	"math"
	mathrand "math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"seghub/gpuexec"
)

// BenchmarkJob takes one job from submit to done, progress included.
func BenchmarkJob(b *testing.B) {
	for _, how := range []string{"embedded", "auto"} {
		b.Run(how, func(b *testing.B) {
			s := started(b, testConfig(openRedis(b, how)), nobody{})
			ada := create(b, s)
			slot := *get(b, s, ada).Slot
			for b.Loop() {
				submit(b, s, ada, 1)
				batch := claimNow(b, s, slot)
				s.Progress(gpuexec.Progress{JobID: batch.Jobs[0].ID, Attempt: batch.Jobs[0].Attempt, Stage: gpuexec.StageInfer, Percent: 50})
				finishAll(b, s, slot, batch, nil)
			}
		})
	}
}

// BenchmarkIdleListener opens sessions that listen and do nothing, and reports what each costs this process; with
// miniredis that includes what Redis keeps of it.
func BenchmarkIdleListener(b *testing.B) {
	for _, how := range []string{"embedded", "auto"} {
		b.Run(how, func(b *testing.B) {
			s := started(b, testConfig(openRedis(b, how)), nobody{})
			before, goroutines := heapInUse(), runtime.NumGoroutine()
			for b.Loop() {
				sub, err := s.Subscribe(b.Context(), create(b, s), nil, func(Message) {})
				must(b, err)
				b.Cleanup(sub.Close)
			}
			b.ReportMetric(float64(heapInUse()-before)/float64(b.N), "heap-B/session")
			b.ReportMetric(float64(runtime.NumGoroutine()-goroutines)/float64(b.N), "goroutines/session")
		})
	}
}

func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse)
}

// BenchmarkScripts prints how long Redis is busy with each script, in microseconds, for crowds of many sizes: the least of some
// means, as what else runs on the machine only adds to it.
func BenchmarkScripts(b *testing.B) {
	if b.N > 1 {
		return // it measures by itself, once
	}
	sizes := []struct{ nodes, waiting int }{{1, 100}, {1, 1000}, {1, 10_000}, {10, 100}, {100, 100}}
	least := make([]map[string]float64, len(sizes))
	var names []string
	for i, size := range sizes {
		b.Run(fmt.Sprintf("%d nodes, %d waiting", size.nodes, size.waiting), func(b *testing.B) {
			if b.N > 1 {
				return
			}
			c := newCrowd(b, size.nodes, size.waiting)
			least[i] = make(map[string]float64)
			for range 9 {
				var cost map[string]float64
				names, cost = c.scriptCosts(b, 40, func(calls func()) float64 {
					_, before := c.commands(b)
					calls()
					_, after := c.commands(b)
					return after - before
				})
				for name, us := range cost {
					if least[i][name] == 0 || us < least[i][name] {
						least[i][name] = us
					}
				}
			}
		})
	}
	fmt.Println("| script, µs | 100 wait | 1,000 | 10,000 | 10,000 / 100 | 10 nodes | 100 nodes | 100 / 1 |")
	fmt.Println("|---|---|---|---|---|---|---|---|")
	for _, name := range names {
		at := func(i int) float64 { return least[i][name] }
		fmt.Printf("| %s | %.0f | %.0f | %.0f | %.2f | %.0f | %.0f | %.2f |\n",
			name, at(0), at(1), at(2), at(2)/at(0), at(3), at(4), at(4)/at(0))
	}
}

// BenchmarkEstimates lets four slots serve a hundred and fifty sessions, of two models and images of many sizes, in a time of its own, and
// reports how far the estimate that each heard when it joined the line was from the truth, as a share of that.
func BenchmarkEstimates(b *testing.B) {
	var wrong []float64
	for b.Loop() {
		wrong = append(wrong, estimatesOff(b, 150)...)
	}
	slices.Sort(wrong)
	b.ReportMetric(wrong[len(wrong)/2], "median-error")
	b.ReportMetric(wrong[len(wrong)*9/10], "p90-error")
	b.ReportMetric(float64(len(wrong))/float64(b.N), "estimates/op")
	b.ReportMetric(0, "ns/op")
}

func estimatesOff(b *testing.B, people int) []float64 {
	dice := mathrand.New(mathrand.NewPCG(1, 2))
	config := testConfig(openRedis(b, "embedded"))
	config.BatchSize = func(string) int { return 4 }
	s, clock := joined(b, config)
	took := func(job Job) time.Duration { // what the workers need; nobody but they knows
		seconds := map[string]float64{"fit": 0.4, "tiles": 0.1 + 0.8*float64(job.Width*job.Height)/1e6}[job.Model]
		return time.Duration(seconds * math.Exp(0.3*dice.NormFloat64()) * float64(time.Second))
	}
	type promise struct {
		at  time.Time
		eta float64
	}
	promised := make(map[string]promise)
	until := make([]time.Time, config.Slots)
	batches := make([]gpuexec.Batch, config.Slots)
	var wrong []float64
	came, next := 0, clock.Now()
	for came < people || len(promised) > 0 {
		now := clock.Now()
		if came < people && !now.Before(next) {
			jobs := newJobs(1 + dice.IntN(60))
			model, side := []string{"fit", "tiles"}[dice.IntN(2)], 300+dice.IntN(1700)
			for i := range jobs {
				jobs[i].Model, jobs[i].Width, jobs[i].Height = model, side, side
			}
			id := create(b, s)
			_, err := s.Submit(b.Context(), id, "", jobs)
			must(b, err)
			if session := get(b, s, id); session.State == Waiting && session.ETASeconds != nil {
				promised[id] = promise{now, *session.ETASeconds}
			}
			came, next = came+1, now.Add(time.Duration(dice.ExpFloat64()*5*float64(time.Second)))
		}
		for slot := range batches {
			if now.Before(until[slot]) {
				continue
			}
			finishAll(b, s, slot, batches[slot], nil)
			batches[slot] = claimNow(b, s, slot)
			until[slot] = now
			for _, job := range batches[slot].Jobs {
				until[slot] = until[slot].Add(took(s.hand.get(claimKey{job.ID, job.Attempt}).job))
			}
		}
		waits := lineNow(b, s)
		for id, p := range promised {
			if !slices.Contains(waits, id) {
				if truth := now.Sub(p.at).Seconds(); truth >= 1 {
					wrong = append(wrong, math.Abs(p.eta-truth)/truth)
				}
				delete(promised, id)
			}
		}
		clock.live(b, time.Second/2, s)
	}
	return wrong
}

// BenchmarkPlaces works out everybody's place and estimate among ten thousand in line and a hundred nodes.
func BenchmarkPlaces(b *testing.B) {
	m := mirror{line: make(map[string]*standing), slots: make(map[string]tenancy), nodes: make(map[string]postedNode),
		rates: rates{"unet": {Base: 1, PerMegapixel: 1}}}
	for i := range 10_000 {
		m.setLocked(fmt.Sprint("wait session", i), fmt.Sprintf(`{"ticket":%d,"load":{"unet":[3,3e6]}}`, i))
	}
	for i := range 100 {
		m.nodes[fmt.Sprint("node", i)] = postedNode{Open: "1111"}
		for slot := range 4 {
			m.slots[slotName(fmt.Sprint("node", i), slot)] = tenancy{Owner: "somebody", Load: load{"unet": {3, 3e6}}}
		}
	}
	for b.Loop() {
		m.placeLocked(time.Unix(0, 0), time.Minute, 5*time.Second)
	}
}
