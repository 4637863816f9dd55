package config

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"seghub/gpuexec/budget"
)

// parse reads a Config as the command does: flags over environment over defaults.
func parse(t *testing.T, env map[string]string, args ...string) (Config, error) {
	t.Helper()
	for k, v := range env {
		t.Setenv(k, v)
	}
	var c Config
	parser, err := kong.New(&c)
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse(args)
	return c, err
}

func TestDefaultsAreThoseOfTheDesign(t *testing.T) {
	c, err := parse(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Listen: "127.0.0.1:8080", Data: "./data", Redis: "auto", Inference: Inference{Models: "./models/weights", Device: "auto"},
		Slots: 4, Turn: time.Minute, ReserveGrace: 5 * time.Second, Borrow: true, SessionTTL: 168 * time.Hour,
		MemoryHigh: budget.Fraction(0.83), MemoryCritical: budget.Fraction(0.90), MemoryLow: budget.Fraction(0.80),
		LeaseTTL: 10 * time.Second, MaxFile: 200 << 20, MaxPixels: 400e6, MaxFiles: 100, MaxStorage: 20 << 30, MinFree: 1 << 30, MaxQueue: 10000,
		RateLimits: 1, MaxSessions: 20000, MaxUploads: 256, MaxSockets: 20000,
	}
	if got, want := c.LogValue().String(), want.LogValue().String(); got != want {
		t.Errorf("defaults:\n%s\nwant:\n%s", got, want)
	}
}

func TestVariablesAndFlagsSetEveryField(t *testing.T) {
	c, err := parse(t, map[string]string{
		"ML_INFERENCE_WORKERS": "3",
		"SEGHUB_TURN":          "2s",
		"SEGHUB_MAX_FILE":      "1MiB",
		"SEGHUB_MAX_PIXELS":    "1e6",
		"SEGHUB_WARM":          "a,b",
		"SEGHUB_MEMORY_HIGH":   "20GB",
		"SEGHUB_BORROW":        "false",

		"SEGHUB_TRUSTED_PROXIES": "127.0.0.1, 10.1.2.3/8,fd00::/8",
		"SEGHUB_HOSTS":           "hub.lab.example, *.local",
		"SEGHUB_ORIGINS":         "https://lab.example:8443, HTTPS://Lab.Example:443,http://[FD00::1]:80,http://lab.example:8080",
	}, "--turn=3s")
	if err != nil {
		t.Fatal(err)
	}
	if c.Slots != 3 || c.Turn != 3*time.Second || c.MaxFile != 1<<20 || c.MaxPixels != 1e6 || len(c.Warm) != 2 || c.Borrow ||
		c.MemoryHigh != budget.Bytes(20e9) {
		t.Errorf("read %+v", c)
	}
	if got := fmt.Sprint(c.TrustedProxies); got != "[127.0.0.1/32 10.0.0.0/8 fd00::/8]" || !slices.Equal(c.Hosts, []string{"hub.lab.example", "*.local"}) ||
		!slices.Equal(c.Origins, []string{"https://lab.example:8443", "https://lab.example", "http://[fd00::1]", "http://lab.example:8080"}) {
		t.Errorf("read %s, %v, %v", got, c.Hosts, c.Origins)
	}
}

func TestOwnNameOfTheSlotsWinsOverTheOldOne(t *testing.T) {
	c, err := parse(t, map[string]string{"ML_INFERENCE_WORKERS": "3", "SEGHUB_SLOTS": "2"})
	if err != nil || c.Slots != 2 {
		t.Errorf("slots %d, %v; want 2", c.Slots, err)
	}
}

func TestRefused(t *testing.T) {
	for name, test := range map[string]struct {
		env   map[string]string
		args  []string
		words string
	}{
		"no slot":              {args: []string{"--slots=0"}, words: "slots"},
		"no turn":              {args: []string{"--turn=0s"}, words: "turn"},
		"no grace":             {args: []string{"--reserve-grace=0s"}, words: "reserve-grace"},
		"short lease":          {args: []string{"--lease-ttl=1ms"}, words: "lease-ttl"},
		"session without life": {args: []string{"--session-ttl=0s"}, words: "session-ttl"},
		"half a pixel":         {args: []string{"--max-pixels=0.5"}, words: "whole number"},
		"pixels in words":      {args: []string{"--max-pixels=many"}, words: "whole number"},
		"pixels and more":      {args: []string{"--max-pixels=4x"}, words: "whole number"},
		"no file":              {args: []string{"--max-files=0"}, words: "max-files"},
		"a file in words":      {args: []string{"--max-file=200M"}, words: `"200M" is not an amount of bytes: say 200MiB`},
		"room without a unit":  {env: map[string]string{"SEGHUB_MIN_FREE": "5"}, words: "say 200MiB or 2GiB"},
		"no data":              {env: map[string]string{"SEGHUB_DATA": ""}, words: "data must name a folder"},
		"no models":            {args: []string{"--models="}, words: "models must name a folder"},
		"no storage":           {args: []string{"--max-storage=0"}, words: "max-storage"},
		"no queue":             {args: []string{"--max-queue=0"}, words: "max-queue"},
		"no port":              {args: []string{"--listen=localhost"}, words: "say HOST:PORT"},
		"a host's port":        {args: []string{"--hosts=hub.lab.example:8080"}, words: "without scheme and port"},
		"a host's scheme":      {args: []string{"--hosts=https://hub.lab.example"}, words: "without scheme and port"},
		"a word of the shell":  {args: []string{"--data=~/hub"}, words: "whole path"},
		"a port too far":       {args: []string{"--listen=127.0.0.1:65536"}, words: "say HOST:PORT"},
		"a port below all":     {args: []string{"--listen=127.0.0.1:-1"}, words: "say HOST:PORT"},
		"a port by no name":    {args: []string{"--listen=127.0.0.1:nosuchservice"}, words: "say HOST:PORT"},
		"a moment's turn":      {args: []string{"--turn=1us"}, words: "turn must be at least"},
		"a moment's grace":     {args: []string{"--reserve-grace=1us"}, words: "reserve-grace must be at least"},
		"a moment's session":   {args: []string{"--session-ttl=1ns"}, words: "session-ttl must be at least"},
		"rates of no number":   {env: map[string]string{"SEGHUB_RATE_LIMITS": "NaN"}, words: "rate-limits must be between"},
		"rates without end":    {env: map[string]string{"SEGHUB_RATE_LIMITS": "Inf"}, words: "rate-limits must be between"},
		"rates past counting":  {env: map[string]string{"SEGHUB_RATE_LIMITS": "1e300"}, words: "rate-limits must be between"},
		"negative rates":       {args: []string{"--rate-limits=-1"}, words: "rate-limits"},
		"no sockets":           {args: []string{"--max-sockets=0"}, words: "max-sockets"},
		"no sessions":          {args: []string{"--max-sessions=0"}, words: "max-sessions"},
		"no uploads":           {args: []string{"--max-uploads=0"}, words: "max-uploads"},
		"an origin's path":     {args: []string{"--origins=https://lab.example/hub"}, words: "origins"},
		"a proxy by name":      {args: []string{"--trusted-proxies=proxy.example"}, words: "neither an address nor a network"},
		"an unknown flag":      {args: []string{"--trun=3s"}, words: "unknown flag"},
		"an open door":         {args: []string{"--listen=0.0.0.0:8080"}, words: "SEGHUB_ACCESS_KEY"},
		"an open door by name": {args: []string{"--listen=:8080"}, words: "SEGHUB_ACCESS_KEY"},
		"an unreadable number": {env: map[string]string{"SEGHUB_SLOTS": "four"}, words: "SEGHUB_SLOTS"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse(t, test.env, test.args...)
			if err == nil || !strings.Contains(err.Error(), test.words) {
				t.Errorf("error %v; want one that says %q", err, test.words)
			}
		})
	}
}

func TestDoorsThatMayBeOpen(t *testing.T) {
	for name, args := range map[string][]string{
		"loopback by name": {"--listen=localhost:0"},
		"in capitals":      {"--listen=LOCALHOST:0"},
		"from the root":    {"--listen=localhost.:0"},
		"any port":         {"--listen=localhost:"},
		"a port by name":   {"--listen=localhost:http"},
		"loopback, v6":     {"--listen=[::1]:0"},
		"with a key":       {"--listen=:8080", "--access-key=k"},
		"behind a proxy":   {"--listen=:8080", "--tls-proxy"},
		"said twice":       {"--listen=:8080", "--allow-public"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := parse(t, nil, args...); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestUnknownVariableIsRefused(t *testing.T) {
	known := []string{"SEGHUB_TURN"}
	if err := RefuseUnknown([]string{"SEGHUB_TURN=1s", "HOME=/"}, known); err != nil {
		t.Error(err)
	}
	err := RefuseUnknown([]string{"SEGHUB_TRUN=1s"}, known)
	if err == nil || !strings.Contains(err.Error(), "SEGHUB_TRUN") {
		t.Errorf("error %v; want one that names SEGHUB_TRUN", err)
	}
}

func TestValuesThatKeptTheirQuotesAreRefused(t *testing.T) {
	for entry, refused := range map[string]bool{
		"SEGHUB_ACCESS_KEY=sesame":      false,
		"SEGHUB_ACCESS_KEY=":            false,
		`SEGHUB_ACCESS_KEY="`:           false,
		`SEGHUB_ACCESS_KEY=12" x 10"`:   false,
		`SEGHUB_ACCESS_KEY="sesame"`:    true,
		"SEGHUB_ACCESS_KEY='sesame'":    true,
		"SEGHUB_ACCESS_KEY=sesame\n":    true,
		"SEGHUB_LISTEN= 127.0.0.1:8080": true,
		`PS1="> "`:                      false,
	} {
		err := RefuseQuoted([]string{"HOME=/", entry})
		if (err != nil) != refused {
			t.Errorf("%q: %v", entry, err)
		}
		if err != nil && strings.Contains(err.Error(), "sesame") {
			t.Errorf("%q: the error holds the key: %v", entry, err)
		}
	}
}

func TestSecretsStayOutOfTheLog(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	log.Info("settings", "effective", Config{AccessKey: "open-sesame", Redis: "redis://me:hush@example.org:6379/1"})
	text := out.String()
	for _, secret := range []string{"open-sesame", "hush"} {
		if strings.Contains(text, secret) {
			t.Errorf("the log holds %q: %s", secret, text)
		}
	}
	if !strings.Contains(text, "example.org:6379/1") {
		t.Errorf("the log does not say which Redis: %s", text)
	}
	sentinel := Config{Redis: "redis+sentinel://me:hush@example.org:26379/0?master_name=hub&password=quiet&username=me"}.LogValue().String()
	if strings.Contains(sentinel, "hush") || strings.Contains(sentinel, "quiet") || !strings.Contains(sentinel, "master_name=hub") {
		t.Errorf("the log holds %s", sentinel)
	}
}
