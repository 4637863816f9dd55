package httpapi

import (
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// measure counts requests by route and times them. Sockets are left out: they last for hours.
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
		route := c.FullPath()
		switch {
		case c.IsWebsocket():
			return
		case route == "":
			route = "other"
		}
		seconds.WithLabelValues(c.Request.Method, route, strconv.Itoa(c.Writer.Status())).Observe(time.Since(start).Seconds())
	}
}

func metricsHandler(registry *prometheus.Registry) http.Handler {
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}
