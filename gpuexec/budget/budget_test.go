package budget

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// meter is a Gauge of a device of 24 GB, of which as many are in use as the test says.
type meter struct {
	mu   sync.Mutex
	used float64 // GB
	err  error
}

const gb = 1_000_000_000

func (m *meter) set(used float64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used, m.err = used, err
}

func (m *meter) Usage(context.Context) (Usage, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Usage{UsedBytes: uint64(m.used * gb), TotalBytes: 24 * gb}, m.err
}

// card is a budget of a meter, sampled once, with the levels of the replaced service: 20 GB of 24.
func card(t testing.TB, used float64) (*Budget, *meter) {
	t.Helper()
	m := &meter{used: used}
	b := New(Config{Gauge: m, Levels: DefaultLevels(), Log: slog.New(slog.DiscardHandler)})
	b.Sample(context.Background())
	return b, m
}

func TestPressureRisesAndFallsByItsLevels(t *testing.T) {
	b, m := card(t, 0)
	for _, step := range []struct {
		used     float64
		pressure Pressure
		open     bool
	}{
		{10, Normal, false},
		{19.8, Normal, false},  // 82.5 %
		{20, High, false},      // 83.3 %
		{21.5, High, false},    // 89.6 %
		{21.6, Critical, true}, // 90 %
		{21, High, true},       // open until it is below Low
		{19.5, High, true},     // 81 %
		{19, Normal, false},    // 79 %
		{19.5, Normal, false},  // above Low is not short again
		{20, High, false},
		{19.5, High, false},
		{19, Normal, false},
	} {
		m.set(step.used, nil)
		b.Sample(t.Context())
		s := b.State()
		if s.Pressure != step.pressure || s.BreakerOpen != step.open || b.Short() != (step.pressure != Normal) {
			t.Errorf("at %g GB: %s, breaker open %t, short %t; want %s, %t", step.used, s.Pressure, s.BreakerOpen, b.Short(), step.pressure, step.open)
		}
		if err := b.Admit(); errors.Is(err, ErrBreakerOpen) != step.open {
			t.Errorf("at %g GB new work gets %v", step.used, err)
		}
		if b.ReliefWanted() != (step.pressure != Normal) {
			t.Errorf("at %g GB relief is wanted %t", step.used, b.ReliefWanted())
		}
	}
}

func TestLevelsMayBeAmounts(t *testing.T) {
	m := &meter{used: 12}
	b := New(Config{Gauge: m, Levels: Levels{Low: Bytes(8 * gb), High: Bytes(10 * gb), Critical: Fraction(0.9)}, Log: slog.New(slog.DiscardHandler)})
	b.Sample(t.Context())
	if s := b.State(); s.Pressure != High || s.BudgetBytes != 10*gb {
		t.Errorf("%+v", s)
	}
}

func TestWhatCannotBeMeasuredIsNotShort(t *testing.T) {
	b, m := card(t, 23)
	m.set(0, errors.New("the driver is gone"))
	b.Sample(t.Context())
	if b.Short() || b.Admit() != nil {
		t.Error("memory that cannot be measured is short")
	}
	if _, ok := b.Try(math.MaxInt64); !ok {
		t.Error("there is no room in what cannot be measured")
	}
}

func TestALookThatWasBrokenOffSaysNothing(t *testing.T) {
	b, m := card(t, 22)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m.set(0, ctx.Err())
	b.Sample(ctx)
	if b.Admit() == nil {
		t.Error("memory that is nearly full is not, since its gauge was told to stop")
	}
}

func TestTheBooksAndOthersShareTheBudget(t *testing.T) {
	b, m := card(t, 4) // of others
	limit := b.State().BudgetBytes
	first, ok := b.Try(10 * gb)
	if !ok {
		t.Fatal("no room for 10 GB")
	}
	// What was booked is taken now: the others still have 4.
	m.set(14, nil)
	b.Sample(t.Context())
	if _, ok := b.Try(limit - 14*gb + 1); ok {
		t.Error("more is booked than there is")
	}
	second, ok := b.Try(limit - 14*gb)
	if !ok {
		t.Fatal("no room for what is left")
	}
	// Another program takes 2 GB.
	second.Release()
	m.set(16, nil)
	b.Sample(t.Context())
	if _, ok := b.Try(limit - 14*gb); ok {
		t.Error("what another program took was booked")
	}
	first.Release()
	first.Release()
	if booked := b.State().BookedBytes; booked != 0 {
		t.Errorf("%d bytes are booked by nobody", booked)
	}
}

func TestWhoWaitsIsServedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := card(t, 0)
		all, _ := b.Try(b.State().BudgetBytes)
		var mu sync.Mutex
		var order []int
		var waiting sync.WaitGroup
		come := func(i int, size uint64) {
			waiting.Go(func() {
				if _, err := b.Reserve(t.Context(), size); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				order = append(order, i)
			})
			synctest.Wait()
		}
		come(0, 8*gb)
		come(1, 2*gb)
		if !b.ReliefWanted() {
			t.Error("nobody is asked to make room for those who wait")
		}
		all.Resize(all.Bytes() - 3*gb) // room for the second, who is not next
		come(2, gb)
		if _, ok := b.Try(1); ok {
			t.Error("one that came later went before")
		}
		if len(order) != 0 {
			t.Errorf("%v were served", order)
		}
		all.Resize(all.Bytes() - 5*gb)
		synctest.Wait()
		if len(order) != 1 || order[0] != 0 {
			t.Errorf("%v were served", order)
		}
		all.Release()
		waiting.Wait()
		if b.ReliefWanted() {
			t.Error("relief is wanted though nobody waits")
		}
	})
}

func TestRoomThatOthersLeaveIsGivenToWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, m := card(t, 10) // of others
		if _, ok := b.Try(8 * gb); !ok {
			t.Fatal("no room for 8 GB")
		}
		m.set(18, nil)
		var served error
		var waiting sync.WaitGroup
		waiting.Go(func() { _, served = b.Reserve(t.Context(), 8*gb) })
		synctest.Wait()
		m.set(10, nil)
		b.Sample(t.Context())
		waiting.Wait()
		if booked := b.State().BookedBytes; served != nil || booked != 16*gb {
			t.Errorf("%d bytes are booked: %v", booked, served)
		}
	})
}

func TestWaitingEndsAndLetsTheNextOneThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := card(t, 0)
		hold, _ := b.Try(b.State().BudgetBytes - 3*gb)
		var large, small error
		var waiting sync.WaitGroup
		waiting.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, large = b.Reserve(ctx, 8*gb)
		})
		synctest.Wait()
		waiting.Go(func() { _, small = b.Reserve(t.Context(), 2*gb) })
		waiting.Wait()
		if !errors.Is(large, ErrNoRoom) || !errors.Is(large, context.DeadlineExceeded) || small != nil {
			t.Errorf("large: %v, small: %v", large, small)
		}
		hold.Release()
	})
}

func TestWhatNeverFitsIsRefusedAtOnce(t *testing.T) {
	b, _ := card(t, 5)
	if _, err := b.Reserve(t.Context(), 16*gb); !errors.Is(err, ErrNoRoom) {
		t.Error(err)
	}
	if r := b.Force(16 * gb); b.State().BookedBytes != r.Bytes() {
		t.Error("what was forced is not booked")
	}
}

func TestStartSamplesUntilStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, m := card(t, 0)
		b.Stop() // before Start
		b.Start(t.Context())
		m.set(22, nil)
		<-time.After(sampleEvery + time.Millisecond)
		if err := b.Admit(); err == nil {
			t.Error("it was not sampled")
		}
		b.Stop()
		b.Stop()
		m.set(0, nil)
		<-time.After(2 * sampleEvery)
		if err := b.Admit(); err == nil {
			t.Error("it was sampled after Stop")
		}
	})
}

// However reservations come, change and go: never more is booked than there is room for, but by Force and Resize, and what is
// booked is what the reservations say.
func TestTheBooksAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &meter{used: rapid.Float64Range(0, 10).Draw(t, "others")}
		b := New(Config{Gauge: m, Levels: DefaultLevels(), Log: slog.New(slog.DiscardHandler)})
		b.Sample(context.Background())
		limit := b.State().BudgetBytes - uint64(m.used*gb)
		var held []*Reservation
		forced := false
		t.Repeat(map[string]func(*rapid.T){
			"try": func(t *rapid.T) {
				if r, ok := b.Try(rapid.Uint64Range(0, 12*gb).Draw(t, "bytes")); ok {
					held = append(held, r)
				}
			},
			"force": func(t *rapid.T) {
				held, forced = append(held, b.Force(rapid.Uint64Range(0, 2*gb).Draw(t, "bytes"))), true
			},
			"resize": func(t *rapid.T) {
				if len(held) > 0 {
					rapid.SampledFrom(held).Draw(t, "which").Resize(rapid.Uint64Range(0, 4*gb).Draw(t, "bytes"))
					forced = true
				}
			},
			"release": func(t *rapid.T) {
				if len(held) > 0 {
					rapid.SampledFrom(held).Draw(t, "which").Release()
				}
			},
			"": func(t *rapid.T) {
				sum := uint64(0)
				for _, r := range held {
					sum += r.Bytes()
				}
				booked := b.State().BookedBytes
				if booked != sum || !forced && booked > limit {
					t.Errorf("%d bytes are booked, the reservations have %d, there is room for %d", booked, sum, limit)
				}
			},
		})
	})
}
