package sessions

import (
	"errors"
	"testing"

	"github.com/redis/go-redis/v9"
)

// TestHubsThatShareARedisMustAgree starts hubs of other storages and versions on a Redis that is in use, and on one that nobody needs.
func TestHubsThatShareARedisMustAgree(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		config := testConfig(client)
		config.Storage = "shelf"
		one := started(t, config, nobody{})
		ada := create(t, one)
		start := func(storage string) error {
			other := config
			other.Node, other.Storage = "two", storage
			two := newService(t, other)
			defer two.Stop(t.Context())
			return two.Start(t.Context(), nobody{})
		}
		for storage, want := range map[string]error{"shelf": nil, "": nil, "box": ErrOtherStorage} {
			if err := start(storage); !errors.Is(err, want) {
				t.Errorf("storage %q: %v, want %v", storage, err, want)
			}
		}
		version := hashTag + ":version"
		must(t, client.Set(t.Context(), version, keysVersion+1, 0).Err())
		if err := start("shelf"); !errors.Is(err, ErrOtherVersion) {
			t.Errorf("keys of another version: %v", err)
		}
		must(t, client.Del(t.Context(), version).Err())
		if err := start("shelf"); !errors.Is(err, ErrOtherVersion) {
			t.Errorf("keys of the first version: %v", err)
		}
		must(t, client.Set(t.Context(), version, keysVersion, 0).Err())
		must(t, one.Close(t.Context(), ada))
		one.Stop(t.Context())
		if err := start("box"); err != nil {
			t.Errorf("nobody's session is in the other storage any more: %v", err)
		}
		must(t, client.Del(t.Context(), version, hashTag+":nodes").Err())
		must(t, client.SAdd(t.Context(), hashTag+":nodes", "old").Err()) // as the first version wrote it
		if err := start("box"); err != nil {
			t.Errorf("the first version has left nobody behind: %v", err)
		}
	})
}

// TestASessionOfARedisThatLostEverythingIsNoOtherVersions has somebody come back before the hub has noticed that Redis was emptied.
func TestASessionOfARedisThatLostEverythingIsNoOtherVersions(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		config := testConfig(client)
		config.Storage = "shelf"
		one := newService(t, config)
		must(t, one.agree(t.Context()))
		must(t, one.join(t.Context(), true))
		must(t, client.FlushAll(t.Context()).Err())
		create(t, one)
		must(t, one.rejoin(t.Context()))

		config.Node, config.Storage = "two", "box"
		if err := newService(t, config).agree(t.Context()); !errors.Is(err, ErrOtherStorage) {
			t.Errorf("a hub with another storage: %v", err)
		}
	})
}
