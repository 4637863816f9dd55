package sessions

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// TestAUserWhoMayNotDoAllIsRefused takes one right after the other from the user that a hub is in Redis.
func TestAUserWhoMayNotDoAllIsRefused(t *testing.T) {
	client := openRedis(t, "auto")
	start := func(rules ...any) error {
		must(t, client.Do(t.Context(), append([]any{"ACL", "SETUSER", "hub", "reset", "on", ">word", "~{seghub}:*", "~{seghub}", "&{seghub}:*", "+@all"}, rules...)...).Err())
		options := *client.(*redis.Client).Options()
		options.Username, options.Password = "hub", "word"
		restricted := redis.NewClient(&options)
		defer restricted.Close()
		s := newService(t, testConfig(restricted))
		defer s.Stop(t.Context())
		return s.Start(t.Context(), nobody{})
	}
	if err := start(); err != nil {
		t.Errorf("with all rights: %v", err)
	}
	for _, command := range []string{"xadd", "spop", "info", "hscan", "subscribe"} {
		if err := start("-" + command); !errors.Is(err, ErrRights) || !strings.HasSuffix(err.Error(), ": "+strings.ToUpper(command)) {
			t.Errorf("without %s: %v", command, err)
		}
	}
	if err := start("-@dangerous"); !errors.Is(err, ErrRights) {
		t.Errorf("without what Redis calls dangerous: %v", err)
	}
}

// TestACommandThatRedisDoesNotKnow is one that its operator has renamed, here one that never was.
func TestACommandThatRedisDoesNotKnow(t *testing.T) {
	client, before := openRedis(t, "auto"), commands
	defer func() { commands = before }()
	commands = append(slices.Clip(before), "RENAMED")
	if err := CheckRights(t.Context(), client); !errors.Is(err, ErrRights) || !strings.HasSuffix(err.Error(), ": RENAMED") {
		t.Error(err)
	}
}
