// Package server puts the parts together and takes them apart again.
//
//	redisserver <- sessions -> gpuexec -> gpuexec/ort
//	                  ^           |
//	                 hub       storage
//	                  ^           ^
//	                  +- httpapi -+
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"seghub/app/config"
	"seghub/app/httpapi"
	"seghub/app/janitor"
	"seghub/app/results"
	"seghub/app/status"
	"seghub/gpuexec"
	"seghub/gpuexec/budget"
	"seghub/gpuexec/ort"
	"seghub/hub"
	"seghub/models"
	"seghub/models/imageio"
	"seghub/sessions"
	"seghub/sessions/redisserver"
	"seghub/storage"
	"seghub/web"
)

// How long a client may take to send a request's header, and keep a connection without a request. Bodies
// have a patience of their own.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
)

// headerBytes caps the head of a request at 32 KiB: net/http takes 4 KiB more than it is told.
const headerBytes = 28 << 10

// Run serves until ctx ends, then shuts down in order. ready hears the address once jobs can run. When the error wraps
// gpuexec.ErrDeviceLost, what could be handed back is, and the process is to end without another call into ONNX Runtime.
func Run(ctx context.Context, cfg config.Config, log *slog.Logger, ready func(address string)) error {
	return RunWatched(ctx, cfg, log, ready, Hears{})
}

// Hears is what a program hears of the hub within it, from many goroutines; each may be nil.
type Hears struct {
	Inferred func(job string, at time.Time) // when the inference of a job ended, before its result is kept
	Stalled  func(why error)                // that no jobs are run until something is over. It must not block
}

// RunWatched is Run for who measures, or must act where a hub of its own cannot go on.
func RunWatched(ctx context.Context, cfg config.Config, log *slog.Logger, ready func(address string), hears Hears) error {
	log.Info("SegHub starts", "version", Version())
	log.Info("settings", "effective", cfg)
	s, err := start(ctx, cfg, log, hears)
	switch {
	case err != nil && ctx.Err() != nil && errors.Is(err, context.Canceled): // as below
		log.Info("asked to stop before it had started")
		return nil
	case err != nil:
		return err
	}
	if err = s.warm(ctx); err == nil {
		ready(s.address())
		select {
		case <-ctx.Done():
		case err = <-s.served:
			err = fmt.Errorf("serve HTTP: %w", err)
		case err = <-s.lost:
			return errors.Join(err, s.abandon())
		}
	}
	if errors.Is(err, gpuexec.ErrDeviceLost) { // while the models were being loaded
		return errors.Join(err, s.abandon())
	}
	if ctx.Err() != nil {
		err = nil // asked to stop, not failed
	}
	return errors.Join(err, s.shutdown())
}

// maxObjects is the most objects of one image. With their outlines so many take about a gigabyte.
const maxObjects = 1_000_000

// server is a running hub; each part is nil until it is started.
type server struct {
	cfg       config.Config
	log       *slog.Logger
	stopRedis func() error
	lasting   bool // Redis outlasts this process
	store     *storage.Store
	room      room
	writable  *writable
	stall     *stall
	models    *models.Registry
	unfollow  context.CancelFunc
	following sync.WaitGroup // what keeps the workers up with models, and ends stalls
	runtime   *ort.Runtime
	budget    *budget.Budget
	decoded   *imageio.Budget // of what all who read images hold
	unlimit   func()          // ends what keeps the process to decoded
	unmeasure func() error    // frees what budget measures with
	lost      chan error      // why the device is lost
	pool      *gpuexec.Pool
	warmed    atomic.Bool // the models are loaded, and the slots open
	sessions  *sessions.Service
	outcomes  outcomes
	results   *results.Keeper
	janitor   *janitor.Janitor
	hub       *hub.Hub
	listener  net.Listener
	http      *http.Server
	served    chan error     // how serving HTTP ended
	open      sync.WaitGroup // connections on which requests come; sockets are none
	patience  time.Duration  // drainTimeout, or what a test has
}

// start brings everything up but the models; on failure nothing stays up.
func start(ctx context.Context, cfg config.Config, log *slog.Logger, hears Hears) (*server, error) {
	s := &server{cfg: cfg, log: log, served: make(chan error, 1), lost: make(chan error, 1), patience: drainTimeout}
	err := s.startParts(ctx)
	if err == nil {
		s.stall.stalled = hears.Stalled // no worker runs before
		sink := gpuexec.Sink(s.sessions)
		if hears.Inferred != nil {
			sink = watched{sink, hears.Inferred}
		}
		err = s.pool.Start(context.WithoutCancel(ctx), s.sessions, sink)
	}
	if err == nil {
		err = s.startFollowing(context.WithoutCancel(ctx))
	}
	if err == nil {
		s.janitor = janitor.New(janitor.Config{
			Files:      s.store,
			Hubs:       s.store,
			Sessions:   s.sessions,
			Lasting:    s.lasting,
			SessionTTL: s.cfg.SessionTTL,
			UploadTime: httpapi.UploadTime,
			Log:        s.log,
		})
		s.janitor.Start(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.shutdown())
	}
	return s, nil
}

// startParts starts all parts but the workers, who would begin to take work.
func (s *server) startParts(ctx context.Context) (err error) {
	cfg := s.cfg
	// The address comes first: a hub that cannot have it must not touch the data of the one that has.
	var listen net.ListenConfig
	if s.listener, err = listen.Listen(ctx, "tcp", cfg.Listen); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if err = os.MkdirAll(cfg.Data, 0o750); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	location := cfg.Storage
	if location == "" {
		location = filepath.Join(cfg.Data, "blobs")
	}
	if s.store, err = storage.Open(ctx, location); err != nil {
		return err
	}
	s.writable = newWritable(s.store.Check)
	s.room = room{disks: []disk{{"data", cfg.Data}}, minFree: int64(cfg.MinFree), most: int64(cfg.MaxStorage), sizes: newSizes(s.store.SessionSize)}
	if !strings.Contains(location, "://") {
		s.room.disks = append(s.room.disks, disk{"storage", location})
	}
	s.stall = &stall{
		writable: s.writable,
		free:     func(ctx context.Context) error { return s.room.free(ctx, 0) },
		crowded:  func() error { return s.pool.Crowded() },
		changed:  func(ctx context.Context) error { return s.sessions.SlotsChanged(ctx) },
		log:      s.log,
	}
	if s.models, err = models.Open(cfg.Models, s.log); err != nil {
		return err
	}
	if err = s.startWorkers(ctx); err != nil {
		return err
	}
	if err = s.startSessions(ctx); err != nil {
		return err
	}
	return s.startEdge(ctx)
}

func (s *server) startWorkers(ctx context.Context) (err error) {
	if s.runtime, err = ort.Open(s.cfg.ORTLibrary, s.cfg.Device, s.cfg.Slots, s.log); err != nil {
		return err
	}
	gauge, unmeasure := openGauge(s.runtime.PCIBusID(), s.runtime.Memory, s.log)
	s.unmeasure = unmeasure
	s.budget = budget.New(budget.Config{Gauge: gauge, Levels: s.cfg.Levels(), Log: s.log})
	s.budget.Start(context.WithoutCancel(ctx))
	if s.decoded, s.unlimit, err = decodeBudget(ctx, int64(s.cfg.DecodeMemory)); err != nil {
		return err
	}
	s.log.Info("memory for decoded images", "most", config.Bytes(s.decoded.Bytes()).String()) // of which a setting of 0 says nothing
	onCPU := s.runtime.Device() == gpuexec.CPU
	batches, err := models.OpenBatches(s.cfg.Models, s.runtime.DeviceName(), onCPU)
	if err != nil {
		s.log.Warn("the batch table is not used; seghub tune measures one", "error", err)
	}
	cfg := gpuexec.Config{
		Slots:      s.cfg.Slots,
		Device:     s.runtime.Device(),
		NewEngine:  s.runtime.NewEngine,
		Models:     s.models.Get,
		MaxPixels:  int64(s.cfg.MaxPixels),
		MaxObjects: maxObjects,
		Decoded:    s.decoded,
		Batches:    batches,
		Budget:     s.budget,
		Lost:       func(err error) { s.lost <- err },
		Log:        s.log,
	}
	if onCPU {
		cfg.Help = s.mayBorrow // a GPU runs all tiles of a run at once
	} else {
		cfg.InUse = s.runtime.InUse
	}
	s.pool = gpuexec.New(cfg)
	s.results = results.New(results.Config{
		Blobs:   s.store,
		Budget:  s.decoded,
		Pixels:  int64(s.cfg.MaxPixels),
		Version: Version(),
		Runtime: s.runtime.Version(),
		Device:  s.runtime.DeviceName(),
		Log:     s.log,
	})
	return nil
}

func (s *server) startSessions(ctx context.Context) error {
	client, kind, stop, err := redisserver.Open(ctx, s.cfg.Redis, s.cfg.Data, int64(s.cfg.MinFree), s.log)
	if err != nil {
		return err
	}
	s.stopRedis, s.lasting = stop, kind != redisserver.Embedded
	node := s.cfg.Node
	if node == "" {
		node = config.Hostname()
	}
	storage, err := s.storageName(ctx)
	if err != nil {
		s.log.Warn("the storage has no name yet: other hubs may use another one unnoticed", "error", err)
	}
	s.outcomes = newOutcomes()
	s.sessions, err = sessions.New(sessions.Config{
		Redis:        client,
		Node:         node,
		Slots:        s.cfg.Slots,
		Storage:      storage,
		Turn:         s.cfg.Turn,
		ReserveGrace: s.cfg.ReserveGrace,
		SessionTTL:   s.cfg.SessionTTL,
		LeaseTTL:     s.cfg.LeaseTTL,
		MaxQueue:     s.cfg.MaxQueue,
		Files:        files{s.store, s.results},
		Models:       s.ownModels,
		BatchSize:    s.pool.BatchSize,
		Borrow:       s.mayBorrow,
		Open:         s.slotOpen,
		Stalls:       s.stall.begins,
		Ended:        s.outcomes.ended,
		Problem:      httpapi.Problem,
		Log:          s.log,
	})
	if err != nil {
		return err
	}
	s.results.Serve(s.sessions)
	return s.sessions.Start(ctx, s.pool) // what that starts is stopped by shutdown, in order, not by the end of ctx
}

func (s *server) startEdge(ctx context.Context) error {
	source := status.Source{Admission: s.sessions.Stats, Workers: s.workers, Memory: s.budget.State, GPUUnused: s.runtime.Unused()}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	s.hub = hub.New(hub.Config{
		Sessions: s.sessions,
		Masks:    files{s.store, s.results},
		Stats: func(ctx context.Context) (func(session string) any, error) {
			snapshot, err := source.Take(ctx)
			return func(session string) any { return snapshot.For(session) }, err
		},
		Problem: httpapi.Problem,
		Origins: s.cfg.Origins,

		MaxSockets: s.cfg.MaxSockets,
		Log:        s.log,
	})
	if err := s.hub.Start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	registry.MustRegister(s.outcomes, newGauges(s, source))
	handler, err := s.edge(ctx, source, registry)
	if err != nil {
		return err
	}
	s.http = &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    headerBytes,
		ConnState:         s.count,
		ConnContext:       httpapi.ConnContext,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	go func() { s.served <- s.http.Serve(s.listener) }()
	return nil
}

// count keeps count of the connections that are open.
func (s *server) count(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.open.Add(1)
	case http.StateHijacked, http.StateClosed: // after its handler has returned
		s.open.Done()
	default:
	}
}

// mayBorrow tells whether idle workers may help: not while memory is short, because each that runs holds its own.
func (s *server) mayBorrow() bool { return s.cfg.Borrow && !s.budget.Short() && !s.stall.is.Load() }

// slotOpen tells whether the worker of a slot is up and warm, and can do jobs.
func (s *server) slotOpen(slot int) bool {
	return !s.stall.is.Load() && s.warmed.Load() && s.pool.Stats()[slot].State != gpuexec.WorkerDown
}

// workers are those of the pool; none runs during a stall.
func (s *server) workers() []gpuexec.WorkerStat {
	all := s.pool.Stats()
	if s.stall.is.Load() {
		for i := range all {
			all[i].State = gpuexec.WorkerDown
		}
	}
	return all
}

// edge builds the handler of everything that is served.
func (s *server) edge(ctx context.Context, source status.Source, registry *prometheus.Registry) (http.Handler, error) {
	return httpapi.New(httpapi.Config{
		Accounts: s.sessions,
		Jobs:     s.sessions,
		Images:   s.sessions,
		Results:  s.results,
		Pictures: s.results,
		Blobs:    s.store,
		Models:   offered{s.models, s.sessions},
		Live:     s.hub,
		Client:   web.Handler(),
		Loaded:   s.pool.Loaded,
		Status:   source.Take,
		Ready:    s.ready,
		Admit:    s.admit,
		Room:     s.room,
		Registry: registry,

		AccessKey:  s.cfg.AccessKey,
		Secure:     s.cfg.TLSProxy,
		Proxies:    s.proxies(),
		Hosts:      s.hosts(),
		Origins:    s.cfg.Origins,
		Version:    Version(),
		Deployment: s.deployment(ctx),
		SessionTTL: s.cfg.SessionTTL,

		Decoded: s.decoded,
		Limits: httpapi.Limits{
			FileBytes: int64(s.cfg.MaxFile),
			Pixels:    int64(s.cfg.MaxPixels),
			Memory:    s.decoded.Bytes(),
			Files:     s.cfg.MaxFiles,
			Sessions:  s.cfg.MaxSessions,
			Uploads:   s.cfg.MaxUploads,
			Rates:     s.cfg.RateLimits,
		},
		Spool: s.cfg.Data,
		Log:   s.log,
	})
}

// admit refuses images while the memory that models run in is nearly full.
func (s *server) admit() error {
	if err := s.budget.Admit(); err != nil {
		return fmt.Errorf("%w: %w", gpuexec.ErrOutOfMemory, err)
	}
	return nil
}

// ready tells whether a job that is submitted now would run.
func (s *server) ready(ctx context.Context) error {
	if err := s.budget.Admit(); err != nil {
		return err
	}
	if len(s.models.List()) == 0 {
		return fmt.Errorf("there is no model in %s", s.cfg.Models)
	}
	if !s.pool.Ready() {
		if err := s.pool.Down(); err != nil {
			return fmt.Errorf("a worker is down, and is tried again: %w", err)
		}
		return errors.New("models are being loaded")
	}
	if err := allBroken(s.models.List(), s.pool.Broken); err != nil {
		return err
	}
	if err := s.pool.Crowded(); err != nil {
		return err
	}
	if err := s.room.free(ctx, 0); err != nil {
		return err
	}
	if err := s.writable.ask(ctx); err != nil {
		return err
	}
	return s.sessions.Ready(ctx)
}

// allBroken is an error when none of the models can be loaded. One that can is enough for a hub that works; the log has the others.
func allBroken(list []models.Spec, broken func(id string) error) (err error) {
	for _, model := range list {
		if err = broken(model.ID); err == nil {
			return nil
		}
	}
	return err
}

// address is where a browser on this machine finds the hub.
func (s *server) address() string {
	host, port, err := net.SplitHostPort(s.listener.Addr().String())
	if err != nil {
		return s.listener.Addr().String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}
