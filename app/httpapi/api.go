// Package httpapi is the HTTP edge: it turns requests into calls of sessions and storage, and every
// failure into one problem. It decides nothing about who runs.
//
//	connection -> deadlines, compression -> metrics, recovery, headers, door -> authorise -> handler -> JSON | problem
//	GET /api/v1/ws ----------------------------------------------> hub
//	anything that is neither API nor probe -----------------------> web client
package httpapi

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"seghub/app/status"
	"seghub/models"
	"seghub/models/imageio"
	"seghub/sessions"
	"seghub/sessions/problem"
	"seghub/storage"
)

// Accounts are the sessions as their owners see them.
type Accounts interface {
	Create(ctx context.Context, name string) (sessions.Session, string, error)
	Authenticate(ctx context.Context, token string) (string, error)
	Get(ctx context.Context, session string) (sessions.Session, error)
	Close(ctx context.Context, session string) error
	Count(ctx context.Context) (int, error) // of the open ones
}

// Jobs are the jobs of a session.
type Jobs interface {
	Submit(ctx context.Context, session, key string, jobs []sessions.NewJob) ([]sessions.Job, error)
	Jobs(ctx context.Context, session string, query sessions.JobQuery) (sessions.JobPage, error)
	Job(ctx context.Context, session, job string) (sessions.Job, error)
	Cancel(ctx context.Context, session, job string) error
	CancelAll(ctx context.Context, session string) error
}

// Blobs keeps images and results.
type Blobs interface {
	Put(ctx context.Context, key string, r io.Reader, limit int64) (int64, error)
	Open(ctx context.Context, key string) (*storage.Blob, error)
	Delete(ctx context.Context, key string) error
	DeleteJob(ctx context.Context, session, job string) error
}

// Models are the models that can be asked for.
type Models interface {
	Get(id string) (models.Spec, bool)
	List() []models.Spec
}

// Live serves the sockets.
type Live interface {
	Serve(w http.ResponseWriter, r *http.Request, session string, address netip.Addr)
	Refuse(w http.ResponseWriter, r *http.Request, err error)
}

// Room judges whether there is room for more data.
type Room interface {
	// For reports why session may not bring so many bytes more; nil when it may. An empty session is one that is to be started.
	For(ctx context.Context, session string, bytes int64) error
	// ToWait reports why so many bytes cannot be written to Spool for a while; nil when they can.
	ToWait(ctx context.Context, bytes int64) error
}

// Limits bound what one request may bring, and how many may come.
type Limits struct {
	FileBytes int64   // largest file
	Pixels    int64   // largest image
	Memory    int64   // most decoded bytes that an image may need at once; 0 is no limit
	Files     int     // most files in one request
	Sessions  int     // most open sessions
	Uploads   int     // most uploads under way
	Rates     float64 // of how often one address or session may ask; 0 sets no limits
}

// Config is what the edge is built from.
type Config struct {
	Accounts Accounts
	Jobs     Jobs
	Images   Images
	Pictures Pictures
	Blobs    Blobs
	Results  Results
	Models   Models
	Live     Live
	Client   http.Handler // the web client
	Loaded   func(model string) bool
	Status   func(context.Context) (status.Snapshot, error)
	Ready    func(context.Context) error // nil when jobs can run
	Admit    func() error                // nil when images are taken; asked before an upload is read; may be left out
	Room     Room
	Registry *prometheus.Registry

	AccessKey  string         // asked of everyone who starts a session; empty asks nothing
	Secure     bool           // browsers reach the hub by HTTPS
	Proxies    []netip.Prefix // whose word on a request's way is believed
	Hosts      []string       // names that the hub may be called by, beside addresses; "*.lab.example" is all of a domain; nil is any
	Origins    []string       // of other sites whose pages may come, as "https://host[:port]"
	Version    string         // of the hub: another one may say something else of the same result
	Deployment string         // told apart from others under the same host by this; letters and digits
	SessionTTL time.Duration  // how long a browser keeps a session that it does not use

	Limits Limits
	// Decoded is the memory that decoded images share; nil for no limit.
	Decoded *imageio.Budget
	Spool   string // folder for answers that wait for their readers; the system's by default
	Log     *slog.Logger
}

type api struct {
	Config
	door     door
	rates    rates
	uploads  *crowd
	pictures chan struct{} // one token for each picture being made
	exports  exportTurns
	views    *kept[[]byte] // pieces of pictures, encoded
	levels   *kept[*imageio.Levels]
	outage   rate.Sometimes // how often the log tells that requests fail of what many fail of
}

// picturesAtOnce bounds the memory that previews and probability maps of large images take.
const picturesAtOnce = 2

// New builds the handler of everything that the hub serves. It fails when an origin is none.
func New(c Config) (http.Handler, error) {
	door, err := newDoor(c.Proxies, c.Hosts, c.Origins)
	if err != nil {
		return nil, fmt.Errorf("httpapi: %w", err)
	}
	if c.Decoded == nil {
		c.Decoded = imageio.NewBudget(math.MaxInt64)
	}
	a := &api{
		Config:   c,
		door:     door,
		rates:    newRates(c.Limits.Rates),
		uploads:  newCrowd(c.Limits.Uploads),
		pictures: make(chan struct{}, picturesAtOnce),
		exports:  newExportTurns(),
		views:    newKept[[]byte](32 << 20),
		levels:   newKept[*imageio.Levels](256),
		outage:   rate.Sometimes{First: 20, Interval: time.Second},
	}

	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.HandleMethodNotAllowed = true
	r.RedirectTrailingSlash = false
	// gin's own idea of the client's address is not used; see peer.
	_ = r.SetTrustedProxies(nil)
	r.Use(measure(c.Registry), gin.CustomRecoveryWithWriter(io.Discard, a.recovered), securityHeaders, a.knock)

	get(r, "/healthz", a.alive)
	get(r, "/readyz", a.ready)
	get(r, "/metrics", gin.WrapH(metricsHandler(c.Registry)))
	get(r, "/samples", a.samples)
	get(r, "/samples/:file", a.sample)

	v1 := r.Group("/api/v1")
	v1.POST("/sessions", a.createSession)
	get(v1, socketPath, a.socket)

	mine := v1.Group("", a.authorise)
	get(mine, "/session", a.getSession)
	mine.DELETE("/session", a.deleteSession)
	get(mine, "/models", a.listModels)
	mine.POST("/images", a.admitUpload, a.upload)
	get(mine, "/images/:id", a.image)
	mine.DELETE("/images/:id", a.deleteImage)
	mine.POST("/images/:id/calibrate", a.calibrate)
	get(mine, "/images/:id/preview", a.preview)
	get(mine, "/images/:id/info", a.info)
	get(mine, "/images/:id/tiles/:page/:level/:x/:y", a.tile)
	get(mine, "/jobs", a.listJobs)
	mine.POST("/jobs", a.admitUpload, a.segmentAgain)
	mine.DELETE("/jobs", a.cancelJobs)
	get(mine, "/jobs/:id", a.getJob)
	mine.DELETE("/jobs/:id", a.cancelJob)
	get(mine, "/jobs/:id/result", a.result)
	get(mine, "/jobs/:id/labels.tif", a.labels)
	get(mine, "/jobs/:id/receipt", a.receipt)
	mine.POST("/jobs/:id/measure", a.measure)
	mine.POST("/jobs/:id/edits", a.edit)
	get(mine, "/jobs/:id/mask.png", a.mask)
	get(mine, "/jobs/:id/probability.png", a.probability)
	get(mine, "/export", a.export)
	mine.POST("/export", a.export)
	get(mine, "/stats", a.stats)

	r.NoRoute(a.notAPI)
	r.NoMethod(func(c *gin.Context) {
		// The contract has no code of its own for a wrong method; the status says it.
		p := problem.Newf(problem.BadRequest, "%s is not a method of %s.", c.Request.Method, c.Request.URL.Path)
		p.Status = http.StatusMethodNotAllowed
		a.fail(c, p)
	})
	handler, err := compressed(r)
	if err != nil {
		return nil, fmt.Errorf("httpapi: %w", err)
	}
	return paced(handler, patience), nil
}

// get routes GET, and HEAD with it: the server drops the body of the same answer.
func get(r gin.IRoutes, path string, handler gin.HandlerFunc) {
	r.GET(path, handler)
	r.HEAD(path, handler)
}

// notAPI hands to the web client what no call of the API is meant by.
func (a *api) notAPI(c *gin.Context) {
	path := c.Request.URL.Path
	if path == "/api" || strings.HasPrefix(path, "/api/") {
		a.fail(c, problem.Newf(problem.NotFound, "There is no %s.", path))
		return
	}
	// gin has set 404; the client says itself what it finds.
	c.Writer.WriteHeader(http.StatusOK)
	a.Client.ServeHTTP(c.Writer, c.Request)
}

// securityHeaders keep a page that is tricked into showing a file from running anything, and caches between here and the browser
// from giving one person what was answered to another. What may be kept says so itself.
func securityHeaders(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("Cache-Control", "private, no-cache")
	h.Set("Content-Security-Policy", "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}
