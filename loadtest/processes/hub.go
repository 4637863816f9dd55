package processes

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"

	gopsutil "github.com/shirou/gopsutil/v4/process"

	"seghub/api/porttest"
)

// Hub is a hub's process. It keeps its address over restarts.
type Hub struct {
	Base string // where it is: http://host:port

	process
	program string
	env     []string
	log     io.Writer
	said    io.Reader // its standard output
}

// NewHub makes a hub of a program, in a folder of its own, whose log goes to log. Settings are SEGHUB_ variables: "SEGHUB_SLOTS=4".
// None of the environment's own are passed on.
func NewHub(program, data string, log io.Writer, settings ...string) (*Hub, error) {
	address, err := porttest.Free()
	if err != nil {
		return nil, err
	}
	env := slices.DeleteFunc(os.Environ(), func(entry string) bool {
		return strings.HasPrefix(entry, "SEGHUB_") || strings.HasPrefix(entry, "REDIS_URL=")
	})
	env = append(env, "SEGHUB_LISTEN="+address, "SEGHUB_DATA="+data, "SEGHUB_DEVICE=cpu", "SEGHUB_MIN_FREE=0")
	return &Hub{Base: "http://" + address, program: program, env: append(env, settings...), log: log}, nil
}

// Start starts the process and returns as soon as it runs.
func (h *Hub) Start() error {
	cmd := exec.CommandContext(context.Background(), h.program, "serve") // Stop and Kill end it
	cmd.Env, cmd.Stderr = h.env, h.log
	said, err := cmd.StdoutPipe()
	if err == nil {
		err = h.start(cmd)
	}
	if err != nil {
		return fmt.Errorf("start a hub: %w", err)
	}
	h.said = said
	return nil
}

// Ready waits until the hub says that it is.
func (h *Hub) Ready() error {
	line, err := bufio.NewReader(h.said).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "SegHub is ready: ") {
		return fmt.Errorf("the hub did not start: %q, %w", line, err)
	}
	return nil
}

// Stop asks the hub to end, and waits for it.
func (h *Hub) Stop() error { return h.end(syscall.SIGTERM) }

// Resident is how many bytes of memory the process has, without its Redis.
func (h *Hub) Resident() (int64, error) {
	memory, err := (&gopsutil.Process{Pid: int32(h.Pid())}).MemoryInfo()
	if err != nil {
		return 0, fmt.Errorf("memory of the hub: %w", err)
	}
	return int64(memory.RSS), nil
}

// CPU is how many seconds of a processor the hub and its Redis have used.
func (h *Hub) CPU() (seconds float64, err error) {
	root, err := gopsutil.NewProcess(int32(h.Pid()))
	if err != nil {
		return 0, fmt.Errorf("processor time of the hub: %w", err)
	}
	children, err := root.Children()
	if err != nil && !errors.Is(err, gopsutil.ErrorNoChildren) {
		return 0, fmt.Errorf("processor time of the hub: %w", err)
	}
	for _, p := range append(children, root) {
		used, err := p.Times()
		if err != nil {
			return 0, fmt.Errorf("processor time of the hub: %w", err)
		}
		seconds += used.User + used.System
	}
	return seconds, nil
}
