package sessions

import (
	"fmt"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"
)

// crowd is a deployment with so many nodes of four slots, each held by a session with work, and so many sessions in line.
type crowd struct {
	s     *Service // one of the nodes
	nodes []*Service
	owner string // of the slot 0 of s
	many  []string
}

func newCrowd(t testing.TB, nodes, waiting int) *crowd {
	t.Helper()
	config := testConfig(openRedis(t, "auto"))
	config.Turn, config.LeaseTTL, config.SessionTTL = time.Hour, time.Hour, 1000*time.Hour
	c := new(crowd)
	for i := range nodes {
		config.Node = fmt.Sprint("node", i)
		node := newService(t, config)
		must(t, node.join(t.Context(), true))
		c.nodes = append(c.nodes, node)
	}
	c.s = c.nodes[0]
	for range nodes * config.Slots {
		submit(t, c.s, create(t, c.s), 3)
	}
	stats, err := c.s.Stats(t.Context())
	must(t, err)
	c.owner = stats.Slots[0].Session
	submit(t, c.s, c.owner, 500)

	var hands sync.WaitGroup
	ids := make(chan string, waiting)
	for i := range 8 {
		hands.Go(func() {
			for range (waiting + i) / 8 {
				id := create(t, c.s)
				submit(t, c.s, id, 1)
				ids <- id
			}
		})
	}
	hands.Wait()
	close(ids)
	for id := range ids {
		c.many = append(c.many, id)
	}
	return c
}

// scriptCosts runs each script that people, workers and time call, n times, and gives what spent says that one call cost, in the
// order of names. The crowd is as large afterwards as before.
func (c *crowd) scriptCosts(t testing.TB, n int, spent func(calls func()) float64) (names []string, cost map[string]float64) {
	t.Helper()
	cost = make(map[string]float64)
	s := c.s
	run := func(sc script, args ...any) []any {
		t.Helper()
		reply, err := s.run(t.Context(), sc, args...)
		must(t, err)
		return list(reply)
	}
	measure := func(name string, call func(i int)) {
		t.Helper()
		names = append(names, name)
		cost[name] = spent(func() {
			for i := range n {
				call(i)
			}
		}) / float64(n)
	}
	id, job, token := make([]string, n), make([]string, n), make([]string, n)
	for i := range n {
		id[i], job[i], token[i] = newID(), newID(), newID()
	}
	ask := func(i int) []any { return []any{id[i], 10, "", job[i], "unet", "image", 64, 48, "{}"} }

	measure("create", func(i int) { run(createScript, id[i], "Ada", token[i], keysVersion, "shelf") })
	measure("authenticate", func(i int) { run(authenticateScript, token[i]) })
	measure("submit: into the line", func(i int) { run(submitScript, ask(i)...) })
	measure("get", func(i int) { run(getScript, id[i]) })
	measure("open", func(i int) { run(openScript, id[i], "", "", snapshotJobs) })
	measure("events", func(i int) { run(eventsScript, readChunk, id[i], 0) })
	measure("seen: 100 sessions", func(int) {
		hundred := make([]any, 100)
		for i := range hundred {
			hundred[i] = c.many[i%len(c.many)]
		}
		run(seenScript, hundred...)
	})
	newest := number(run(lineScript, 0, 0)[0])
	measure("line: nothing new", func(int) { run(lineScript, newest, changesAtOnce) })
	measure("cancel: out of the line", func(i int) { run(cancelScript, id[i], job[i]) })
	measure("close", func(i int) { run(closeScript, id[i], 0, 10, newID()) })
	measure("sweep", func(i int) { run(sweepScript, id[i], sweepChunk) })
	measure("swept", func(i int) { run(sweptScript, id[i]) })
	claimed := make([]string, n)
	measure("claim", func(i int) {
		reply := run(claimScript, 0, newID(), "unet", 1, batchPixels, 0)
		claimed[i] = text(list(reply[2])[0])
	})
	measure("progress", func(i int) { run(progressScript, c.owner, claimed[i], 1, "infer", 50, "{}") })
	measure("finish", func(i int) { run(finishScript, c.owner, claimed[i], 1, "done", "", 1, 1, 1, 3, 5) })
	measure("submit: to a slot", func(int) { run(submitScript, c.owner, 10_000, "", newID(), "unet", "image", 64, 48, "{}") })
	measure("renew", func(int) { run(renewScript, 0, "1111", "unet") })
	measure("turns", func(int) { run(turnsScript, time.Hour.Milliseconds()) })
	measure("bury: nobody", func(int) { run(buryScript, "{}") })
	measure("hand", func(int) { run(handScript) })
	measure("overdue", func(int) { run(overdueScript) })
	for i := range n { // whoever holds another slot of the node goes, the head of the line gets it, and somebody joins
		stats, err := s.Stats(t.Context())
		must(t, err)
		id[i] = stats.Slots[1].Session
		if i == 0 {
			names = append(names, "close: a slot goes on")
		}
		cost["close: a slot goes on"] += spent(func() { run(closeScript, id[i], 0, 10, newID()) }) / float64(n)
		submit(t, s, create(t, s), 1)
	}
	return names, cost
}

// commands counts what Redis has done, inside scripts too; busy is how many microseconds of it scripts took.
func (c *crowd) commands(t testing.TB) (calls, busy float64) {
	t.Helper()
	stats, err := c.s.redis.Info(t.Context(), "commandstats").Result()
	must(t, err)
	for _, m := range regexp.MustCompile(`cmdstat_(\S+?):calls=(\d+),usec=(\d+)`).FindAllStringSubmatch(stats, -1) {
		switch n, _ := strconv.ParseFloat(m[2], 64); m[1] {
		case "info", "evalsha", "eval": // info is this
			if m[1] == "evalsha" {
				took, _ := strconv.ParseFloat(m[3], 64)
				busy += took
			}
		default:
			calls += n
		}
	}
	return calls, busy
}

// TestScriptsAreFlat counts the commands that each script gives Redis: as many for one node and few in line as for many.
func TestScriptsAreFlat(t *testing.T) {
	small, large := newCrowd(t, 1, 12), newCrowd(t, 6, 120)
	count := func(c *crowd) (names []string, cost map[string]float64) {
		return c.scriptCosts(t, 3, func(calls func()) float64 {
			before, _ := c.commands(t)
			calls()
			after, _ := c.commands(t)
			return after - before
		})
	}
	_, few := count(small)
	names, many := count(large)
	for _, name := range names {
		if few[name] != many[name] || few[name] == 0 {
			t.Errorf("%s: %v commands with few, %v with many", name, few[name], many[name])
		}
	}
}
