package sessions

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"seghub/gpuexec"
	"seghub/models/imageio"
	"seghub/sessions/problem"
)

// Files keeps what jobs are made of and what they become.
type Files interface {
	OpenImage(ctx context.Context, session, image string) (imageio.Source, error)
	Results
	// DeleteImage deletes an uploaded file; nothing to delete is no error.
	DeleteImage(ctx context.Context, session, image string) error
	// DeleteSession deletes all that a session has stored; nothing to delete is no error.
	DeleteSession(ctx context.Context, session string) error
}

// Results keeps what is made of jobs.
type Results interface {
	// PutProbability stores the probability map of a running job while r gives it; nothing when r fails.
	PutProbability(ctx context.Context, session, job string, r io.Reader) error
	// PutPiece stores the piece of a running job's mask that begins at a row.
	PutPiece(ctx context.Context, session, job string, row int, png []byte) error
	// PutResult stores the rest of a job's result before anybody hears that it is done.
	PutResult(ctx context.Context, job Job, session string, out gpuexec.Output) error
	// DeleteJob deletes what is stored of a job that will have no result; nothing to delete is no error.
	DeleteJob(ctx context.Context, session, job string) error
}

// Executor runs the jobs that Next gives.
type Executor interface {
	// Cancel stops a job, and reports whether it knew the job.
	Cancel(jobID string) bool
}

// Config is what a Service needs; every field but Storage, Models, Stalls, Ended and Now is wanted.
type Config struct {
	Redis redis.UniversalClient
	Node  string // this machine's name; a process that starts with the name of one that is dead takes over its work
	Slots int
	// Storage names the storage that Files keeps things in, so that a hub with another one is refused; empty where it is not known.
	Storage string

	Turn         time.Duration // how long an owner with work keeps its slot while others wait
	ReserveGrace time.Duration // how long an owner without work keeps its slot while others wait
	SessionTTL   time.Duration // how long a session lives without sockets and work
	LeaseTTL     time.Duration // how long a silent node keeps its slots and jobs
	MaxQueue     int           // queued jobs a session

	Files Files
	// Open says whether a slot's worker is up and warm. While it is not, the slot is nobody's. Asked at each tick.
	Open func(slot int) bool
	// Stalls says whether an error keeps all jobs from being done for now, rather than the one that failed of it, which goes back to its
	// queue then. The slots are to be closed before it returns. Nil: none does.
	Stalls func(ctx context.Context, err error) bool
	// Ended hears how each job ended that a worker had, once that is so; not of those that go back to their queues. Nil: nobody asks.
	Ended func(r gpuexec.Result, state JobState)
	// Models gives the models that this node can run. Asked at each tick. Nil: nobody says.
	Models func() []Model
	// BatchSize is how many images of model one batch may hold.
	BatchSize func(model string) int
	// Borrow says whether idle workers may help now; they do only while nobody waits. Asked whenever one would.
	Borrow func() bool
	// Problem says in a client's words why a job failed.
	Problem func(error) *problem.Problem
	Log     *slog.Logger

	// Now is a clock for tests. Nil, as in production, makes every script read Redis's own clock, so that all
	// nodes agree about turns and leases however their clocks differ.
	Now func() time.Time
}

const (
	logLength        = 20_000                 // events kept a session
	snapshotJobs     = 1_000                  // newest jobs in an Opening; older ones are pages of Jobs
	tickEvery        = time.Second            // at most; a third of the lease if that is shorter
	failingTickEvery = 250 * time.Millisecond // while a tick fails: how late its end is noticed
	healEvery        = 3 * time.Second        // after a lost hint, events are late by this much at most
	presenceEvery    = 10 * time.Second       // how often a node says whose sockets it has
	unwatchedAfter   = 25 * time.Second       // two missed presences and some: nobody watches
	rememberClosed   = time.Hour              // a closed session's token says so for this long
	progressEvery    = 50 * time.Millisecond
	positionEvery    = 500 * time.Millisecond // how often estimates are looked at while somebody waits
	cancelEvery      = 50 * time.Millisecond
	sweepEvery       = time.Second
	sweepRetryAfter  = 10 * time.Second
)

// Service is one node's share of the sessions. Its methods may be called from any goroutine.
type Service struct {
	config    Config
	redis     redis.UniversalClient
	log       *slog.Logger
	logLength int

	process    string       // tells this Service from another of the same Node
	generation atomic.Int64 // of this node's lease; 0 without one
	draining   atomic.Bool

	lease    lease
	slots    []claimer // by slot; each used by its worker's goroutine alone
	hand     hand
	progress progressBoard
	audience audience
	callers  callers
	mirror   mirror
	busy     busy
	doubts   doubts
	told     tidings
	work     bell // a worker of this node may find work

	mu    sync.Mutex // guards tasks
	tasks *tasks     // nil unless started
}

// New makes a Service. It does nothing until Start but answer calls.
func New(config Config) (*Service, error) {
	if err := config.validate(); err != nil {
		return nil, fmt.Errorf("sessions: %w", err)
	}
	s := &Service{
		config:    config,
		redis:     config.Redis,
		process:   newID(),
		log:       config.Log.With("part", "sessions", "node", config.Node),
		logLength: logLength,
		slots:     make([]claimer, config.Slots),
	}
	s.hand.claims = make(map[claimKey]*claim)
	s.progress.newest = make(map[claimKey]progressNote)
	s.audience.sessions = make(map[string][]*listener)
	s.audience.dirty = make(map[string]struct{})
	s.audience.progress = make(map[string]heardProgress)
	s.audience.poked = make(chan struct{}, 1)
	s.mirror.poked = make(chan struct{}, 1)
	s.mirror.reading = make(chan struct{}, 1)
	s.progress.poked = make(chan struct{}, 1)
	s.hand.poked = make(chan struct{}, 1)
	s.doubts.poked = make(chan struct{}, 1)
	return s, nil
}

func (c Config) validate() error {
	switch {
	case c.Redis == nil || c.Files == nil || c.BatchSize == nil || c.Borrow == nil || c.Open == nil || c.Problem == nil || c.Log == nil:
		return errors.New("config: Redis, Files, BatchSize, Borrow, Open, Problem and Log are wanted")
	case c.Node == "":
		return errors.New("config: Node is wanted")
	case c.Slots < 1 || c.MaxQueue < 1:
		return errors.New("config: Slots and MaxQueue must be at least 1")
	case c.Turn <= 0 || c.ReserveGrace <= 0 || c.SessionTTL <= 0:
		return errors.New("config: Turn, ReserveGrace and SessionTTL must be above zero")
	case c.LeaseTTL < 100*time.Millisecond:
		return errors.New("config: LeaseTTL must be at least 100ms")
	}
	return nil
}

// Start takes this node's lease, and with it what a process of the same name had left behind, and begins to give
// out slots. ctx bounds the start alone. Starting what is started does nothing.
func (s *Service) Start(ctx context.Context, executor Executor) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tasks != nil {
		return nil
	}
	s.draining.Store(false)
	if err := s.patiently(ctx, func() error { return CheckRights(ctx, s.redis) }); err != nil {
		return err
	}
	if err := s.patiently(ctx, func() error { return s.agree(ctx) }); err != nil {
		return err
	}
	if err := s.takeName(ctx); err != nil {
		return err
	}
	s.tasks = s.startTasks(context.WithoutCancel(ctx), executor)
	return nil
}

// startWithin is how long a process that starts waits for a Redis that is away: as long as one may take to load its file.
const startWithin = time.Minute

// patiently does one step of a start as soon as Redis can do its part.
func (s *Service) patiently(ctx context.Context, step func() error) error {
	began, said := time.Now(), false
	for {
		err := step()
		if !errors.Is(err, ErrUnavailable) || ctx.Err() != nil || time.Since(began) > startWithin {
			return err
		}
		if !said {
			s.log.Warn("the start waits for Redis", "error", err)
			said = true
		}
		pause(ctx, retryFirst)
	}
}

// StopAdmission refuses new jobs and gives out no more work; what runs goes on.
func (s *Service) StopAdmission() {
	s.draining.Store(true)
	s.lease.tickSoon()
}

// Stop ends the background work and gives the lease back, so that claimed jobs return to the heads of their
// queues and other nodes may take over at once. It blocks until all of that is done or ctx ends; stopping what is
// stopped does nothing.
func (s *Service) Stop(ctx context.Context) { s.end(ctx, "") }

// Abandon is Stop for a process that cannot go on, as with a GPU that is hung or poisoned: one of the jobs that its workers
// have in hand may be to blame, so that each of them counts a death. The workers' results are not waited for, and come too
// late when they come.
func (s *Service) Abandon(ctx context.Context) { s.end(ctx, s.problem(errDied)) }

// end ends the background work and the lease; problem is for leave.
func (s *Service) end(ctx context.Context, problem string) {
	s.draining.Store(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tasks == nil {
		return
	}
	s.tasks.stop()
	s.tasks = nil
	if err := s.leave(ctx, problem); err != nil {
		s.log.Warn("lease not given back; it will expire", "error", err)
	}
}

// Ready reports why work that is submitted now would not be done: this node holds no lease, or Redis takes no writes.
func (s *Service) Ready(ctx context.Context) error {
	if s.draining.Load() {
		return ErrDraining
	}
	if err := s.redis.Set(ctx, hashTag+":probe", s.config.Node, s.config.LeaseTTL).Err(); err != nil {
		return unavailable(ctx, "write", err)
	}
	if !s.lease.held(s.now()) {
		return fmt.Errorf("sessions: the lease is not held: %w", cmp.Or(s.lease.failure(), errors.New("it was given back")))
	}
	return nil
}

func (s *Service) now() time.Time {
	if s.config.Now != nil {
		return s.config.Now()
	}
	return time.Now()
}
