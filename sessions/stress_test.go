package sessions

import (
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"seghub/gpuexec"
)

// TestTwoNodesShareOneLine has nine people keep two nodes of two slots busy for short turns, and one of the nodes
// leave in the middle: everybody's jobs are done, each once, and every log tells its whole story.
func TestTwoNodesShareOneLine(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		const people, each = 9, 12
		config := testConfig(client)
		config.Slots, config.Borrow = 2, always
		config.Turn, config.ReserveGrace = 50*time.Millisecond, 20*time.Millisecond
		config.BatchSize = func(string) int { return 2 }
		half := make(chan struct{}, people*each)

		var nodes []*Service
		var crews []*workers
		for i := range 2 {
			config.Node = fmt.Sprint("node", i)
			node := started(t, config, nobody{})
			nodes = append(nodes, node)
			crews = append(crews, startWorkers(t, node, func(gpuexec.Job) { half <- struct{}{} }))
		}
		var ids []string
		boxes := make(map[string]*mailbox)
		for i := range people {
			id := create(t, nodes[i%2])
			ids = append(ids, id)
			boxes[id] = newMailbox()
			sub, err := nodes[(i+1)%2].Subscribe(t.Context(), id, nil, boxes[id].deliver)
			must(t, err)
			defer sub.Close()
		}
		for _, id := range ids {
			submit(t, nodes[0], id, each)
		}
		for range people * each / 2 {
			receive(t, "half of the work", half)
		}
		for _, node := range nodes {
			stats, err := node.Stats(t.Context())
			must(t, err)
			if len(stats.Slots) != 2 {
				t.Errorf("stats are %+v", stats)
			}
		}
		// The second node goes down as gpuexec and sessions do it: its workers finish, then its lease is given back.
		nodes[1].StopAdmission()
		crews[1].stop()
		nodes[1].Stop(t.Context())

		legal := readTransitions(t)
		for _, id := range ids {
			eventually(t, "everything done", func() bool { return get(t, nodes[0], id).Jobs == Counts{Done: each} })
			checkLog(t, nodes[0], id, legal)
			jobs, err := nodes[0].Jobs(t.Context(), id, JobQuery{Limit: 100})
			must(t, err)
			for _, job := range jobs.Jobs {
				if n := config.Files.(*files).stored(id, job.ID); n != 1 {
					t.Errorf("job %s was stored %d times", job.ID, n)
				}
			}
		}
		// Listeners on the node that stayed heard each event once and in order.
		for i, id := range ids {
			if (i+1)%2 != 0 {
				continue
			}
			last := get(t, nodes[0], id).Seq
			all := kept(boxes[id].await(t, "the last event", func(all []Message) bool {
				k := kept(all)
				return len(k) > 0 && k[len(k)-1].Seq >= last
			}))
			for j, m := range all {
				if m.Seq != all[0].Seq+int64(j) {
					t.Fatalf("%s heard %v", id, seqs(all))
				}
			}
		}
	})
}
