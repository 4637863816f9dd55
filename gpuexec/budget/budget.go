package budget

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// ErrNoRoom is the answer to a reservation for which there is no room, or never can be.
var ErrNoRoom = errors.New("there is no room in the memory")

// ErrBreakerOpen is why no new work is taken: memory is nearly full.
var ErrBreakerOpen = errors.New("memory is nearly full")

// sampleEvery is how often the gauge is read.
const sampleEvery = time.Second

// Usage is what a device's memory and processor are doing at one moment.
type Usage struct {
	UsedBytes    uint64 // by everybody
	TotalBytes   uint64 // 0 when it cannot be measured
	Utilisation  *int   // percent of the last moments in which the device was busy; nil where nothing tells
	TemperatureC *int   // nil where nothing tells
}

// Gauge measures the device.
type Gauge interface {
	Usage(ctx context.Context) (Usage, error)
}

// Config is what a Budget is made of.
type Config struct {
	Gauge Gauge // nil where nothing measures: then there is room for everything
	Levels
	Log *slog.Logger
}

// Pressure says how full the memory is.
type Pressure string

// The levels of pressure.
const (
	Normal   Pressure = "normal"
	High     Pressure = "high"
	Critical Pressure = "critical"
)

// State is a Budget at one moment.
type State struct {
	Usage
	Pressure    Pressure
	BreakerOpen bool
	BudgetBytes uint64 // what may be reserved by all together: the level High; 0 when the memory cannot be measured
	BookedBytes uint64 // what is reserved
}

// Budget is the memory of one device. Its methods may be called from any goroutine.
type Budget struct {
	cfg Config

	mu      sync.Mutex
	usage   Usage         // guarded by mu; the newest sample
	others  uint64        // guarded by mu; what was in use beside what was booked then
	booked  uint64        // guarded by mu
	full    Pressure      // guarded by mu
	open    bool          // guarded by mu; the breaker
	failing bool          // guarded by mu; the gauge
	waiting []*wait       // guarded by mu; in order of asking
	relief  chan struct{} // guarded by mu; closed when relief is wanted, and made anew by the next normal sample

	stop func() // ends the sampling; nil when not started
	over chan struct{}
}

// wait is one that waits for room.
type wait struct {
	bytes uint64
	room  chan struct{} // closed once the bytes are booked
}

// New makes a Budget that has not measured anything yet.
func New(cfg Config) *Budget {
	return &Budget{cfg: cfg, full: Normal, relief: make(chan struct{})}
}

// Start reads the gauge once and then in the background until Stop.
func (b *Budget) Start(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	b.mu.Lock()
	b.stop, b.over = stop, make(chan struct{})
	over := b.over
	b.mu.Unlock()
	b.Sample(ctx)
	go func() {
		defer close(over)
		ticker := time.NewTicker(sampleEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				b.Sample(ctx)
			}
		}
	}()
}

// Stop ends the sampling. It may be called at any time and by many.
func (b *Budget) Stop() {
	b.mu.Lock()
	stop, over := b.stop, b.over
	b.mu.Unlock()
	if stop == nil {
		return
	}
	stop()
	<-over
}

// Sample reads the gauge now. Memory that cannot be measured is not short.
func (b *Budget) Sample(ctx context.Context) {
	if b.cfg.Gauge == nil {
		return
	}
	usage, err := b.cfg.Gauge.Usage(ctx)
	if ctx.Err() != nil {
		return
	}
	b.mu.Lock()
	before, wasFailing := b.full, b.failing
	b.failing = err != nil
	if err != nil {
		usage = Usage{}
	}
	b.usage = usage
	b.others = usage.UsedBytes - min(b.booked, usage.UsedBytes)
	b.judgeLocked()
	b.grantLocked()
	after, open := b.full, b.open
	b.mu.Unlock()

	if err != nil && !wasFailing {
		b.cfg.Log.Warn("memory cannot be measured", "error", err)
	}
	if before != after {
		level := slog.LevelWarn
		if after == Normal {
			level = slog.LevelInfo
		}
		b.cfg.Log.Log(ctx, level, "memory pressure", "is", string(after), "was", string(before), "used_bytes", usage.UsedBytes,
			"total_bytes", usage.TotalBytes, "breaker_open", open)
	}
}

// judgeLocked draws from the newest sample how full the memory is.
func (b *Budget) judgeLocked() {
	used, total := b.usage.UsedBytes, b.usage.TotalBytes
	switch {
	case total == 0:
		b.full, b.open = Normal, false
	case used >= b.cfg.Critical.Of(total):
		b.full, b.open = Critical, true
	case used >= b.cfg.High.Of(total):
		b.full = High
	case used >= b.cfg.Low.Of(total) && b.full != Normal:
		b.full = High // until it is below Low, so that it does not swing
	default:
		b.full, b.open = Normal, false
	}
	b.wantLocked()
}

// wantLocked tells the workers whether they are to make room.
func (b *Budget) wantLocked() {
	wanted := b.full != Normal || len(b.waiting) > 0
	select {
	case <-b.relief:
		if !wanted {
			b.relief = make(chan struct{})
		}
	default:
		if wanted {
			close(b.relief)
		}
	}
}

// Relief is closed while workers are to make room: memory is short, or somebody waits for some.
func (b *Budget) Relief() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.relief
}

// ReliefWanted tells whether workers are to make room now.
func (b *Budget) ReliefWanted() bool {
	select {
	case <-b.Relief():
		return true
	default:
		return false
	}
}

// Short tells whether memory is above the level High, or was and is not below Low yet.
func (b *Budget) Short() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.full != Normal
}

// Admit refuses new work, with an error that wraps ErrBreakerOpen, while the breaker is open.
func (b *Budget) Admit() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.open {
		return nil
	}
	return fmt.Errorf("%w: %d of %d bytes are in use", ErrBreakerOpen, b.usage.UsedBytes, b.usage.TotalBytes)
}

// State is what Stats and metrics show.
func (b *Budget) State() State {
	b.mu.Lock()
	defer b.mu.Unlock()
	return State{
		Usage: b.usage, Pressure: b.full, BreakerOpen: b.open,
		BudgetBytes: b.cfg.High.Of(b.usage.TotalBytes), BookedBytes: b.booked,
	}
}

// limitLocked is what may be booked; false when the memory cannot be measured, so that everything may.
func (b *Budget) limitLocked() (uint64, bool) {
	return b.cfg.High.Of(b.usage.TotalBytes), b.usage.TotalBytes > 0
}

// fitsLocked tells whether there is room for bytes now.
func (b *Budget) fitsLocked(bytes uint64) bool {
	limit, known := b.limitLocked()
	return !known || b.booked+b.others+bytes <= limit
}

// Crowded tells whether others than those who book here have more than half of what may be booked, and so much that there would be no room for
// bytes though everybody here gave everything back.
func (b *Budget) Crowded(bytes uint64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	limit, known := b.limitLocked()
	return known && b.others > limit/2 && b.others+bytes > limit
}

// Try reserves bytes if there is room now and nobody waits for some.
func (b *Budget) Try(bytes uint64) (*Reservation, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting) > 0 || !b.fitsLocked(bytes) {
		return nil, false
	}
	return b.bookLocked(bytes), true
}

// Reserve reserves bytes, and waits for room, behind those who asked before, until ctx ends. Then, and at once when there would be
// no room though everybody gave everything back, the error wraps ErrNoRoom.
func (b *Budget) Reserve(ctx context.Context, bytes uint64) (*Reservation, error) {
	b.mu.Lock()
	if len(b.waiting) == 0 && b.fitsLocked(bytes) {
		defer b.mu.Unlock()
		return b.bookLocked(bytes), nil
	}
	if limit, known := b.limitLocked(); known && b.others+bytes > limit {
		defer b.mu.Unlock()
		return nil, fmt.Errorf("%w: %d bytes of %d, of which others use %d", ErrNoRoom, bytes, limit, b.others)
	}
	mine := &wait{bytes: bytes, room: make(chan struct{})}
	b.waiting = append(b.waiting, mine)
	b.wantLocked()
	b.mu.Unlock()

	select {
	case <-mine.room:
		return &Reservation{budget: b, bytes: bytes}, nil
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := slices.Index(b.waiting, mine); i >= 0 {
		b.waiting = slices.Delete(b.waiting, i, i+1)
		b.grantLocked() // one behind it may want less
		return nil, fmt.Errorf("%w: waited for %d bytes: %w", ErrNoRoom, bytes, context.Cause(ctx))
	}
	return &Reservation{budget: b, bytes: bytes}, nil // it came in the same moment
}

// Force reserves bytes whether there is room or not: for the least that somebody can do with. What the device says then counts.
func (b *Budget) Force(bytes uint64) *Reservation {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bookLocked(bytes)
}

func (b *Budget) bookLocked(bytes uint64) *Reservation {
	b.booked += bytes
	return &Reservation{budget: b, bytes: bytes}
}

// grantLocked books for those who wait, in order, as far as there is room.
func (b *Budget) grantLocked() {
	for len(b.waiting) > 0 && b.fitsLocked(b.waiting[0].bytes) {
		b.booked += b.waiting[0].bytes
		close(b.waiting[0].room)
		b.waiting = b.waiting[1:]
	}
	b.wantLocked()
}

// Reservation is memory that is booked. It belongs to one goroutine.
type Reservation struct {
	budget *Budget
	bytes  uint64
}

// Bytes is how much is booked.
func (r *Reservation) Bytes() uint64 { return r.bytes }

// Resize books what was measured in place of what was thought. It never waits: what is in use is in use.
func (r *Reservation) Resize(bytes uint64) {
	b := r.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	b.booked = b.booked - r.bytes + bytes
	r.bytes = bytes
	b.grantLocked()
}

// Release gives the memory back; again, or on nil, it does nothing.
func (r *Reservation) Release() {
	if r != nil {
		r.Resize(0)
	}
}
