package httpapi

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// other is the label of what a stranger may make up without end.
const other = "other"

// methods are those that have a label of their own.
var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}

// measure counts requests by method, route and status and times them. Each label is one of a closed set, so that the
// page does not grow with what is asked. Sockets are left out: how long their handshake takes is the peer's affair.
func measure(registry *prometheus.Registry) gin.HandlerFunc {
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "seghub_http_request_seconds",
		Help:    "Duration of HTTP requests by route and status.",
		Buckets: []float64{.005, .02, .1, .5, 2, 10, 60},
	}, []string{"method", "route", "status"})
	registry.MustRegister(seconds)

	return func(c *gin.Context) {
		start := time.Now()
		c.Next()
		route, method := c.FullPath(), c.Request.Method
		if strings.HasSuffix(route, socketPath) {
			return
		}
		if route == "" {
			route = other
		}
		if !slices.Contains(methods, method) {
			method = other
		}
		seconds.WithLabelValues(method, route, strconv.Itoa(c.Writer.Status())).Observe(time.Since(start).Seconds())
	}
}

func metricsHandler(registry *prometheus.Registry) http.Handler {
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{DisableCompression: true})
}
