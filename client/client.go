package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// Config says which hub and how.
type Config struct {
	URL       string // of the hub, as http://host:port, also under a path of a proxy, and with the user that this asks for
	Name      string // of the person, as others see it
	AccessKey string // where the operator has set one
	Token     string // of a session that goes on; empty starts one

	// GiveUp is how long a hub may be out of reach before a call fails; 5 minutes when zero.
	GiveUp time.Duration
	// Stall is how long a connection may move nothing before it counts as broken; 1 minute when zero.
	Stall time.Duration
	// Transport makes the connections, those of events too; one of the client's own when nil.
	Transport *http.Transport
	// Retrying hears why a call is made again and how long it waits; may be nil. It must not block.
	Retrying func(err error, wait time.Duration)
}

const (
	defaultGiveUp = 5 * time.Minute
	defaultStall  = time.Minute
	dialTimeout   = 15 * time.Second
)

// Client is one session at a hub.
type Client struct {
	config Config
	base   string // https://host/mount/api/v1
	token  string
	proxy  *url.Userinfo // what a proxy before the hub asks for; nil where the address has none
	cookie string        // the token as browsers send it, with its name
	http   *http.Client
	dialer websocket.Dialer
}

// Open takes up the session of Config.Token, or starts one.
func Open(ctx context.Context, config Config) (*Client, error) {
	address, err := url.Parse(config.URL)
	if err != nil || address.Host == "" || address.Scheme != "http" && address.Scheme != "https" {
		return nil, fmt.Errorf("seghub: %q is not the address of a hub, such as http://127.0.0.1:8080", config.URL)
	}
	if config.GiveUp == 0 {
		config.GiveUp = defaultGiveUp
	}
	if config.Stall == 0 {
		config.Stall = defaultStall
	}
	if config.Transport == nil {
		config.Transport = &http.Transport{
			Proxy:       proxyTo,
			DialContext: (&net.Dialer{Timeout: dialTimeout}).DialContext,
			// Whoever comes back to a hub that was restarted is not to find dead connections one after the other.
			IdleConnTimeout: 30 * time.Second,
			// Two, as is usual, are fewer than a program has calls at once: the others would be made anew for each, with TLS's handshake.
			MaxIdleConnsPerHost: 8,
		}
	}
	if address.User != nil && config.Token != "" {
		return nil, errors.New("seghub: a session cannot be taken up by its token where the address has a user: its header is the proxy's")
	}
	proxy := address.User
	address.User, address.RawQuery, address.ForceQuery, address.Fragment = nil, "", false, "" // a browser shows the others with the page's address
	c := &Client{
		config: config,
		proxy:  proxy,
		base:   strings.TrimRight(address.String(), "/") + "/api/v1",
		token:  config.Token,
		http: &http.Client{
			Transport: config.Transport,
			// To where a call is sent on it comes without its body, and on another host without its token: whoever called hears of it.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		dialer: websocket.Dialer{
			Subprotocols:     []string{subprotocol},
			HandshakeTimeout: dialTimeout,
			Proxy:            config.Transport.Proxy,
			NetDialContext:   config.Transport.DialContext,
			TLSClientConfig:  http1(config.Transport.TLSClientConfig),
		},
	}
	if c.token == "" {
		if err := c.start(ctx); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// proxyTo is the proxy of the environment, which is asked for nothing of this machine. http knows that of localhost and its addresses.
func proxyTo(request *http.Request) (*url.URL, error) {
	if isOwnName(request.URL.Hostname()) {
		return nil, nil
	}
	return http.ProxyFromEnvironment(request)
}

// isOwnName tells whether host is a name of this machine, for which an operator need not set NO_PROXY.
func isOwnName(host string) bool {
	host = strings.TrimSuffix(host, ".")
	own, err := os.Hostname()
	return strings.EqualFold(host, "localhost") || err == nil && (strings.EqualFold(host, own) || strings.EqualFold(host, own+".local"))
}

// http1 is what says how TLS is spoken, for sockets, which HTTP/2 has none of. A transport that may speak that has written so into its own.
func http1(config *tls.Config) *tls.Config {
	if config != nil {
		config = config.Clone()
		config.NextProtos = nil
	}
	return config
}

// start begins a session. When its answer is lost another one is begun; the one that nobody knows of has no work and expires.
func (c *Client) start(ctx context.Context) error {
	body, err := json.Marshal(map[string]string{"name": c.config.Name, "access_key": c.config.AccessKey})
	if err != nil {
		return err
	}
	var created struct {
		Token string `json:"token"`
	}
	what := call{method: http.MethodPost, path: "/sessions", body: body, contentType: "application/json"}
	return c.do(ctx, what, func(response *http.Response) error {
		if err := decode(response, what.path, &created); err != nil {
			return err
		}
		c.token = created.Token
		for _, cookie := range response.Cookies() {
			if cookie.Value == c.token {
				c.cookie = cookie.Name + "=" + cookie.Value
			}
		}
		return nil
	})
}

// authorise says who calls. A proxy asks for a user of its own in the header that the token goes in elsewhere: then this goes as a cookie, as it
// does with browsers.
func (c *Client) authorise(header http.Header) {
	switch {
	case c.proxy != nil:
		password, _ := c.proxy.Password()
		header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(c.proxy.Username()+":"+password)))
		if c.cookie != "" {
			header.Set("Cookie", c.cookie)
		}
	case c.token != "":
		header.Set("Authorization", "Bearer "+c.token)
	}
}

// Token authorises the session; whoever keeps it can take the session up again.
func (c *Client) Token() string { return c.token }

// Disconnect lets go of idle connections. The session stays.
func (c *Client) Disconnect() { c.http.CloseIdleConnections() }

// Close ends the session for good: its queue is cancelled and its files are deleted.
func (c *Client) Close(ctx context.Context) error {
	defer c.Disconnect()
	err := c.do(ctx, call{method: http.MethodDelete, path: "/session"}, nil)
	if HasCode(err, CodeUnauthorized) { // the answer to a first try was lost
		return nil
	}
	return err
}

// Session is the session as it is now.
func (c *Client) Session(ctx context.Context) (Session, error) {
	var s Session
	err := c.json(ctx, call{path: "/session"}, &s)
	return s, err
}

// Models are those that can be asked for.
func (c *Client) Models(ctx context.Context) ([]Model, error) {
	var answer struct {
		Models []Model `json:"models"`
	}
	err := c.json(ctx, call{path: "/models"}, &answer)
	return answer.Models, err
}

// call is one request, which may have to be made several times.
type call struct {
	method      string // GET when empty
	path        string // below /api/v1
	header      http.Header
	contentType string
	body        []byte
	stream      func() (io.ReadCloser, int64, error) // in place of body; its length is -1 when unknown
	once        bool                                 // the caller makes it again itself
	silent      bool                                 // the hub may say nothing for long before it answers
}

// json makes a call and decodes what is answered.
func (c *Client) json(ctx context.Context, what call, v any) error {
	return c.do(ctx, what, func(response *http.Response) error { return decode(response, what.path, v) })
}

// decode reads the answer to a call of path.
func decode(response *http.Response, path string, v any) error {
	if kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type")); kind != "application/json" {
		return stranger(response, "with "+strconv.Quote(kind))
	}
	if err := json.NewDecoder(response.Body).Decode(v); err != nil {
		return fmt.Errorf("seghub: the answer to %s: %w", path, err)
	}
	return nil
}

// do makes a call until it is answered, and gives the answer of a success to read. Where reading fails the call is made again.
func (c *Client) do(ctx context.Context, what call, read func(*http.Response) error) error {
	var failed failures
	for {
		err := c.try(ctx, what, read)
		if err == nil || what.once {
			return err
		}
		if err := c.again(ctx, &failed, err); err != nil {
			return err
		}
	}
}

// failures are those of one call, in a row.
type failures struct {
	count int
	since time.Time
}

// again waits until a call that failed may be made again; the error is why it may not.
func (c *Client) again(ctx context.Context, failed *failures, why error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !passes(why) {
		return why
	}
	switch {
	case isFull(why): // the hub is there
		failed.since = time.Time{}
	case failed.since.IsZero():
		failed.since = time.Now()
	case time.Since(failed.since) > c.config.GiveUp:
		return why
	}
	wait := usual.delay(failed.count)
	failed.count++
	var p *Problem
	switch {
	case !errors.As(why, &p):
	case isFull(why):
		wait += p.RetryAfter
	default: // a proxy's page may ask for hours
		wait += min(p.RetryAfter, c.config.GiveUp)
	}
	if c.config.Retrying != nil {
		c.config.Retrying(why, wait)
	}
	return pause(ctx, wait)
}

// errStalled is why a call ends of which nothing moves.
var errStalled = errors.New("seghub: the connection has moved nothing for too long")

// try makes a call once.
func (c *Client) try(ctx context.Context, what call, read func(*http.Response) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	patience := c.config.Stall
	if what.silent {
		patience = max(patience, c.config.GiveUp)
	}
	stall := time.AfterFunc(patience, func() { cancel(errStalled) })
	defer stall.Stop()
	moving := func() { stall.Reset(patience) }

	request, err := c.request(ctx, what, moving)
	if err != nil {
		return err
	}
	response, err := c.http.Do(request)
	var here localError
	if errors.As(err, &here) { // in whose words the address has no place
		return here
	}
	if err != nil {
		return cause(ctx, err)
	}
	defer response.Body.Close()
	response.Body = moved{response.Body, moving}
	if response.StatusCode >= http.StatusMultipleChoices {
		return readProblem(response)
	}
	if read == nil {
		return nil
	}
	return cause(ctx, read(response))
}

// cause is why ctx ended where that is what err comes of.
func cause(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func (c *Client) request(ctx context.Context, what call, moving func()) (*http.Request, error) {
	body := io.NopCloser(bytes.NewReader(what.body))
	length := int64(len(what.body))
	if what.stream != nil {
		var err error
		if body, length, err = what.stream(); err != nil {
			return nil, localError{err}
		}
	}
	request, err := http.NewRequestWithContext(ctx, what.method, c.base+what.path, moved{body, moving})
	if err != nil {
		return nil, err
	}
	if request.ContentLength = length; length == 0 {
		request.Body = http.NoBody
	}
	for key, values := range what.header {
		request.Header[key] = values
	}
	if what.contentType != "" {
		request.Header.Set("Content-Type", what.contentType)
	}
	c.authorise(request.Header)
	return request, nil
}

// moved tells of every piece that is read through it.
type moved struct {
	io.ReadCloser
	moving func()
}

func (m moved) Read(p []byte) (int, error) {
	n, err := m.ReadCloser.Read(p)
	if n > 0 {
		m.moving()
	}
	return n, err
}
