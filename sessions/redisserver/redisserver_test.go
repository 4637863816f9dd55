package redisserver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
)

// hubFolder names the data folder in the environment of a process that plays the hub which is killed.
const hubFolder = "REDISSERVER_TEST_FOLDER"

func TestMain(m *testing.M) {
	if folder := os.Getenv(hubFolder); folder != "" {
		playHub(folder)
		return
	}
	// A pool that could not dial tries again after a second, and sees only then that it was closed; so long goleak does not wait.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"))
}

// playHub opens a child in folder, writes one key, says so, and waits to be killed.
func playHub(folder string) {
	client, _, _, err := Open(context.Background(), "auto", folder, 0, slog.New(slog.DiscardHandler))
	if err == nil {
		err = client.Set(context.Background(), "written", "yes", 0).Err()
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin) // ends with the test at the latest
}

var discard = slog.New(slog.DiscardHandler)

func needRedis(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("left out: redis-server is not on PATH")
	}
	t.Setenv("REDIS_URL", "")
}

func open(t *testing.T, how, folder string, log *slog.Logger) (redis.UniversalClient, string, func() error) {
	t.Helper()
	client, kind, stop, err := Open(t.Context(), how, folder, 0, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	return client, kind, stop
}

func process(t *testing.T, client redis.UniversalClient) int {
	t.Helper()
	info := client.Info(t.Context(), "server").Val()
	_, rest, _ := strings.Cut(info, "process_id:")
	pid, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// await waits until ok.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	timeout := time.NewTimer(2 * time.Minute) // far beyond what a slow machine needs
	defer timeout.Stop()
	for !ok() {
		select {
		case <-ticker.C:
		case <-timeout.C:
			t.Fatalf("%s did not come about", what)
		}
	}
}

func TestChildKeepsWhatWasWritten(t *testing.T) {
	needRedis(t)
	folder := t.TempDir()
	client, kind, stop := open(t, "auto", folder, discard)
	if kind != Child {
		t.Fatalf("auto gave %s", kind)
	}
	if err := client.Set(t.Context(), "key", "value", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if port := client.ConfigGet(t.Context(), "port").Val()["port"]; port != "0" {
		t.Errorf("it listens on TCP port %s", port)
	}
	pid := process(t, client)
	for range 2 {
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	}
	if alive(pid) {
		t.Error("it outlives stop")
	}
	client, _, _ = open(t, "auto", folder, discard)
	if got := client.Get(t.Context(), "key").Val(); got != "value" {
		t.Errorf("after the restart the key is %q", got)
	}
}

func TestChildIsStartedAgainWhenItDies(t *testing.T) {
	needRedis(t)
	client, _, _ := open(t, "auto", t.TempDir(), discard)
	client.Set(t.Context(), "key", "value", 0)
	first := process(t, client)
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := awaitReady(t.Context(), client, false, nil); err != nil {
		t.Fatal(err)
	}
	if second := process(t, client); second == first {
		t.Error("it is the same process")
	}
	if got := client.Get(t.Context(), "key").Val(); got != "value" {
		t.Errorf("the key is %q", got)
	}
}

func TestOneHubAFolder(t *testing.T) {
	needRedis(t)
	folder := t.TempDir()
	open(t, "auto", folder, discard)
	if _, _, _, err := Open(t.Context(), "auto", folder, 0, discard); err == nil || !strings.Contains(err.Error(), "another hub") {
		t.Errorf("a second hub on the same folder: %v", err)
	}
}

// TestHubIsKilled kills a hub without a word; the next one on the same folder must find all that was written, and
// no second server may be left on the files.
func TestHubIsKilled(t *testing.T) {
	needRedis(t)
	folder := t.TempDir()
	hub := exec.Command(os.Args[0])
	hub.Env = append(os.Environ(), hubFolder+"="+folder)
	if _, err := hub.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	output, err := hub.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := hub.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(output).ReadString('\n'); line != "ready\n" {
		t.Fatalf("the hub said %q, %v", line, err)
	}
	socket, err := socketPath(filepath.Join(folder, "redis"))
	if err != nil {
		t.Fatal(err)
	}
	probe := newClient(&redis.Options{Network: "unix", Addr: socket})
	orphan := process(t, probe)
	probe.Close()
	if err := hub.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = hub.Wait() // "signal: killed"

	client, _, _ := open(t, "auto", folder, discard)
	if got := client.Get(t.Context(), "written").Val(); got != "yes" {
		t.Errorf("the key is %q", got)
	}
	if process(t, client) == orphan {
		t.Error("the server of the killed hub is still there")
	}
	await(t, "its end", func() bool { return !alive(orphan) })
}

func TestLongFolderNames(t *testing.T) {
	needRedis(t)
	folder := filepath.Join(t.TempDir(), strings.Repeat("long", 30))
	client, _, _ := open(t, "auto", folder, discard)
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Error(err)
	}
	socket, err := socketPath(filepath.Join(folder, "redis"))
	if err != nil || len(socket) > maxSocketPath {
		t.Errorf("the socket is %q, %v", socket, err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(filepath.Dir(socket)) })
}

func TestAServerThatCannotStart(t *testing.T) {
	t.Setenv("REDIS_URL", "")
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "redis-server"), []byte("#!/bin/sh\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":/bin:/usr/bin")
	if _, _, _, err := Open(t.Context(), "auto", t.TempDir(), 0, discard); err == nil {
		t.Error("it was opened")
	}
}

// TestNothingBeginsAnewWithoutItsServer has redis-server go from PATH, as it may with an upgrade of the system.
func TestNothingBeginsAnewWithoutItsServer(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("REDIS_URL", "")
	for _, kept := range []string{"appendonlydir", "appendonly.aof"} {
		data := t.TempDir()
		if err := os.MkdirAll(filepath.Join(data, "redis", kept), 0o700); err != nil {
			t.Fatal(err)
		}
		if _, _, _, err := Open(t.Context(), "auto", data, 0, discard); err == nil || !strings.Contains(err.Error(), kept) {
			t.Errorf("opened without what lies in %s: %v", kept, err)
		}
		if _, err := Check(t.Context(), "auto", data, nothing, discard); err == nil || !strings.Contains(err.Error(), kept) {
			t.Errorf("checked without what lies in %s: %v", kept, err)
		}
		_, kind, _ := open(t, "embedded", data, discard)
		if kind != Embedded {
			t.Errorf("who wants none has a %s", kind)
		}
	}
}

func TestEmbedded(t *testing.T) {
	t.Setenv("PATH", t.TempDir()) // nothing is on it
	t.Setenv("REDIS_URL", "")
	for _, how := range []string{"auto", "embedded"} {
		var lines strings.Builder
		client, kind, stop := open(t, how, t.TempDir(), slog.New(slog.NewTextHandler(&lines, nil)))
		if kind != Embedded {
			t.Fatalf("%s gave %s", how, kind)
		}
		if n := strings.Count(lines.String(), "level=WARN"); n != 1 || !strings.Contains(lines.String(), "do not survive a restart") {
			t.Errorf("%s logged %s", how, lines.String())
		}
		options := client.(*redis.Client).Options()
		if options.ReadTimeout <= callTimeout {
			t.Errorf("%s is given up after %v", how, options.ReadTimeout)
		}
		stranger := redis.NewClient(&redis.Options{Addr: options.Addr})
		if err := stranger.Ping(t.Context()).Err(); err == nil {
			t.Error("it answers without a password")
		}
		stranger.Close()
		if err := errors.Join(stop(), stop()); err != nil {
			t.Error(err)
		}
	}
}

func TestURL(t *testing.T) {
	server, _, _ := open(t, "embedded", t.TempDir(), discard)
	options := server.(*redis.Client).Options()
	url := "redis://:" + options.Password + "@" + options.Addr + "/0"

	if client, kind, _ := open(t, url, t.TempDir(), discard); kind != External || client.Ping(t.Context()).Err() != nil {
		t.Errorf("the URL gave %s", kind)
	}
	t.Setenv("REDIS_URL", url)
	if _, kind, _ := open(t, "auto", t.TempDir(), discard); kind != External {
		t.Errorf("REDIS_URL gave %s", kind)
	}
	if _, _, _, err := Open(t.Context(), "redis://:secret@"+options.Addr, t.TempDir(), 0, discard); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a wrong password: %v", err)
	}
	for _, bad := range []string{"redis://:secret@[::1", "redis://:secret/@host", "postgres://:secret@host", "", "redis:secret", "secret:6379",
		"redis+sentinel://:secret@host:26379", "redis+cluster://:secret@[::1", "redis+house://:secret@host"} {
		if _, _, _, err := Open(t.Context(), bad, t.TempDir(), 0, discard); !errors.Is(err, ErrURL) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestNobodyAnswers gives up when the caller does.
func TestNobodyAnswers(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close() // a port on which nobody listens
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, _, _, err := Open(ctx, "redis://"+listener.Addr().String(), t.TempDir(), 0, discard); err == nil {
		t.Error("it was opened")
	}
}
