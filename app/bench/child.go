package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"
)

// partingLimit is how long a part may take to end by itself.
const partingLimit = 30 * time.Second

// child is a part in its process, from the parent's side.
type child struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	answers *json.Decoder
	up      up
	tree    processes
	last    *tail
}

// start starts a part and returns when it is up. What it says on its standard error is kept for its error.
func start(ctx context.Context, command []string, part Part) (*child, error) {
	c := &child{last: &tail{}}
	args := append(slices.Clone(command[1:]), part.flags()...)
	c.cmd = exec.CommandContext(ctx, command[0], args...)
	c.cmd.WaitDelay = partingLimit
	c.cmd.Stderr = c.last
	c.cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		// The settings of the hub that somebody runs here are not those of the one that is measured.
		return strings.HasPrefix(v, "SEGHUB_") || strings.HasPrefix(v, "ML_INFERENCE_WORKERS=") || strings.HasPrefix(v, "REDIS_URL=")
	})
	var err error
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.answers = json.NewDecoder(out)
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	hello, err := c.answer()
	if err == nil && hello.Up == nil {
		err = errors.New("it did not say that it is up")
	}
	if err == nil {
		c.up = *hello.Up
		c.tree, err = treeOf(ctx, c.cmd.Process.Pid)
	}
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

// answer reads what the part says next.
func (c *child) answer() (answer, error) {
	var a answer
	if err := c.answers.Decode(&a); err != nil {
		return answer{}, fmt.Errorf("the process ended or said what is no answer: %w: %s", err, c.last)
	}
	if a.Error != "" {
		return answer{}, errors.New(a.Error)
	}
	return a, nil
}

func (c *child) order(o order) (answer, error) {
	if err := json.NewEncoder(c.in).Encode(o); err != nil {
		return answer{}, fmt.Errorf("give an order: %w: %s", err, c.last)
	}
	return c.answer()
}

func (c *child) processes() processes { return c.tree }

// close ends the part, and waits for it.
func (c *child) close() error { return errors.Join(c.in.Close(), c.wait()) }

// wait waits for a part whose standard input has ended.
func (c *child) wait() error {
	kill := time.AfterFunc(partingLimit, func() { _ = c.cmd.Process.Kill() })
	defer kill.Stop()
	if err := c.cmd.Wait(); err != nil {
		return fmt.Errorf("%w: %s", err, c.last)
	}
	return nil
}

// looping is a path of loops in a process of its own.
type looping struct{ *child }

func startLoop(ctx context.Context, c Config, path Path) (looping, error) {
	part := c.Part
	part.Path = path
	started, err := start(ctx, c.Command, part)
	return looping{started}, err
}

func (l looping) open(_ context.Context, models []string) error {
	_, err := l.order(order{Open: models})
	return err
}

func (l looping) round(context.Context) (outcome, error) {
	a, err := l.order(order{})
	if err == nil && a.Round == nil {
		err = errors.New("it did not say how the round went")
	}
	if err != nil {
		return outcome{}, err
	}
	return *a.Round, nil
}

// tail keeps the last of what is written to it.
type tail struct {
	mu   sync.Mutex
	kept []byte // guarded by mu
}

// Write keeps p.
func (t *tail) Write(p []byte) (int, error) {
	const most = 2000
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, p...)
	t.kept = t.kept[max(0, len(t.kept)-most):]
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.kept))
}
