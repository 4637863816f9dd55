package sessions

import (
	"runtime"
	"testing"

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
				s.Progress(gpuexec.Progress{JobID: batch.Jobs[0].ID, Stage: gpuexec.StageInfer, Percent: 50})
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
