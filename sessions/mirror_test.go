package sessions

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// secondNode joins another node with the clock of the first.
func secondNode(t testing.TB, first *Service, name string) *Service {
	t.Helper()
	config := first.config
	config.Node = name
	s := newService(t, config)
	must(t, s.join(t.Context(), true))
	return s
}

// TestTheMirrorIsTheLine holds what each node knows of the line to what Redis says, after changes that it heard one by one, after
// more than the log keeps, and after it was told to forget.
func TestTheMirrorIsTheLine(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		config := testConfig(client)
		config.Slots = 1
		one, clock := joined(t, config)
		two := secondNode(t, one, "two")
		check := func(when string) {
			t.Helper()
			want := client.ZRange(t.Context(), hashTag+":line", 0, -1).Val()
			for _, node := range []*Service{one, two} {
				if got := lineNow(t, node); !slices.Equal(got, want) {
					t.Fatalf("%s: %s knows the line %v, it is %v", when, node.config.Node, got, want)
				}
				stats, err := node.Stats(t.Context())
				must(t, err)
				for _, slot := range stats.Slots {
					owner := client.HGet(t.Context(), hashTag+":node:"+node.config.Node, fmt.Sprint("owner:", slot.Slot)).Val()
					if slot.Session != owner {
						t.Fatalf("%s: slot %d of %s has the owner %q, it is told %q", when, slot.Slot, node.config.Node, owner, slot.Session)
					}
				}
			}
		}
		var ids []string
		for i := range 12 {
			ids = append(ids, create(t, one))
			submit(t, two, ids[i], 1)
			check("while people come")
		}
		must(t, one.CancelAll(t.Context(), ids[5]))
		must(t, one.Close(t.Context(), ids[8]))
		clock.live(t, config.Turn, one, two)
		check("while people go")

		must(t, client.XTrimMaxLen(t.Context(), hashTag+":board:log", 1).Err())
		submit(t, one, create(t, one), 1)
		must(t, one.Close(t.Context(), ids[9]))
		must(t, client.XTrimMaxLen(t.Context(), hashTag+":board:log", 1).Err())
		check("after changes that are not kept")

		must(t, two.leave(t.Context(), ""))
		check("when a node has left")
		if stats, err := one.Stats(t.Context()); err != nil || len(stats.Nodes) != 1 || stats.Nodes[0] != (NodeStat{Node: "one", Slots: 1, Open: 1, Active: 1}) {
			t.Errorf("the nodes are %+v, %v", stats.Nodes, err)
		}
		must(t, client.FlushAll(t.Context()).Err())
		_, err := one.renew(t.Context())
		must(t, err)
		check("when Redis has lost everything")
	})
}

// TestHelpFromAnotherNode has the workers of a node that nobody is on help, each woken by the one before it, until somebody waits.
func TestHelpFromAnotherNode(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		config := testConfig(client)
		config.Slots, config.Borrow = 1, always
		config.BatchSize = func(string) int { return 2 }
		one, clock := joined(t, config)
		two, three := secondNode(t, one, "two"), secondNode(t, one, "three")
		ada := create(t, one)
		for _, node := range []*Service{two, three} {
			if got := claimNow(t, node, 0); len(got.Jobs) > 0 {
				t.Fatalf("%s was given %v of nothing", node.config.Node, got)
			}
		}
		calls := client.Subscribe(t.Context(), workChannel+"one", workChannel+"two", workChannel+"three")
		defer calls.Close()
		_, err := calls.Receive(t.Context())
		must(t, err)
		heard := calls.Channel()
		woken := func() string {
			t.Helper()
			return receive(t, "a wake", heard).Channel[len(workChannel):]
		}

		jobs := submit(t, one, ada, 8)
		both := []string{woken(), woken()}
		slices.Sort(both)
		if both[0] != "one" || both[1] == "one" {
			t.Fatalf("woken are %v, want the owner's node and one that helps", both)
		}
		byName := map[string]*Service{"two": two, "three": three}
		first := byName[both[1]]
		help := claimNow(t, first, 0)
		if len(help.Jobs) != 2 || help.Jobs[0].ID != jobs[0] {
			t.Fatalf("help took %+v", help)
		}
		other := woken()
		if other == "one" || other == both[1] {
			t.Fatalf("help has woken %s", other)
		}
		if got := claimNow(t, byName[other], 0); len(got.Jobs) != 2 {
			t.Fatalf("the next took %+v", got)
		}
		finishAll(t, first, 0, help, nil)
		if got := get(t, one, ada).Jobs; got != (Counts{Queued: 4, Running: 2, Done: 2}) {
			t.Errorf("ada has %+v", got)
		}
		for range 3 { // the last is one more than there are slots
			submit(t, two, create(t, two), 1)
		}
		if got := claimNow(t, first, 0); len(got.Jobs) != 1 {
			t.Errorf("its own session's batch is %+v", got)
		}
		clock.live(t, time.Second, one, two, three)
		if got := claimNow(t, first, 0); len(got.Jobs) > 0 {
			t.Errorf("help took %+v while somebody waits", got)
		}
	})
}
