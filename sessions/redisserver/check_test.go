package redisserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// nothing is all that must go well.
func nothing(context.Context, redis.UniversalClient) error { return nil }

// serve runs a redis-server as a child and gives its client and a URL by which it is an external one.
func serve(t *testing.T) (client redis.UniversalClient, url string) {
	t.Helper()
	client, _, _ = open(t, "auto", t.TempDir(), discard)
	return client, "unix://" + client.(*redis.Client).Options().Addr
}

func TestCheckOfAnExternalServer(t *testing.T) {
	needRedis(t)
	client, url := serve(t)
	state, err := Check(t.Context(), url, t.TempDir(), nothing, discard)
	if err != nil {
		t.Fatal(err)
	}
	if state.Kind != External || !strings.Contains(url, state.Where) || state.Version == "" || state.Eviction != "noeviction" || !state.AppendOnly {
		t.Errorf("%+v", state)
	}
	if keys := client.DBSize(t.Context()).Val(); keys != 0 {
		t.Errorf("%d keys are left", keys)
	}

	for name, value := range map[string]string{"maxmemory-policy": "allkeys-lru", "appendonly": "no"} {
		if err := client.ConfigSet(t.Context(), name, value).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if state, err = Check(t.Context(), url, t.TempDir(), nothing, discard); err != nil || state.Eviction != "allkeys-lru" || state.AppendOnly {
		t.Errorf("%+v, %v", state, err)
	}
}

func TestCheckOfAServerThatTakesNoWrites(t *testing.T) {
	needRedis(t)
	client, url := serve(t)
	// More than it has already, and nothing may be evicted.
	if err := client.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	state, err := Check(t.Context(), url, t.TempDir(), nothing, discard)
	if err == nil || !strings.Contains(err.Error(), "takes no writes") || state.Version == "" {
		t.Errorf("%+v, %v", state, err)
	}
}

func TestCheckTriesWhatItIsTold(t *testing.T) {
	needRedis(t)
	_, url := serve(t)
	wrong := errors.New("wrong")
	try := func(ctx context.Context, client redis.UniversalClient) error {
		return errors.Join(wrong, client.Ping(ctx).Err())
	}
	if state, err := Check(t.Context(), url, t.TempDir(), try, discard); err == nil || err.Error() != "wrong" || state.Version == "" {
		t.Errorf("%+v, %v", state, err)
	}
}

func TestCheckOfNobody(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	state, err := Check(ctx, "redis://:secret@"+listener.Addr().String(), t.TempDir(), nothing, discard)
	if err == nil || state.Kind != External || strings.Contains(err.Error()+state.Where, "secret") {
		t.Errorf("%+v, %v", state, err)
	}
}

// A child is tried beside the data, which stays as it is.
func TestCheckOfAChild(t *testing.T) {
	needRedis(t)
	data := filepath.Join(t.TempDir(), "data")
	state, err := Check(t.Context(), "auto", data, nothing, discard)
	if err != nil || state.Kind != Child || state.InUse || state.Version == "" || state.Eviction != "noeviction" || !state.AppendOnly {
		t.Errorf("%+v, %v", state, err)
	}
	if _, err := os.Stat(data); !os.IsNotExist(err) {
		t.Errorf("the data folder: %v", err)
	}

	client, _, _ := open(t, "auto", data, discard)
	pid := process(t, client)
	if state, err = Check(t.Context(), "auto", data, nothing, discard); err != nil || !state.InUse || state.Version == "" {
		t.Errorf("while a hub runs: %+v, %v", state, err)
	}
	if process(t, client) != pid {
		t.Error("the hub's server was started again")
	}
}

// TestCheckOfFilesThatCannotBeLoaded damages what a hub has kept. Whole or not, it stays as it is.
func TestCheckOfFilesThatCannotBeLoaded(t *testing.T) {
	needRedis(t)
	data := t.TempDir()
	client, _, stop := open(t, "auto", data, discard)
	if err := client.Set(t.Context(), "kept", strings.Repeat("x", 1000), 0).Err(); err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	logs, err := filepath.Glob(filepath.Join(data, "redis", "appendonlydir", "*.incr.aof"))
	if err != nil || len(logs) != 1 {
		t.Fatal(logs, err)
	}
	kept := func(ctx context.Context, client redis.UniversalClient) error {
		length, err := client.Append(ctx, "kept", "y").Result()
		if err == nil && length != 1001 {
			err = fmt.Errorf("it has loaded %d bytes", length-1)
		}
		return err
	}
	check := func() error {
		before, err := os.ReadFile(logs[0])
		if err != nil {
			t.Fatal(err)
		}
		_, wrong := Check(t.Context(), "auto", data, kept, discard)
		if after, err := os.ReadFile(logs[0]); err != nil || !bytes.Equal(after, before) {
			t.Errorf("the files are others: %v", err)
		}
		return wrong
	}
	if err := check(); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(logs[0], []byte("*9\r\n$3\r\nno log of Redis\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := check(); err == nil {
		t.Error("what cannot be loaded is well")
	}
}

func TestCheckOfAChildThatCannotStart(t *testing.T) {
	t.Setenv("REDIS_URL", "")
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "redis-server"), []byte("#!/bin/sh\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":/bin:/usr/bin")
	if state, err := Check(t.Context(), "auto", t.TempDir(), nothing, discard); err == nil || state.Kind != Child {
		t.Errorf("%+v, %v", state, err)
	}
}

func TestCheckOfTheEmbeddedOne(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("REDIS_URL", "")
	for _, how := range []string{"auto", "embedded"} {
		if state, err := Check(t.Context(), how, t.TempDir(), nothing, discard); err != nil || state != (State{Kind: Embedded}) {
			t.Errorf("%s: %+v, %v", how, state, err)
		}
	}
}
