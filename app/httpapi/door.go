package httpapi

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"seghub/sessions/problem"
)

// door keeps out pages that have no business here, before anything is asked of anybody.
//
//	a page of another site         a browser sends its user's cookies along     refused where it would change something
//	a name that points elsewhere   DNS rebinding: a page comes to own a name    refused, but for probes
//	                               that leads here, and reads what it likes
//
// The pages of origins that the operator lists may come, and read what they are answered.
type door struct {
	proxies proxies
	hosts   []string // as hostname has them; nil lets every name in
	origins *http.CrossOriginProtection
	friends []string // the origins listed
}

func newDoor(trusted []netip.Prefix, hosts, origins []string) (door, error) {
	d := door{proxies: trusted, origins: http.NewCrossOriginProtection(), friends: origins}
	for _, host := range hosts {
		d.hosts = append(d.hosts, hostname(host))
	}
	for _, origin := range origins {
		if err := d.origins.AddTrustedOrigin(origin); err != nil {
			return door{}, err
		}
	}
	return d, nil
}

// pass lets the request in, or says why not. It has the request carry the host that its browser called.
func (d door) pass(r *http.Request) error {
	r.Host = d.proxies.host(r)
	if !d.knows(r.Host) && !isProbe(r.URL.Path) {
		return problem.Newf(problem.Forbidden, "This hub is not known under the name %q: the operator can list it in SEGHUB_HOSTS.", hostname(r.Host))
	}
	if err := d.origins.Check(r); err != nil {
		return problem.New(problem.Forbidden, "A page of another site may not change anything here: the operator can list its origin in SEGHUB_ORIGINS.")
	}
	return nil
}

// preflightAge is how long a browser remembers what a page may do; longer is not taken by all.
const preflightAge = "7200" // s

// share has the browser show answers to the pages that are listed. It reports whether the request asks for no more than that.
// https://fetch.spec.whatwg.org/#http-cors-protocol
func (d door) share(answer http.Header, r *http.Request) (preflight bool) {
	if len(d.friends) == 0 {
		return false
	}
	answer.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if !slices.ContainsFunc(d.friends, func(friend string) bool { return strings.EqualFold(friend, origin) }) {
		return false
	}
	answer.Set("Access-Control-Allow-Origin", origin)
	answer.Set("Access-Control-Allow-Credentials", "true")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		answer.Set("Access-Control-Expose-Headers", "Content-Disposition, ETag, Retry-After")
		return false
	}
	answer.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, DELETE")
	answer.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, If-None-Match, Range")
	answer.Set("Access-Control-Max-Age", preflightAge)
	return true
}

// knows tells whether the hub may be called by this host. An IP address cannot be rebound, and neither can localhost;
// what sends no host is no browser.
func (d door) knows(host string) bool {
	name := hostname(host)
	if d.hosts == nil || host == "" || name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return slices.ContainsFunc(d.hosts, func(known string) bool {
		domain, wild := strings.CutPrefix(known, "*")
		return name == known || wild && strings.HasSuffix(name, domain)
	})
}

// hostname is host without a port, brackets and the dot of a name's root.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
}

// isProbe tells what is asked by machines that go by names of their own, and says nothing of anybody.
func isProbe(path string) bool {
	return path == "/healthz" || path == "/readyz" || path == "/metrics"
}

// knock is the door as gin wants it.
func (a *api) knock(c *gin.Context) {
	preflight := a.door.share(c.Writer.Header(), c.Request)
	if err := a.door.pass(c.Request); err != nil {
		a.fail(c, err)
		return
	}
	if preflight {
		c.AbortWithStatus(http.StatusNoContent)
	}
}
