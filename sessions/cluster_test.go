package sessions

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"seghub/api/porttest"
	"seghub/gpuexec"
	"seghub/sessions/redisserver"
)

// redisProcess runs a redis-server with these arguments in a folder of its own until the test ends, and gives its address.
func redisProcess(t *testing.T, args ...string) string {
	t.Helper()
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("left out: redis-server is not on PATH")
	}
	address, err := porttest.Free()
	must(t, err)
	_, port, _ := net.SplitHostPort(address)
	args = append(args, "--port", port, "--bind", "127.0.0.1", "--dir", t.TempDir(), "--save", "", "--loglevel", "warning")
	server := exec.Command(binary, args...)
	must(t, server.Start())
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait() // "signal: killed"
	})
	client := dialTest(t, address)
	eventually(t, "a redis-server that answers", func() bool { return client.Ping(t.Context()).Err() == nil })
	return address
}

func dialTest(t *testing.T, address string) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: address, MaxRetries: -1})
	t.Cleanup(func() { must(t, client.Close()) })
	return client
}

// openURL gives a client of the Redis that a URL names, as the hub makes it.
func openURL(t *testing.T, url string) redis.UniversalClient {
	t.Helper()
	client, _, stop, err := redisserver.Open(t.Context(), url, t.TempDir(), 0, slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(func() { must(t, stop()) })
	return client
}

// TestARedisCluster does everything that a hub does, from a session's beginning to its end, on a cluster of one node: it refuses
// a script that reaches for a key of another slot.
func TestARedisCluster(t *testing.T) {
	address := redisProcess(t, "--cluster-enabled", "yes")
	node := dialTest(t, address)
	must(t, node.Do(t.Context(), "CLUSTER", "ADDSLOTSRANGE", 0, 16383).Err())
	eventually(t, "a cluster that is well", func() bool {
		return strings.Contains(node.ClusterInfo(t.Context()).Val(), "cluster_state:ok")
	})
	config := testConfig(openURL(t, "redis+cluster://"+address))
	config.Borrow = always
	s := started(t, config, nobody{})
	workers := startWorkers(t, s, func(gpuexec.Job) {})
	defer workers.stop()
	ada, ben := create(t, s), create(t, s)
	box := newMailbox()
	sub, err := s.Subscribe(t.Context(), ben, nil, box.deliver)
	must(t, err)
	defer sub.Close()
	submit(t, s, ada, 3)
	submit(t, s, ben, 3)
	must(t, s.CancelAll(t.Context(), ada))
	eventually(t, "ben's jobs done", func() bool { return get(t, s, ben).Jobs.Done == 3 })
	box.await(t, "the last mask", func(all []Message) bool {
		masks := 0
		for _, m := range all {
			if m.Type == "mask" {
				masks++
			}
		}
		return masks == 3
	})
	if stats, err := s.Stats(t.Context()); err != nil || len(stats.Nodes) != 1 {
		t.Errorf("stats %+v, %v", stats, err)
	}
	must(t, s.Ready(t.Context()))
	checkLog(t, s, ben, readTransitions(t))
	must(t, s.Close(t.Context(), ben))
	workers.stop()
	s.Stop(context.WithoutCancel(t.Context()))
}

// TestRedisSentinel has a sentinel make a replica the master while a hub works: it goes on, and who listens begins anew.
func TestRedisSentinel(t *testing.T) {
	master := redisProcess(t, "--repl-diskless-sync-delay", "0")
	_, port, _ := net.SplitHostPort(master)
	replica := redisProcess(t, "--replicaof", "127.0.0.1 "+port)
	file := filepath.Join(t.TempDir(), "sentinel.conf")
	must(t, os.WriteFile(file, fmt.Appendf(nil, "sentinel monitor lab 127.0.0.1 %s 1\nsentinel failover-timeout lab 20000\n", port), 0o600))
	sentinel := redisProcess(t, file, "--sentinel")
	asked := dialTest(t, sentinel)
	second := dialTest(t, replica)
	// A sentinel that had to wait for two seconds on a slow machine trusts nobody for half a minute, and begins no failover. One before Redis 7
	// cannot be told otherwise.
	_ = asked.Do(t.Context(), "SENTINEL", "DEBUG", "tilt-trigger", patience.Milliseconds()).Err()
	eventually(t, "a replica that has everything, and a sentinel that knows it", func() bool {
		return strings.Contains(second.Info(t.Context(), "replication").Val(), "master_link_status:up") &&
			strings.Contains(asked.Info(t.Context(), "sentinel").Val(), "slaves=1")
	})

	s := started(t, testConfig(openURL(t, "redis+sentinel://"+sentinel+"?master_name=lab")), nobody{})
	ada := create(t, s)
	box := newMailbox()
	sub, err := s.Subscribe(t.Context(), ada, nil, box.deliver)
	must(t, err)
	defer sub.Close()
	workers := startWorkers(t, s, func(gpuexec.Job) {})
	defer workers.stop()
	submit(t, s, ada, 2)
	eventually(t, "two jobs done", func() bool { return get(t, s, ada).Jobs.Done == 2 })
	// A replica that has just come is sent nothing more before it has said that it is there, up to a second later.
	written := dialTest(t, master).XLen(t.Context(), sessionKey(ada)+":log").Val()
	eventually(t, "all that is written on the replica", func() bool {
		return second.XLen(t.Context(), sessionKey(ada)+":log").Val() == written
	})

	eventually(t, "another master", func() bool {
		if strings.Contains(second.Info(t.Context(), "replication").Val(), "role:master") {
			return true
		}
		// Refused while one is under way, which the sentinel gives up where it has heard nothing of the replica for seconds.
		_ = asked.Do(t.Context(), "SENTINEL", "FAILOVER", "lab").Err()
		return false
	})
	box.await(t, "what there is on the other master", func(all []Message) bool {
		_, anew := shown(t, all)
		return anew > 0
	})
	var fresh string
	eventually(t, "a submission to it", func() bool {
		jobs, err := s.Submit(t.Context(), ada, "", newJobs(1))
		if err == nil {
			fresh = jobs[0].ID
		}
		return err == nil
	})
	box.await(t, "a job done there", func(all []Message) bool {
		jobs, _ := shown(t, all)
		return jobs[fresh] == JobDone
	})
	workers.stop()
	s.Stop(context.WithoutCancel(t.Context()))
}
