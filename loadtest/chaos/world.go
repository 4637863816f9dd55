package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"seghub/api/porttest"
	"seghub/loadtest/processes"
	"seghub/models/modeltest"
)

const (
	model = "quick" // of little work, so that there is much to go wrong
	side  = 1024    // pixels of its input: work enough that most faults meet some of it
	// diskSize is what Redis has for its log where a disk can be made for it.
	diskSize = "64m"
)

// world is where it happens.
type world struct {
	folder string
	logs   string // folder of what the hubs log
	disk   string // of Redis
	own    bool   // the disk is one, and can be filled
	redis  *processes.Redis
	nodes  []*node
}

// node is a hub and its way to Redis.
type node struct {
	name  string
	hub   *processes.Hub
	proxy *toxiproxy.Proxy
	log   io.Closer
}

// newWorld builds it in a folder of its own, and waits until everything is ready.
func newWorld(ctx context.Context, program, logs string) (w *world, err error) {
	w = &world{logs: logs}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	if w.folder, err = os.MkdirTemp("", "seghub-chaos-"); err != nil {
		return w, err
	}
	if w.logs == "" {
		w.logs = w.folder
	}
	w.disk = filepath.Join(w.folder, "redis")
	models := filepath.Join(w.folder, "models")
	for _, folder := range []string{w.disk, models} {
		if err := os.Mkdir(folder, 0o750); err != nil {
			return w, err
		}
	}
	if err := modeltest.Write(filepath.Join(models, model+".onnx"), modeltest.Options{ID: model, Height: side, Width: side}); err != nil {
		return w, err
	}
	w.own = mount(w.disk) == nil
	if w.redis, err = processes.NewRedis(ctx, w.disk, w.folder); err != nil {
		return w, err
	}
	if err := w.redis.Start(ctx); err != nil {
		return w, err
	}
	proxies := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	for _, name := range []string{"one", "two", "three"} {
		if err := w.addNode(program, models, name, proxies); err != nil {
			return w, fmt.Errorf("node %s: %w", name, err)
		}
	}
	for _, n := range w.nodes {
		if err := n.hub.Ready(); err != nil {
			return w, fmt.Errorf("node %s: %w", n.name, err)
		}
	}
	return w, nil
}

func (w *world) addNode(program, models, name string, proxies *toxiproxy.ApiServer) error {
	address, err := porttest.Free()
	if err != nil {
		return err
	}
	n := &node{name: name, proxy: toxiproxy.NewProxy(proxies, name, address, w.redis.Address)}
	if err := n.proxy.Start(); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(w.logs, name+".log"))
	if err != nil {
		return err
	}
	n.log = log
	w.nodes = append(w.nodes, n)
	n.hub, err = processes.NewHub(program, filepath.Join(w.folder, name), log,
		"SEGHUB_NODE="+name, "SEGHUB_REDIS=redis://"+n.proxy.Listen, "SEGHUB_STORAGE="+filepath.Join(w.folder, "blobs"),
		"SEGHUB_MODELS="+models, "SEGHUB_SLOTS=2", "SEGHUB_TURN=5s", "SEGHUB_RESERVE_GRACE=1s", "SEGHUB_LEASE_TTL=3s", "SEGHUB_RATE_LIMITS=0")
	if err != nil {
		return err
	}
	return n.hub.Start()
}

// anyHub is one of the hubs, which may be down.
func (w *world) anyHub() string { return w.nodes[rand.IntN(len(w.nodes))].hub.Base }

// allReady waits until every node says that it would run a job.
func (w *world) allReady(ctx context.Context) error {
	for _, n := range w.nodes {
		for status := 0; status != http.StatusOK; {
			if ctx.Err() != nil {
				return fmt.Errorf("node %s is not ready again", n.name)
			}
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, n.hub.Base+"/readyz", nil)
			if err != nil {
				return err
			}
			if response, err := http.DefaultClient.Do(request); err == nil {
				status = response.StatusCode
				_ = response.Body.Close() // what it says is not read
			}
			wait(ctx, pause)
		}
	}
	return nil
}

// close ends what is there.
func (w *world) close() error {
	var errs []error
	for _, n := range w.nodes {
		if n.hub != nil {
			errs = append(errs, n.hub.Kill())
		}
		n.proxy.Stop()
		errs = append(errs, n.log.Close())
	}
	if w.redis != nil {
		errs = append(errs, w.redis.Kill())
	}
	if w.own {
		errs = append(errs, unmount(w.disk))
	}
	if w.folder != "" {
		errs = append(errs, os.RemoveAll(w.folder))
	}
	return errors.Join(errs...)
}
