// Package config is the one place where the settings of a hub are declared: each field is a flag, a
// SEGHUB_ variable and a default that works. `seghub serve --help` prints it.
package config

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/units"

	"seghub/gpuexec/budget"
)

// Config is everything that an operator can set.
type Config struct {
	Listen      string   `default:"127.0.0.1:8080" env:"SEGHUB_LISTEN" help:"Host and port to serve HTTP on."`
	AccessKey   string   `env:"SEGHUB_ACCESS_KEY" secret:"" placeholder:"KEY" help:"Ask this key of everyone who starts a session."`
	TLSProxy    bool     `env:"SEGHUB_TLS_PROXY" help:"A proxy in front of the hub terminates TLS: cookies are marked Secure."`
	AllowPublic bool     `env:"SEGHUB_ALLOW_PUBLIC" help:"Listen beyond loopback even without an access key or a TLS proxy."`
	Origins     []string `env:"SEGHUB_ORIGINS" placeholder:"URL" help:"Origins of other sites whose pages may come here and read what they are answered, such as https://lab.example."`

	Hosts          []string  `env:"SEGHUB_HOSTS" placeholder:"NAME" help:"Names that browsers call the hub by, beside this machine's own and its addresses; *.lab.example is all of a domain, * any name. Default: with an access key any, else none."`
	TrustedProxies []Network `env:"SEGHUB_TRUSTED_PROXIES" placeholder:"ADDRESS|NETWORK" help:"Reverse proxies whose X-Forwarded-For, -Host and -Port are believed, such as 127.0.0.1 or 10.0.0.0/8. Without, everybody behind a proxy shares the limits of its address."`
	RateLimits     float64   `default:"1" env:"SEGHUB_RATE_LIMITS" help:"Multiplies how often one address or session may start sessions, guess the key, upload and connect; 0 sets no limits. A class of thirty behind one router is far below 1."`
	MaxSessions    int       `default:"20000" env:"SEGHUB_MAX_SESSIONS" help:"Most open sessions."`
	MaxUploads     int       `default:"256" env:"SEGHUB_MAX_UPLOADS" help:"Most uploads under way on this node; one address may have half of them, one session a sixteenth."`
	MaxSockets     int       `default:"20000" env:"SEGHUB_MAX_SOCKETS" help:"Most open sockets on this node; one address may have half of them."`

	Data    string `default:"./data" env:"SEGHUB_DATA" help:"Folder for images, results and the Redis log."`
	Storage string `env:"SEGHUB_STORAGE" placeholder:"DIR|URL" help:"Where images and results go: a folder or a bucket such as s3://name. Default: the folder blobs under the data folder."`
	Redis   string `default:"auto" env:"SEGHUB_REDIS" secret:"url" help:"Redis: a redis://, redis+cluster:// or redis+sentinel:// URL; auto (REDIS_URL, else a redis-server child, else in-process); embedded (in-process)."`

	Inference
	Warm []string `env:"SEGHUB_WARM" placeholder:"MODEL" help:"Models to load at start. Default: all of the folder. Others are loaded on first use; what is not in use is unloaded while memory is short."`

	Node         string        `env:"SEGHUB_NODE" placeholder:"NAME" help:"Name of this node among those that share a Redis; a node that restarts under its old name takes its work up again. Default: the host's name."`
	Slots        int           `default:"4" env:"SEGHUB_SLOTS,ML_INFERENCE_WORKERS" help:"How many sessions are active at once; each has a worker of its own."`
	Turn         time.Duration `default:"60s" env:"SEGHUB_TURN" help:"How long a session keeps its slot while others wait."`
	ReserveGrace time.Duration `default:"5s" env:"SEGHUB_RESERVE_GRACE" help:"How long a slot's owner may be without work while others wait."`
	Borrow       bool          `default:"true" negatable:"" env:"SEGHUB_BORROW" help:"Let idle workers help busy sessions: with other images while nobody waits, and, on the CPU, with tiles of the same image."`
	SessionTTL   time.Duration `name:"session-ttl" default:"168h" env:"SEGHUB_SESSION_TTL" help:"A session without sockets and work for this long is closed and its files deleted; time in which no hub ran does not count. Of hubs that share a Redis the longest counts."`
	LeaseTTL     time.Duration `name:"lease-ttl" default:"10s" env:"SEGHUB_LEASE_TTL" help:"After this long without a sign of life a node's slots and jobs go to others."`

	MemoryHigh     budget.Level `default:"83%" env:"SEGHUB_MEMORY_HIGH" help:"Where the memory that models run in, the GPU's or without one the host's, counts as short, as a part or an amount (20GB): nothing is borrowed then, and what is not in use is given back."`
	MemoryCritical budget.Level `default:"90%" env:"SEGHUB_MEMORY_CRITICAL" help:"Where new images are refused; what runs goes on."`
	MemoryLow      budget.Level `default:"80%" env:"SEGHUB_MEMORY_LOW" help:"Below this all of that is over."`

	MaxFile      Bytes `default:"200MiB" env:"SEGHUB_MAX_FILE" help:"Largest file."`
	MaxPixels    Count `default:"400e6" env:"SEGHUB_MAX_PIXELS" help:"Largest image, in pixels."`
	DecodeMemory Bytes `env:"SEGHUB_DECODE_MEMORY" placeholder:"BYTES" help:"Most that decoded images, and large results that are exported, take in memory at once, all workers together; an image that needs more alone is refused. Default: a quarter of the machine's memory."`
	MaxFiles     int   `default:"100" env:"SEGHUB_MAX_FILES" help:"Most files in one request."`
	MaxStorage   Bytes `default:"20GiB" env:"SEGHUB_MAX_STORAGE" help:"Most that the images and results of one session take together."`
	MinFree      Bytes `default:"1GiB" env:"SEGHUB_MIN_FREE" help:"Room that stays free on the disks of data and storage folder: below it no session is started and no image taken."`
	MaxQueue     int   `default:"10000" env:"SEGHUB_MAX_QUEUE" help:"Most unfinished jobs of one session."`
}

// Inference is what every command needs that runs models.
type Inference struct {
	Models     string `default:"./models/weights" env:"SEGHUB_MODELS" help:"Folder of ONNX models."`
	ORTLibrary string `name:"ort-library" env:"SEGHUB_ORT_LIBRARY" placeholder:"FILE" help:"ONNX Runtime's shared library. Default: the one that make run fetched into the cache folder."`
	Device     string `default:"auto" env:"SEGHUB_DEVICE" help:"What the workers run on: auto (a GPU if there is one), cpu or cuda:N."`
}

// Count is a whole number that may be written as 400e6.
type Count int64

// UnmarshalText reads a Count.
func (c *Count) UnmarshalText(text []byte) error {
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil || f < 1 || f > 1e15 || f != float64(int64(f)) {
		return fmt.Errorf("%q is not a whole number of at least 1", text)
	}
	*c = Count(f)
	return nil
}

// Bytes is an amount of bytes that may be written as 200MiB; KB and KiB are both 1024.
type Bytes int64

// UnmarshalText reads Bytes.
func (b *Bytes) UnmarshalText(text []byte) error {
	amount, err := units.ParseBase2Bytes(string(text))
	if err != nil {
		return fmt.Errorf("%q is not an amount of bytes: say 200MiB or 2GiB", text)
	}
	*b = Bytes(amount)
	return nil
}

// String is the amount as UnmarshalText reads it.
func (b Bytes) String() string { return units.Base2Bytes(b).String() }

// mostRates is the most that rate limits are multiplied by: more is no limit, which 0 says.
const mostRates = 1_000_000

// Validate is called by kong once everything is read.
func (c *Config) Validate() error {
	for _, check := range []struct {
		broken bool
		says   string
	}{
		{c.Data == "", "data must name a folder"},
		{c.Models == "", "models must name a folder"},
		{c.Slots < 1 || c.Slots > 64, "slots must be between 1 and 64"},
		{c.Turn < time.Millisecond, "turn must be at least 1ms"}, // Redis counts in these
		{c.ReserveGrace < time.Millisecond, "reserve-grace must be at least 1ms"},
		{c.SessionTTL < time.Second, "session-ttl must be at least 1s"},
		{c.LeaseTTL < time.Second, "lease-ttl must be at least 1s"},
		{c.MaxFile < 1, "max-file must be at least 1 byte"},
		{c.DecodeMemory != 0 && c.DecodeMemory < 16<<20, "decode-memory must be at least 16MiB"},
		{c.MaxFiles < 1, "max-files must be at least 1"},
		{c.MaxStorage < 1, "max-storage must be at least 1 byte"},
		{c.MinFree < 0, "min-free must not be below zero"},
		{c.MaxQueue < 1, "max-queue must be at least 1"},
		{!(c.RateLimits >= 0 && c.RateLimits <= mostRates), fmt.Sprintf("rate-limits must be between 0 and %d", mostRates)}, // NaN is neither
		{c.MaxSessions < 1, "max-sessions must be at least 1"},
		{c.MaxUploads < 1, "max-uploads must be at least 1"},
		{c.MaxSockets < 1, "max-sockets must be at least 1"},
	} {
		if check.broken {
			return errors.New(check.says)
		}
	}
	if err := c.Levels().Validate(); err != nil {
		return err
	}
	for name, path := range map[string]string{"data": c.Data, "storage": c.Storage, "models": c.Models} {
		if strings.HasPrefix(path, "~") {
			return fmt.Errorf("%s: %s would be a folder of that name, for ~ is a word of the shell alone: say the whole path", name, path)
		}
	}
	for _, list := range [][]string{c.Hosts, c.Origins, c.Warm} {
		for i := range list {
			list[i] = strings.TrimSpace(list[i]) // of "a, b"
		}
	}
	for _, host := range c.Hosts {
		if strings.ContainsAny(host, "/:") {
			return fmt.Errorf("hosts: %q is no name: say hub.lab.example, without scheme and port", host)
		}
	}
	for i, origin := range c.Origins {
		c.Origins[i] = asBrowsersSay(origin)
		if err := http.NewCrossOriginProtection().AddTrustedOrigin(origin); err != nil {
			return fmt.Errorf("origins: %w", err)
		}
	}
	return c.refuseOpenDoor()
}

// asBrowsersSay is an origin as browsers write it: in small letters, and without the port that goes without saying.
// https://url.spec.whatwg.org/#origin
func asBrowsersSay(origin string) string {
	origin = strings.ToLower(origin)
	for scheme, port := range map[string]string{"http://": ":80", "https://": ":443"} {
		if strings.HasPrefix(origin, scheme) {
			return strings.TrimSuffix(origin, port)
		}
	}
	return origin
}

// Levels are where the memory counts as short, as nearly full, and as neither again.
func (c *Config) Levels() budget.Levels {
	return budget.Levels{High: c.MemoryHigh, Critical: c.MemoryCritical, Low: c.MemoryLow}
}

// refuseOpenDoor keeps a hub from being open to a whole network by accident.
func (c *Config) refuseOpenDoor() error {
	host, port, err := net.SplitHostPort(c.Listen)
	if err == nil {
		_, err = net.DefaultResolver.LookupPort(context.Background(), "tcp", port) // which asks nobody: services are named by a file
	}
	if err != nil {
		return fmt.Errorf("listen: %w: say HOST:PORT, such as 127.0.0.1:8080", err)
	}
	ip := net.ParseIP(host)
	loopback := strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") || ip != nil && ip.IsLoopback()
	if loopback || c.AccessKey != "" || c.TLSProxy || c.AllowPublic {
		return nil
	}
	return fmt.Errorf("listening on %s is open to everyone who reaches this machine: set an access key "+
		"(SEGHUB_ACCESS_KEY) or put a TLS proxy in front (SEGHUB_TLS_PROXY=true), or say SEGHUB_ALLOW_PUBLIC=true as well", c.Listen)
}

// RefuseUnknown reports SEGHUB_ variables in environ ("KEY=value") that no setting has: a misspelt
// limit that is silently ignored is worse than a hub that does not start.
func RefuseUnknown(environ, known []string) error {
	isKnown := make(map[string]bool, len(known))
	for _, k := range known {
		isKnown[k] = true
	}
	for _, entry := range environ {
		key, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(key, "SEGHUB_") && !isKnown[key] {
			return fmt.Errorf("unknown setting %s in the environment; seghub serve --help lists all", key)
		}
	}
	return nil
}

// RefuseQuoted reports SEGHUB_ variables in environ whose values still have what was written around them: docker's --env-file takes no
// quotes off, and a secret that was made with echo ends with its line. A key like that is one that nobody can type.
func RefuseQuoted(environ []string) error {
	for _, entry := range environ {
		key, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(key, "SEGHUB_") {
			continue
		}
		if value != strings.TrimSpace(value) {
			return fmt.Errorf("%s begins or ends with a blank or the end of a line: take that away", key)
		}
		if n := len(value); n > 1 && value[0] == value[n-1] && strings.Contains(`"'`, value[:1]) {
			return fmt.Errorf("%s is in quotes, which would be a part of it: take them away", key)
		}
	}
	return nil
}

// Hostname names the node when the operator did not.
func Hostname() string {
	if name, err := os.Hostname(); err == nil && name != "" {
		return name
	}
	return "node"
}
