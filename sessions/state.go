package sessions

import (
	"context"
	"crypto/rand"
	"errors"

	"github.com/redis/go-redis/v9"
)

// Count tells how many sessions are open, on all nodes.
func (s *Service) Count(ctx context.Context) (int, error) {
	n, err := s.redis.ZCard(ctx, hashTag+":seen").Result()
	if err != nil {
		return 0, unavailable(ctx, "count", err)
	}
	return int(n), nil
}

// StateID names what Redis holds, in letters and digits: the same for all nodes that share it, and another one once Redis
// has lost everything.
func (s *Service) StateID(ctx context.Context) (string, error) {
	const key = hashTag + ":state"
	id, err := s.redis.Get(ctx, key).Result()
	if errors.Is(err, redis.Nil) { // asked for first, so that a Redis that takes no writes can be asked
		if err = s.redis.SetNX(ctx, key, rand.Text(), 0).Err(); err == nil {
			id, err = s.redis.Get(ctx, key).Result()
		}
	}
	if err != nil {
		return "", unavailable(ctx, "state id", err)
	}
	return id, nil
}
