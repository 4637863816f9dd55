package sessions

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"seghub/gpuexec"
	"seghub/models/imageio"
	"seghub/models/mask"
	"seghub/sessions/problem"
	"seghub/sessions/redisserver"
)

func TestMain(m *testing.M) {
	// A property test here makes thousands of calls to Redis; -rapid.checks asks for more.
	if err := flag.Set("rapid.checks", "10"); err != nil {
		panic(err)
	}
	// A pool that could not dial tries again after a second, and sees only then that it was closed; so long goleak does not wait.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"))
}

// patience is how long a test waits for what must happen, on a machine however busy; it fails after that.
const patience = time.Minute

// onEachRedis runs test on miniredis and on a redis-server of its own.
func onEachRedis(t *testing.T, test func(t *testing.T, client redis.UniversalClient)) {
	t.Run("embedded", func(t *testing.T) { test(t, openRedis(t, "embedded")) })
	t.Run("child", func(t *testing.T) { test(t, openRedis(t, "auto")) })
}

func openRedis(t testing.TB, how string) redis.UniversalClient {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); how == "auto" && err != nil {
		t.Skip("left out: redis-server is not on PATH")
	}
	t.Setenv("REDIS_URL", "")
	client, _, stop, err := redisserver.Open(t.Context(), how, t.TempDir(), 0, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	return client
}

// clock is a clock that stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// ticked is what one tick found.
type ticked struct {
	busy   bool // a worker of the node may find work
	chores chores
}

// tick does once what a started Service does again and again as time passes.
func (s *Service) tick(ctx context.Context) (t ticked, err error) {
	if t.busy, err = s.renew(ctx); err != nil {
		return t, err
	}
	if err = s.bury(ctx); err != nil {
		return t, err
	}
	if err = s.endTurnsNow(ctx); err != nil {
		return t, err
	}
	if err = s.compareHands(ctx); err != nil {
		return t, err
	}
	t.chores, err = s.overdue(ctx)
	return t, err
}

// lineNow lists who waits, next first, as s sees it.
func lineNow(t tester, s *Service) []string {
	t.Helper()
	must(t, s.catchUp(t.Context()))
	s.mirror.mu.Lock()
	defer s.mirror.mu.Unlock()
	var line []string
	for _, standing := range s.mirror.order {
		line = append(line, standing.session)
	}
	return line
}

// live lets d pass while nodes tick, as time does that somebody lives through. It gives the last node's last tick.
func (c *clock) live(t tester, d time.Duration, nodes ...*Service) (last ticked) {
	t.Helper()
	for d > 0 {
		step := min(d, nodes[0].config.LeaseTTL/3)
		c.move(step)
		d -= step
		for _, node := range nodes {
			var err error
			last, err = node.tick(t.Context())
			must(t, err)
		}
	}
	return last
}

// files is a Files in memory.
type files struct {
	mu      sync.Mutex
	results map[string]map[string]int // session, job: how often it was stored
	deleted map[string]int
	pieces  []string               // guarded by mu
	put     func(job string) error // when set, called by PutResult before it stores
	freed   func()                 // when set, called by DeleteSession
	gone    func()                 // when set, called by DeleteImage
}

func newFiles() *files {
	return &files{results: make(map[string]map[string]int), deleted: make(map[string]int)}
}

func (f *files) OpenImage(_ context.Context, session, image string) (imageio.Source, error) {
	return imageio.InMemory([]byte(session + "/" + image)), nil
}

func (f *files) PutProbability(_ context.Context, _, _ string, r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

func (f *files) PutPiece(_ context.Context, session, job string, row int, _ []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pieces = append(f.pieces, fmt.Sprintf("%s/%s from row %d", session, job, row))
	return nil
}

func (f *files) DeleteJob(_ context.Context, session, job string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.deleted[session+"/"+job]++
	f.pieces = slices.DeleteFunc(f.pieces, func(piece string) bool { return strings.HasPrefix(piece, session+"/"+job+" ") })
	return nil
}

func (f *files) PutResult(_ context.Context, job Job, session string, _ gpuexec.Output) error {
	if f.put != nil {
		if err := f.put(job.ID); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.results[session] == nil {
		f.results[session] = make(map[string]int)
	}
	f.results[session][job.ID]++
	return nil
}

func (f *files) DeleteImage(_ context.Context, session, image string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.deleted[session+"/"+image]++
	if f.gone != nil {
		f.gone()
	}
	return nil
}

func (f *files) DeleteSession(_ context.Context, session string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.results, session)
	f.deleted[session]++
	if f.freed != nil {
		f.freed()
	}
	return nil
}

func (f *files) stored(session, job string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.results[session][job]
}

// nobody is an Executor that knows no job.
type nobody struct{}

func (nobody) Cancel(string) bool { return false }

func testConfig(client redis.UniversalClient) Config {
	return Config{
		Redis: client, Node: "one", Slots: 4,
		Turn: time.Minute, ReserveGrace: 5 * time.Second, SessionTTL: 30 * time.Minute, LeaseTTL: 10 * time.Second,
		MaxQueue: 10_000, Files: newFiles(),
		BatchSize: func(string) int { return 1 },
		Borrow:    func() bool { return false },
		Open:      func(int) bool { return true },
		Problem:   func(err error) *problem.Problem { return problem.New(problem.InferenceFailed, err.Error()) },
		Log:       slog.New(slog.DiscardHandler),
	}
}

func always() bool { return true }

func newService(t testing.TB, config Config) *Service {
	t.Helper()
	s, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// started gives a Service whose background work runs until the test ends.
func started(t testing.TB, config Config, executor Executor) *Service {
	t.Helper()
	s := newService(t, config)
	must(t, s.Start(context.Background(), executor))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		s.Stop(ctx)
	})
	return s
}

// joined gives a Service that holds its lease but does nothing by itself, and whose clock the test moves.
func joined(t testing.TB, config Config) (*Service, *clock) {
	t.Helper()
	clock := newClock()
	config.Now = clock.Now
	s := newService(t, config)
	must(t, s.agree(t.Context()))
	must(t, s.join(t.Context(), true))
	return s, clock
}

// tester is what a test and a rapid property have in common.
type tester interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Context() context.Context
}

func must(t tester, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func create(t testing.TB, s *Service) string {
	t.Helper()
	session, _, err := s.Create(t.Context(), "Ada")
	must(t, err)
	return session.ID
}

func newJobs(n int) []NewJob {
	jobs := make([]NewJob, n)
	for i := range jobs {
		jobs[i] = NewJob{ImageID: fmt.Sprint("image", i), Filename: fmt.Sprintf("é %d.png", i), Width: 64, Height: 48,
			Model: "unet", Options: mask.Options{Threshold: 0.5, MinArea: 9}}
	}
	return jobs
}

func submit(t testing.TB, s *Service, session string, n int) []string {
	t.Helper()
	var ids []string
	for n > 0 {
		chunk := min(n, 100) // as many files as a request may bring
		jobs, err := s.Submit(t.Context(), session, "", newJobs(chunk))
		must(t, err)
		for i := range jobs {
			ids = append(ids, jobs[i].ID)
		}
		n -= chunk
	}
	return ids
}

// claimNow asks for slot's next batch and does not wait for one.
func claimNow(t testing.TB, s *Service, slot int) gpuexec.Batch {
	t.Helper()
	batch, err := s.claim(t.Context(), slot)
	must(t, err)
	return batch
}

func result(job gpuexec.Job, slot int, err error) gpuexec.Result {
	r := gpuexec.Result{JobID: job.ID, Attempt: job.Attempt, Slot: slot, Err: err}
	if err == nil {
		r.Output = &gpuexec.Output{Width: 64, Height: 48}
	}
	return r
}

func finishAll(t testing.TB, s *Service, slot int, batch gpuexec.Batch, err error) {
	t.Helper()
	for _, job := range batch.Jobs {
		s.Finish(t.Context(), result(job, slot, err))
	}
}

func stateOf(t testing.TB, s *Service, session string) State {
	t.Helper()
	got, err := s.Get(t.Context(), session)
	must(t, err)
	return got.State
}

func jobState(t testing.TB, s *Service, session, job string) JobState {
	t.Helper()
	got, err := s.Job(t.Context(), session, job)
	must(t, err)
	return got.State
}

// mailbox collects what a subscription delivers.
type mailbox struct {
	mu       sync.Mutex
	messages []Message
	arrived  chan struct{}
}

func newMailbox() *mailbox { return &mailbox{arrived: make(chan struct{}, 1)} }

func (m *mailbox) deliver(message Message) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.messages = append(m.messages, message)
	poke(m.arrived)
}

func (m *mailbox) all() []Message {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]Message(nil), m.messages...)
}

// await waits until enough of what arrived satisfies ok, and gives all of it.
func (m *mailbox) await(t testing.TB, what string, ok func([]Message) bool) []Message {
	t.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		if all := m.all(); ok(all) {
			return all
		}
		select {
		case <-m.arrived:
		case <-timeout.C:
			t.Fatalf("%s did not arrive; got %d messages", what, len(m.all()))
		}
	}
}

// eventually waits until ok, for what no signal tells of.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for !ok() {
		select {
		case <-ticker.C:
		case <-timeout.C:
			t.Fatalf("%s did not come about", what)
		}
	}
}

// receive waits for the next value of ch.
func receive[T any](t testing.TB, what string, ch <-chan T) T {
	t.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case v := <-ch:
		return v
	case <-timeout.C:
		t.Fatalf("%s did not come", what)
		panic("unreachable")
	}
}

var errBroken = errors.New("broken")
