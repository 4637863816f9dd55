package sessions

import (
	"testing"

	"github.com/redis/go-redis/v9"
)

func TestCountOfOpenSessions(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		s, _ := joined(t, testConfig(client))
		first := create(t, s)
		create(t, s)
		must(t, s.Close(t.Context(), first))
		if n, err := s.Count(t.Context()); err != nil || n != 1 {
			t.Errorf("%d sessions, %v", n, err)
		}
	})
}

func TestStateIDIsOneUntilAllIsLost(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		config := testConfig(client)
		one := newService(t, config)
		config.Node = "two"
		two := newService(t, config)
		id := func(s *Service) string {
			id, err := s.StateID(t.Context())
			must(t, err)
			return id
		}
		first := id(one)
		if first == "" || id(two) != first {
			t.Errorf("%q and %q", first, id(two))
		}
		must(t, client.FlushAll(t.Context()).Err())
		if after := id(two); after == first || id(one) != after {
			t.Errorf("%q, after the loss %q and %q", first, after, id(one))
		}
	})
}
