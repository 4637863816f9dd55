package httpapi

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"seghub/sessions/problem"
)

// ask sends a request with headers; "Host" is the name it is called by.
func (e *edge) ask(method, path string, headers map[string]string) answer {
	e.t.Helper()
	request, err := http.NewRequestWithContext(e.t.Context(), method, e.server.URL+path, nil)
	if err != nil {
		e.t.Fatal(err)
	}
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	request.Host = headers["Host"]
	response, err := e.server.Client().Do(request)
	if err != nil {
		e.t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	return answer{response, data}
}

func TestNamesThatTheHubIsCalledBy(t *testing.T) {
	e := newEdge(t, nil)
	for host, known := range map[string]bool{
		"localhost:8080": true, "127.0.0.1": true, "192.168.1.7:8080": true, "[::1]:8080": true, "[fe80::1]": true, "a.localhost": true,
		"hub.example": true, "HUB.example:8080": true, "hub.example.": true, "a.lab.example": true, "a.b.lab.example": true,
		"evil.example": false, "hub.example.evil": false, "lab.example": false, "evillab.example": false, "127.0.0.1.evil.example": false,
		"localhost.evil": false, "1.2.3.4.5": false,
	} {
		for _, path := range []string{"/", "/samples", "/api/v1/session", "/api/v1/ws"} {
			a := e.ask("GET", path, map[string]string{"Host": host})
			if refused := a.StatusCode == http.StatusForbidden; refused == known {
				t.Errorf("%s of %s: status %d", path, host, a.StatusCode)
			}
			if !known {
				a.isProblem(t, 403, problem.Forbidden)
			}
		}
		if a := e.ask("GET", "/healthz", map[string]string{"Host": host}); a.StatusCode != http.StatusOK {
			t.Errorf("a probe under the name %s: status %d", host, a.StatusCode)
		}
	}
	anyName := newEdge(t, func(c *Config) { c.Hosts = nil })
	if a := anyName.ask("GET", "/", map[string]string{"Host": "evil.example"}); a.StatusCode != http.StatusOK {
		t.Errorf("any name may call: status %d", a.StatusCode)
	}
}

func TestPagesOfOtherSitesChangeNothing(t *testing.T) {
	e := newEdge(t, nil)
	token := e.session()
	for name, test := range map[string]struct {
		headers map[string]string
		refused bool
	}{
		"no browser":                     {nil, false},
		"its own page":                   {map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": "http://hub.example"}, false},
		"a page of another site":         {map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, true},
		"a page of another port":         {map[string]string{"Sec-Fetch-Site": "same-site", "Origin": "http://hub.example:81"}, true},
		"a page of a listed site":        {map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://friend.example"}, false},
		"an old browser, its own page":   {map[string]string{"Origin": "http://hub.example"}, false},
		"an old browser, another's page": {map[string]string{"Origin": "https://evil.example"}, true},
		"a page of nowhere":              {map[string]string{"Origin": "null"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			headers := map[string]string{"Host": "hub.example", "Authorization": "Bearer " + token}
			for k, v := range test.headers {
				headers[k] = v
			}
			for _, call := range append(calls, "POST /sessions") {
				method, path, _ := strings.Cut(call, " ")
				if path == "/session" && method == "DELETE" && !test.refused {
					continue // the others go on with it
				}
				a := e.ask(method, "/api/v1"+path, headers)
				if refused := a.StatusCode == http.StatusForbidden; refused != (test.refused && method != "GET") {
					t.Errorf("%s: status %d: %s", call, a.StatusCode, a.body)
				}
			}
		})
	}
}

// TestPagesOfAListedSiteReadTheirAnswers asks as a browser does for them, which first asks whether it may.
func TestPagesOfAListedSiteReadTheirAnswers(t *testing.T) {
	e := newEdge(t, nil)
	asking := map[string]string{"Host": "hub.example", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
	for origin, listed := range map[string]bool{"https://friend.example": true, "https://evil.example": false, "null": false, "": false} {
		headers := map[string]string{"Host": "hub.example", "Origin": origin}
		asking["Origin"] = origin
		if origin == "" { // no browser, or the hub's own page
			delete(headers, "Origin")
			delete(asking, "Origin")
		}
		for _, path := range []string{"/api/v1/sessions", "/api/v1/jobs/j1/measure"} {
			a := e.ask("OPTIONS", path, asking)
			allowed := a.StatusCode == http.StatusNoContent && strings.Contains(a.Header.Get("Access-Control-Allow-Headers"), "Authorization") &&
				strings.Contains(a.Header.Get("Access-Control-Allow-Methods"), "POST")
			if allowed != listed || !listed && a.StatusCode != http.StatusMethodNotAllowed {
				t.Errorf("%q may ask for %s: status %d, %v", origin, path, a.StatusCode, a.Header)
			}
		}
		for path, status := range map[string]int{"/api/v1/session": http.StatusUnauthorized, "/samples": http.StatusOK} {
			a := e.ask("GET", path, headers)
			read := a.Header.Get("Access-Control-Allow-Origin") == origin && a.Header.Get("Access-Control-Allow-Credentials") == "true"
			if a.StatusCode != status || read != listed || !slices.Contains(a.Header.Values("Vary"), "Origin") {
				t.Errorf("%q reads %s: status %d, %v", origin, path, a.StatusCode, a.Header)
			}
		}
	}
	asking["Origin"] = "https://friend.example"
	alone := newEdge(t, func(c *Config) { c.Origins = nil })
	if a := alone.ask("OPTIONS", "/api/v1/jobs", asking); a.StatusCode != http.StatusMethodNotAllowed || a.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("without a list: status %d, %v", a.StatusCode, a.Header)
	}
}

func TestOriginThatIsNone(t *testing.T) {
	if _, err := New(Config{Origins: []string{"lab.example/path"}}); err == nil {
		t.Error("taken")
	}
}

func TestPeer(t *testing.T) {
	trusted := proxies{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	for name, test := range map[string]struct {
		remote    string
		forwarded []string
		want      string
	}{
		"direct":                        {"192.0.2.7:1234", nil, "192.0.2.7"},
		"direct, and lies":              {"192.0.2.7:1234", []string{"198.51.100.1"}, "192.0.2.7"},
		"a proxy":                       {"127.0.0.1:1234", []string{"192.0.2.7"}, "192.0.2.7"},
		"a proxy, and lies":             {"127.0.0.1:1234", []string{"198.51.100.1, 192.0.2.7"}, "192.0.2.7"},
		"two proxies":                   {"127.0.0.1:1234", []string{"198.51.100.1, 192.0.2.7", "10.1.2.3"}, "192.0.2.7"},
		"a proxy that says nothing":     {"127.0.0.1:1234", nil, "127.0.0.1"},
		"a proxy that says rubbish":     {"127.0.0.1:1234", []string{"192.0.2.7, unknown"}, "127.0.0.1"},
		"a proxy that says a port":      {"127.0.0.1:1234", []string{"192.0.2.7:99"}, "192.0.2.7"},
		"all are proxies":               {"127.0.0.1:1234", []string{"10.1.1.1"}, "10.1.1.1"},
		"IPv6 is its /64":               {"[2001:db8:1:2:3:4:5:6]:1234", nil, "2001:db8:1:2::"},
		"IPv6 by a proxy":               {"[::1]:1234", []string{"2001:db8:1:2:ffff::1"}, "2001:db8:1:2::"},
		"IPv4 in IPv6":                  {"[::ffff:192.0.2.7]:1234", nil, "192.0.2.7"},
		"IPv4 in IPv6, a trusted proxy": {"[::ffff:127.0.0.1]:1234", []string{"192.0.2.7"}, "192.0.2.7"},
		"no address":                    {"@", nil, "invalid IP"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = test.remote
		r.Header["X-Forwarded-For"] = test.forwarded
		if got := trusted.peer(r).String(); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

// TestHostThatAProxySays has a proxy that calls the hub by an address of its own.
func TestHostThatAProxySays(t *testing.T) {
	behind := newEdge(t, func(c *Config) { c.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	open := newEdge(t, nil)
	for said, status := range map[string]int{"hub.example": 201, "evil.example": 403, "evil.example, hub.example": 201} {
		headers := map[string]string{"X-Forwarded-Host": said, "Origin": "https://hub.example"}
		if a := behind.ask("POST", "/api/v1/sessions", headers); a.StatusCode != status {
			t.Errorf("%s: status %d, want %d", said, a.StatusCode, status)
		}
		// A stranger's word is not taken: the page is one of another host.
		if a := open.ask("POST", "/api/v1/sessions", headers); a.StatusCode != http.StatusForbidden {
			t.Errorf("%s from a stranger: status %d", said, a.StatusCode)
		}
	}
}

// TestPortThatAProxySays has one that leaves the port out of the host that it passes on, as nginx' $host does.
func TestPortThatAProxySays(t *testing.T) {
	trusted := proxies{netip.MustParsePrefix("127.0.0.1/32")}
	for _, test := range []struct{ remote, host, port, origin, want string }{
		{"127.0.0.1:1", "hub.example", "8443", "https://hub.example:8443", "hub.example:8443"},
		{"127.0.0.1:1", "[2001:db8::1]", "8443", "https://[2001:db8::1]:8443", "[2001:db8::1]:8443"},
		{"127.0.0.1:1", "hub.example", "8080", "https://hub.example", "hub.example"}, // another proxy has the port that browsers call
		{"127.0.0.1:1", "hub.example", "8443", "https://hub.example:9000", "hub.example"},
		{"127.0.0.1:1", "hub.example", "", "https://hub.example:9000", "hub.example"},
		{"127.0.0.1:1", "hub.example:8443", "8443", "https://hub.example:8443", "hub.example:8443"},
		{"192.0.2.7:1", "hub.example", "8443", "https://hub.example:8443", "hub.example"}, // a stranger
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr, r.Host = test.remote, test.host
		r.Header.Set("X-Forwarded-Port", test.port)
		r.Header.Set("Origin", test.origin)
		if got := trusted.host(r); got != test.want {
			t.Errorf("%+v: %s", test, got)
		}
	}
}

// TestTwoHubsInOneBrowser signs in to two hubs with one jar of cookies, which knows no ports.
func TestTwoHubsInOneBrowser(t *testing.T) {
	first, second := newEdge(t, nil), newEdge(t, func(c *Config) { c.Deployment = "d2" })
	jar := ""
	for _, e := range []*edge{first, second} {
		c := e.ask("POST", "/api/v1/sessions", nil).Cookies()[0]
		jar += c.Name + "=" + c.Value + "; "
	}
	for _, e := range []*edge{first, second} {
		a := e.ask("GET", "/api/v1/session", map[string]string{"Cookie": jar})
		if a.StatusCode != http.StatusOK {
			t.Errorf("status %d", a.StatusCode)
		}
		// It is used, so it lives on.
		if c := a.Cookies(); len(c) != 1 || c[0].MaxAge != 3600 || !strings.Contains(jar, c[0].Name+"="+c[0].Value+";") {
			t.Errorf("cookies %v", c)
		}
	}
}
