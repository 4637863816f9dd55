package sessions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"seghub/gpuexec"
)

// TestTheLineHolds has people, workers, nodes, networks, clocks and Redis do whatever they may do, in any order, and looks after each
// step at all that Redis holds: never more sessions active than slots, a slot has one owner, first come first served, no slot
// unused while somebody waits, no job lost, every index and every node's mirror as it should be. In the end everybody is served
// within the turns of those before, each job is over once, and every log tells its whole story.
// `make soak` takes many more steps.
func TestTheLineHolds(t *testing.T) {
	client := openRedis(t, "auto")
	legal := readTransitions(t)
	rapid.Check(t, func(r *rapid.T) {
		must(r, client.ConfigSet(t.Context(), "min-replicas-to-write", "0").Err()) // which one that failed may have left
		must(r, client.FlushAll(t.Context()).Err())
		w := newDeployment(t.Context(), r, client)
		r.Repeat(map[string]func(*rapid.T){
			"create":    w.create,
			"submit":    w.submit,
			"claim":     w.claim,
			"finish":    w.finish,
			"cancel":    w.cancel,
			"close":     w.close,
			"time":      w.pass,
			"crash":     w.crash,
			"ghost":     w.haunt,
			"worker":    w.toggle,
			"partition": w.partition,
			"lose":      w.lose,
			"delete":    w.delete,
			"clock":     w.step,
			"refusal":   w.refuse,
			"remember":  w.remember,
			"rollback":  w.rollBack,
		})
		w.drain(r)
		for _, id := range w.everybody {
			if exists := client.Exists(t.Context(), sessionKey(id)).Val(); exists == 1 && !w.pruned[id] {
				checkLog(r, w.nodes[0].Service, id, legal)
			}
		}
	})
}

// deployment is some nodes that share a Redis, and what the test knows of them.
type deployment struct {
	ctx       context.Context
	client    redis.UniversalClient // of the test, which nothing is in the way of
	clock     *clock
	nodes     []*testNode
	ghosts    []*testNode     // processes that were taken for dead when others of their names started
	open      []string        // sessions
	everybody []string        // those that were closed or have expired too
	pruned    map[string]bool // sessions of which images were deleted: what had ended is told as cancelled once more
	refuses   bool            // Redis takes no writes
	line      []string        // as it was after the last step
	memory    *memory

	rolledBack bool
}

// testNode is a node, its link to Redis, its workers and what they run.
type testNode struct {
	*Service
	config  Config
	link    *link
	silent  bool   // it has not renewed its lease since its link was cut
	down    []bool // workers
	running []work
}

// link is a connection that may be cut, or lose what Redis replies.
type link struct{ cut, deaf bool }

func (l *link) broken() bool { return l.cut || l.deaf }

var errCut = &net.OpError{Op: "dial", Err: errors.New("the network is down")}

func (l *link) DialHook(next redis.DialHook) redis.DialHook { return next }
func (l *link) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if l.cut {
			cmd.SetErr(errCut)
			return errCut
		}
		err := next(ctx, cmd)
		if l.deaf {
			cmd.SetErr(errCut)
			return errCut
		}
		return err
	}
}
func (l *link) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func newDeployment(ctx context.Context, r *rapid.T, client redis.UniversalClient) *deployment {
	w := &deployment{ctx: ctx, client: client, clock: newClock(), pruned: make(map[string]bool)}
	slots := rapid.IntRange(1, 2).Draw(r, "slots")
	limit := rapid.IntRange(1, 3).Draw(r, "batch")
	borrow := rapid.Bool().Draw(r, "borrow")
	for i := range rapid.IntRange(1, 3).Draw(r, "nodes") {
		n := &testNode{link: &link{}, down: make([]bool, slots)}
		own := redis.NewClient(client.(*redis.Client).Options())
		r.Cleanup(func() { must(r, own.Close()) })
		own.AddHook(n.link)
		n.config = testConfig(own)
		n.config.Node, n.config.Slots, n.config.Now = fmt.Sprint("node", i), slots, w.clock.Now
		n.config.SessionTTL = 10 * time.Minute
		n.config.BatchSize = func(string) int { return limit }
		n.config.Borrow = func() bool { return borrow }
		n.config.Open = func(slot int) bool { return !n.down[slot] }
		w.nodes = append(w.nodes, n)
		w.boot(r, n)
	}
	return w
}

// boot starts the process of a node, and what ran in one before is lost.
func (w *deployment) boot(t *rapid.T, n *testNode) {
	s, err := New(n.config)
	must(t, err)
	n.Service, n.running = s, nil
	must(t, s.agree(w.ctx))
	must(t, s.join(w.ctx, true))
}

// call makes one call on a node, and reports whether it was done. It may fail while its link is cut or Redis refuses, and then has
// changed nothing.
func (w *deployment) call(t *rapid.T, n *testNode, call func() error) bool {
	err := call()
	if err == nil {
		return true
	}
	if w.rolledBack && errors.Is(err, ErrNameTaken) {
		return false // until the lease of a process of the same name has expired, whose end Redis has forgotten
	}
	if !(n.link.broken() || w.refuses) || !errors.Is(err, ErrUnavailable) {
		t.Fatalf("%s: %v", n.config.Node, err)
	}
	return false
}

func (w *deployment) node(t *rapid.T) *testNode {
	return w.nodes[rapid.IntRange(0, len(w.nodes)-1).Draw(t, "node")]
}

func (w *deployment) someone(t *rapid.T) string {
	if len(w.open) == 0 {
		t.Skip("no session is open")
	}
	return rapid.SampledFrom(w.open).Draw(t, "session")
}

func (w *deployment) create(t *rapid.T) {
	n := w.node(t)
	if n.link.deaf {
		t.Skip("nobody would know of the session")
	}
	w.call(t, n, func() error {
		session, _, err := n.Create(w.ctx, "Ada")
		if err == nil {
			w.open, w.everybody = append(w.open, session.ID), append(w.everybody, session.ID)
		}
		return err
	})
	w.check(t)
}

func (w *deployment) submit(t *rapid.T) {
	n, id := w.node(t), w.someone(t)
	if n.link.broken() {
		t.Skip("a submission insists for seconds")
	}
	jobs := newJobs(rapid.IntRange(1, 6).Draw(t, "jobs"))
	for i := range jobs {
		jobs[i].Model = rapid.SampledFrom([]string{"unet", "hrnet"}).Draw(t, "model")
	}
	w.call(t, n, func() error {
		_, err := n.Submit(w.ctx, id, "", jobs)
		return err
	})
	w.check(t)
}

func (w *deployment) claim(t *rapid.T) {
	n := w.node(t)
	w.claimFrom(t, n, rapid.IntRange(0, n.config.Slots-1).Draw(t, "slot"))
	w.check(t)
}

func (w *deployment) claimFrom(t *rapid.T, n *testNode, slot int) {
	if n.down[slot] {
		return
	}
	waited := len(w.line) > 0
	w.call(t, n, func() error {
		batch, err := n.Service.claim(w.ctx, slot)
		for _, job := range batch.Jobs {
			session := n.hand.get(claimKey{job.ID, job.Attempt}).session
			n.running = append(n.running, work{session, job, slot})
			owner := w.client.HGet(w.ctx, hashTag+":node:"+n.config.Node, fmt.Sprint("owner:", slot)).Val()
			if owner != session && (waited || !n.config.Borrow()) {
				t.Fatalf("slot %d of %s, which is %s's, runs a job of %s", slot, n.config.Node, owner, session)
			}
		}
		return err
	})
}

func (w *deployment) finish(t *rapid.T) {
	n := w.node(t)
	if len(n.running) == 0 || n.link.broken() || w.refuses {
		t.Skip("nothing runs, or a result waits until Redis is there")
	}
	i := rapid.IntRange(0, len(n.running)-1).Draw(t, "which")
	n.finishOne(w.ctx, i, rapid.SampledFrom([]error{nil, nil, nil, errBroken, gpuexec.ErrCancelled}).Draw(t, "outcome"))
	w.check(t)
}

func (n *testNode) finishOne(ctx context.Context, i int, outcome error) {
	done := n.running[i]
	n.running = slices.Delete(n.running, i, i+1)
	n.Finish(ctx, result(done.job, done.slot, outcome))
}

func (w *deployment) cancel(t *rapid.T) {
	n, id := w.node(t), w.someone(t)
	if n.link.broken() || w.refuses {
		t.Skip("a cancellation insists for seconds")
	}
	must(t, n.CancelAll(w.ctx, id))
	w.check(t)
}

func (w *deployment) close(t *rapid.T) {
	n, id := w.node(t), w.someone(t)
	if n.link.broken() || w.refuses {
		t.Skip("closing insists for seconds")
	}
	must(t, n.Close(w.ctx, id))
	w.open = slices.DeleteFunc(w.open, func(other string) bool { return other == id })
	w.check(t)
}

// pass lets time pass, through which those nodes live whose link is whole. Sessions that nobody needs expire.
func (w *deployment) pass(t *rapid.T) {
	w.live(t, rapid.SampledFrom([]time.Duration{time.Second, 6 * time.Second, 61 * time.Second, 11 * time.Minute}).Draw(t, "time"))
	w.line = nil
	w.check(t)
}

func (w *deployment) live(t *rapid.T, d time.Duration) {
	step := max(w.nodes[0].config.LeaseTTL/3, d/40) // long times are lived in longer steps, but none that is a gap
	step = min(step, w.nodes[0].config.LeaseTTL/2)
	for ; d > 0; d -= step {
		w.clock.move(min(d, step))
		for _, n := range w.nodes {
			w.tick(t, n)
		}
	}
}

func (w *deployment) tick(t *rapid.T, n *testNode) {
	spoke := w.call(t, n, func() error {
		found, err := n.tick(w.ctx)
		if err == nil {
			err = n.doChores(w.ctx, found.chores)
		}
		return err
	})
	n.silent = n.silent && !spoke
	w.open = slices.DeleteFunc(w.open, func(id string) bool {
		state := w.client.HGet(w.ctx, sessionKey(id), "state").Val()
		return state == string(Closed) || state == ""
	})
}

// crash kills a node's process, or only stops it for a while, and starts another.
func (w *deployment) crash(t *rapid.T) {
	n := w.node(t)
	if n.link.broken() || w.refuses {
		t.Skip("it cannot start")
	}
	ghost := *n
	w.ghosts = append(w.ghosts, &ghost)
	w.boot(t, n)
	w.line = nil
	w.check(t)
}

// haunt has a process go on that was taken for dead: it has no say any more, but for what it had in hand and nobody else has since.
func (w *deployment) haunt(t *rapid.T) {
	if len(w.ghosts) == 0 || w.refuses {
		t.Skip("all are dead, or a result waits until Redis is there")
	}
	n := rapid.SampledFrom(w.ghosts).Draw(t, "ghost")
	if slices.ContainsFunc(w.nodes, func(other *testNode) bool { return other.link == n.link && (other.silent || n.link.broken()) }) {
		t.Skip("nobody hears it, or nobody else has its name for sure")
	}
	if _, err := n.tick(w.ctx); !errors.Is(err, ErrNameTaken) {
		t.Fatalf("a process whose name another has ticks: %v", err)
	}
	if batch, err := n.Service.claim(w.ctx, 0); len(batch.Jobs) > 0 || err != nil {
		t.Fatalf("it claims %v, %v", batch.Jobs, err)
	}
	if len(n.running) > 0 {
		n.finishOne(w.ctx, 0, nil)
	}
	w.check(t)
}

// toggle lets a worker go down or come up.
func (w *deployment) toggle(t *rapid.T) {
	n := w.node(t)
	slot := rapid.IntRange(0, n.config.Slots-1).Draw(t, "slot")
	n.down[slot] = !n.down[slot]
	w.call(t, n, func() error { return n.SlotsChanged(w.ctx) })
	w.line = nil
	w.check(t)
}

// partition cuts a node off, or lets it come back.
func (w *deployment) partition(t *rapid.T) {
	n := w.node(t)
	n.link.cut = !n.link.cut
	w.linked(t, n)
}

// lose has the replies to a node get lost, or come again.
func (w *deployment) lose(t *rapid.T) {
	n := w.node(t)
	n.link.deaf = !n.link.deaf
	w.linked(t, n)
}

// linked is what happens when a node's link has changed.
func (w *deployment) linked(t *rapid.T, n *testNode) {
	n.silent = true
	if !n.link.broken() {
		n.mirror.forget() // as it does when it is connected again
		w.tick(t, n)
	}
	w.line = nil
	w.check(t)
}

// delete deletes an image of a session, and with it its jobs.
func (w *deployment) delete(t *rapid.T) {
	n, id := w.node(t), w.someone(t)
	if n.link.broken() || w.refuses {
		t.Skip("deleting insists for seconds")
	}
	w.pruned[id] = true
	_, err := n.ForgetImage(w.ctx, id, fmt.Sprint("image", rapid.IntRange(0, 2).Draw(t, "image")))
	must(t, err)
	w.check(t)
}

// step moves everybody's clock, without anybody living through it: nobody is closed, buried or sent off for that.
func (w *deployment) step(t *rapid.T) {
	before := w.client.ZRange(w.ctx, hashTag+":nodes", 0, -1).Val()
	open := len(w.open)
	w.clock.move(rapid.SampledFrom([]time.Duration{-48 * time.Hour, -time.Minute, time.Minute, 300 * time.Hour}).Draw(t, "step"))
	for _, n := range w.nodes {
		w.tick(t, n)
	}
	if after := w.client.ZRange(w.ctx, hashTag+":nodes", 0, -1).Val(); !w.refuses && len(after) < len(before) {
		t.Fatalf("the nodes were %v and are %v", before, after)
	}
	if len(w.open) != open {
		t.Fatalf("of %d sessions %d are left", open, len(w.open))
	}
	w.line = nil
	w.check(t)
}

// refuse lets Redis take no writes, or take them again.
func (w *deployment) refuse(t *rapid.T) {
	w.refuses = !w.refuses
	replicas := "0"
	if w.refuses {
		replicas = "1"
	}
	must(t, w.client.ConfigSet(w.ctx, "min-replicas-to-write", replicas).Err())
	w.check(t)
}

// memory is all that Redis held at a moment, and what the test knew.
type memory struct {
	keys            []string
	values          []string
	expires         []time.Duration
	open, everybody []string
}

func (w *deployment) remember(t *rapid.T) {
	m := &memory{open: slices.Clone(w.open), everybody: slices.Clone(w.everybody)}
	m.keys = w.client.Keys(w.ctx, "*").Val()
	for _, key := range m.keys {
		value, err := w.client.Dump(w.ctx, key).Result()
		must(t, err)
		m.values = append(m.values, value)
		m.expires = append(m.expires, max(0, w.client.PTTL(w.ctx, key).Val()))
	}
	w.memory = m
}

// rollBack has Redis come back as it was, as after a failover to a replica that lagged; its nodes are connected again.
func (w *deployment) rollBack(t *rapid.T) {
	m := w.memory
	if m == nil || w.refuses {
		t.Skip("there is nothing to go back to, or it cannot be written")
	}
	w.memory, w.rolledBack, w.ghosts = nil, true, nil
	must(t, w.client.FlushDB(w.ctx).Err())
	for i, key := range m.keys {
		must(t, w.client.Restore(w.ctx, key, m.expires[i], m.values[i]).Err())
	}
	w.open, w.everybody = slices.Clone(m.open), slices.Clone(m.everybody)
	for _, n := range w.nodes {
		n.mirror.forget()
		w.tick(t, n)
	}
	w.line = nil
	w.check(t)
}

// drain mends everything and lets the workers work until everybody is served, and checks that it takes no longer than the turns of
// those before.
func (w *deployment) drain(t *rapid.T) {
	if w.refuses {
		w.refuse(t)
	}
	for _, n := range w.nodes {
		clear(n.down)
		if n.link.broken() {
			n.link.cut, n.link.deaf = false, false
			n.mirror.forget()
		}
	}
	config := w.nodes[0].config
	w.live(t, 3*config.LeaseTTL) // strays are found
	w.line = nil
	w.check(t)

	slots := len(w.nodes) * config.Slots
	lived := time.Duration(0)
	most := make(map[string]time.Duration)
	for ahead, id := range w.line {
		most[id] = time.Duration(ahead/slots+1) * (config.Turn + config.ReserveGrace + 2*config.LeaseTTL)
	}
	for round := 0; ; round++ {
		for _, n := range w.nodes {
			for len(n.running) > 0 {
				n.finishOne(w.ctx, 0, nil)
			}
		}
		w.live(t, config.ReserveGrace)
		lived += config.ReserveGrace
		w.line = nil
		w.check(t)
		for id, limit := range most {
			if !slices.Contains(w.line, id) {
				delete(most, id)
			} else if lived > limit {
				t.Fatalf("%s waits for %v and should for %v", id, lived, limit)
			}
		}
		left := 0
		for _, id := range w.open {
			left += int(w.client.ZCard(w.ctx, sessionKey(id)+":queue").Val() + w.client.SCard(w.ctx, sessionKey(id)+":running").Val())
		}
		if left == 0 {
			return
		}
		if round > 500 {
			t.Fatalf("%d jobs are left and nobody runs them", left)
		}
		for _, n := range w.nodes {
			for slot := range config.Slots {
				w.claimFrom(t, n, slot)
			}
		}
	}
}

// check looks at everything that Redis holds.
func (w *deployment) check(t *rapid.T) {
	ctx, r := w.ctx, w.client
	line := r.ZRange(ctx, hashTag+":line", 0, -1).Val()
	owners := make(map[string]string) // session: "node slot"
	free := make(map[string]bool)
	inHand := make(map[string]bool) // "session job"
	lived := r.HGet(ctx, hashTag+":clock", "lived").Val()
	silent := make(map[string]bool) // their slots may be withheld already
	for _, n := range w.nodes {
		silent[n.config.Node] = n.silent
	}
	for _, leased := range r.ZRangeWithScores(ctx, hashTag+":nodes", 0, -1).Val() {
		name := leased.Member.(string)
		node := r.HGetAll(ctx, hashTag+":node:"+name).Val()
		for slot := range int(number(node["slots"])) {
			owner, at := node[fmt.Sprint("owner:", slot)], slotName(name, slot)
			if other, twice := owners[owner]; twice && owner != "" {
				t.Fatalf("%s owns %s and %s", owner, other, at)
			}
			if owner != "" {
				owners[owner] = at
			} else if node["open"][slot] == '1' && node["draining"] == "0" && leased.Score > float(lived) && !silent[name] {
				free[at] = true
			}
		}
		for _, member := range r.HKeys(ctx, hashTag+":node:"+name+":hand").Val() {
			if inHand[member] {
				t.Fatalf("%s is in hand twice", member)
			}
			inHand[member] = true
		}
	}
	offered := r.ZRange(ctx, hashTag+":free", 0, -1).Val()
	for at := range free {
		if !slices.Contains(offered, at) {
			t.Fatalf("%s is free and not among %v", at, offered)
		}
	}
	if len(line) > 0 && len(free) > 0 {
		t.Fatalf("%v wait while %v is free", line, free)
	}
	reserved, backlog := r.ZRange(ctx, hashTag+":reserved", 0, -1).Val(), r.ZRange(ctx, hashTag+":backlog", 0, -1).Val()
	waiting := 0
	for _, id := range w.open {
		s := w.checkSession(t, id, inHand)
		owns := owners[id] != ""
		waits := slices.Contains(line, id)
		if s.state == string(Active) != owns || s.state == string(Waiting) != waits || (owns && s.at != owners[id]) {
			t.Fatalf("%s is %s at %q; it owns %q, and stands in line: %t", id, s.state, s.at, owners[id], waits)
		}
		if s.queued > 0 && s.state == string(Idle) || s.queued == 0 && waits {
			t.Fatalf("%s has %d jobs queued and is %s", id, s.queued, s.state)
		}
		if owns && (slices.Contains(reserved, id) != (s.queued+s.running == 0) || slices.Contains(backlog, id) != (s.queued > 0)) {
			t.Fatalf("%s has %d and %d jobs; it is among the reserved: %t, the backlog: %t", id, s.queued, s.running,
				slices.Contains(reserved, id), slices.Contains(backlog, id))
		}
		if waits {
			waiting++
		}
		delete(owners, id)
	}
	if len(owners) > 0 || waiting != len(line) {
		t.Fatalf("who is not open owns a slot, %v, or waits: %d of %v", owners, waiting, line)
	}
	w.checkOrder(t, line)
	w.line = line
	for _, n := range w.nodes {
		if n.link.broken() {
			continue
		}
		if got := lineNow(t, n.Service); !slices.Equal(got, line) {
			t.Fatalf("%s knows the line %v, it is %v", n.config.Node, got, line)
		}
	}
}

// checkOrder checks that nobody has got a slot before somebody who was ahead of him and still waits.
func (w *deployment) checkOrder(t *rapid.T, line []string) {
	still := ""
	for _, id := range w.line {
		waits := slices.Contains(line, id)
		state := w.client.HGet(w.ctx, sessionKey(id), "state").Val()
		if waits && still == "" {
			still = id
		} else if still != "" && state == string(Active) && slices.Index(line, still) == 0 {
			t.Fatalf("%s was served before %s: the line was %v and is %v", id, still, w.line, line)
		}
	}
}

// sessionView is what Redis says of a session.
type sessionView struct {
	state, at       string
	queued, running int
}

// checkSession checks that a session's jobs are each where their state says, and its counts and its load the sum of them.
func (w *deployment) checkSession(t *rapid.T, id string, inHand map[string]bool) sessionView {
	ctx, r, key := w.ctx, w.client, sessionKey(id)
	session := r.HGetAll(ctx, key).Val()
	queue, running := r.ZRange(ctx, key+":queue", 0, -1).Val(), r.SMembers(ctx, key+":running").Val()
	asked, counts := make(load), make(map[string]int64)
	for _, jid := range r.ZRange(ctx, key+":jobs", 0, -1).Val() {
		job := r.HGetAll(ctx, key+":job:"+jid).Val()
		state := job["state"]
		counts[state]++
		if slices.Contains(queue, jid) != (state == "queued") || slices.Contains(running, jid) != (state == "running") ||
			inHand[id+" "+jid] != (state == "running") {
			t.Fatalf("job %s is %s; queued %v, running %v, in hand %t", jid, state, queue, running, inHand[id+" "+jid])
		}
		if state == "queued" || state == "running" {
			l := asked[job["model"]]
			asked[job["model"]] = [2]float64{l[0] + 1, l[1] + float(job["width"])*float(job["height"])}
		}
	}
	for _, state := range []string{"done", "failed", "cancelled"} {
		if counts[state] != number(session[state]) {
			t.Fatalf("%d jobs of %s are %s, it says %s", counts[state], id, state, session[state])
		}
	}
	kept := make(load)
	for field, value := range r.HGetAll(ctx, key+":load").Val() {
		what, model, _ := strings.Cut(field, " ")
		l := kept[model]
		l[map[string]int{"jobs": 0, "pixels": 1}[what]] = float(value)
		kept[model] = l
	}
	if fmt.Sprint(kept) != fmt.Sprint(asked) {
		t.Fatalf("%s asks for %v, and is taken to ask for %v", id, asked, kept)
	}
	w.checkBoard(t, id, session, asked)
	return sessionView{state: session["state"], at: strings.TrimSpace(session["node"] + " " + session["slot"]), queued: len(queue), running: len(running)}
}

// checkBoard checks what the board tells of a session that waits.
func (w *deployment) checkBoard(t *rapid.T, id string, session map[string]string, asked load) {
	posted := w.client.HGet(w.ctx, hashTag+":board", "wait "+id).Val()
	if (posted != "") != (session["state"] == string(Waiting)) {
		t.Fatalf("%s is %s, and posted is %q", id, session["state"], posted)
	}
	if posted == "" {
		return
	}
	var s standing
	must(t, json.Unmarshal([]byte(posted), &s))
	if s.Ticket != float(session["ticket"]) || len(s.Load) != len(asked) {
		t.Fatalf("%s has the ticket %s and asks for %v, posted is %s", id, session["ticket"], asked, posted)
	}
}
