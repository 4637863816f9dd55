// Package httpapi is the HTTP edge: it turns requests into calls of sessions and storage, and every
// failure into one problem. It decides nothing about who runs.
//
//	request -> headers, recovery, metrics -> authorise -> handler -> JSON | problem
//	GET /api/v1/ws ----------------------------------------------> hub
//	anything that is neither API nor probe -----------------------> web client
package httpapi

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"seghub/app/status"
	"seghub/hub"
	"seghub/models"
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
}

// Models are the models that can be asked for.
type Models interface {
	Get(id string) (models.Spec, bool)
	List() []models.Spec
}

// Live serves the sockets.
type Live interface {
	Serve(w http.ResponseWriter, r *http.Request, session string)
	Refuse(w http.ResponseWriter, r *http.Request, code hub.CloseCode)
}

// Room judges whether there is room for more data.
type Room interface {
	// For reports why session may not bring so many bytes more; nil when it may. An empty session is one that is to be started.
	For(ctx context.Context, session string, bytes int64) error
}

// Limits bound what one request may bring.
type Limits struct {
	FileBytes int64 // largest file
	Pixels    int64 // largest image
	Files     int   // most files in one request
}

// Config is what the edge is built from.
type Config struct {
	Accounts  Accounts
	Jobs      Jobs
	Blobs     Blobs
	Models    Models
	Live      Live
	Client    http.Handler // the web client
	Loaded    func(model string) bool
	Status    func(context.Context) (status.Snapshot, error)
	Ready     func(context.Context) error // nil when jobs can run
	Registry  *prometheus.Registry
	Room      Room
	AccessKey string // asked of everyone who starts a session; empty asks nothing
	Secure    bool   // browsers reach the hub by HTTPS
	// SessionTTL is how long a browser keeps its cookie after it last asked for its session.
	SessionTTL time.Duration
	Limits     Limits
	Log        *slog.Logger
}

type api struct {
	Config
	previews chan struct{} // one token for each preview being made
}

// previewsAtOnce bounds the memory that previews of large images take.
const previewsAtOnce = 2

// New builds the handler of everything that the hub serves.
func New(c Config) http.Handler {
	a := &api{Config: c, previews: make(chan struct{}, previewsAtOnce)}

	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.HandleMethodNotAllowed = true
	r.RedirectTrailingSlash = false
	// No proxy is trusted: nothing here depends on the client's address.
	_ = r.SetTrustedProxies(nil)
	r.Use(measure(c.Registry), gin.CustomRecoveryWithWriter(io.Discard, a.recovered), securityHeaders)

	r.GET("/healthz", a.alive)
	r.GET("/readyz", a.ready)
	r.GET("/metrics", gin.WrapH(metricsHandler(c.Registry)))
	r.GET("/samples", a.samples)
	r.GET("/samples/:file", a.sample)

	v1 := r.Group("/api/v1")
	v1.POST("/sessions", a.createSession)
	v1.GET("/ws", a.socket)

	mine := v1.Group("", a.authorise)
	mine.GET("/session", a.getSession)
	mine.DELETE("/session", a.deleteSession)
	mine.GET("/models", a.listModels)
	mine.POST("/images", a.upload)
	mine.GET("/images/:id", a.image)
	mine.GET("/images/:id/preview", a.preview)
	mine.GET("/jobs", a.listJobs)
	mine.DELETE("/jobs", a.cancelJobs)
	mine.GET("/jobs/:id", a.getJob)
	mine.DELETE("/jobs/:id", a.cancelJob)
	mine.GET("/jobs/:id/result", a.result)
	mine.GET("/jobs/:id/mask.png", a.mask)
	mine.GET("/jobs/:id/probability.png", a.probability)
	mine.GET("/stats", a.stats)

	r.NoRoute(a.notAPI)
	r.NoMethod(func(c *gin.Context) {
		// The contract has no code of its own for a wrong method; the status says it.
		p := problem.Newf(problem.BadRequest, "%s is not a method of %s.", c.Request.Method, c.Request.URL.Path)
		p.Status = http.StatusMethodNotAllowed
		a.fail(c, p)
	})
	return r
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

// securityHeaders keep a page that is tricked into showing a file from running anything.
func securityHeaders(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("Content-Security-Policy", "default-src 'self'; img-src 'self' blob: data:; style-src 'self' 'unsafe-inline'; "+
		"object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}
