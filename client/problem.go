package client

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Problem is why the hub did not do what it was asked: an RFC 9457 problem. It is an error.
type Problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"` // one sentence for a person
	Code   string `json:"code"`   // stable: what a program switches on

	Rejected   []Rejection   `json:"rejected"` // of an upload of which nothing was taken
	RetryAfter time.Duration `json:"-"`        // 0 where trying again does not help, or the hub did not say
}

// Codes that programs, or this package itself, act upon; the contract lists all.
const (
	CodeUnauthorized      = "unauthorized"
	CodeAccessKeyRequired = "access_key_required"
	CodeBadRequest        = "bad_request"
	CodeNotFound          = "not_found"
	CodeUnknownModel      = "unknown_model"
	CodeQuotaExceeded     = "quota_exceeded"
	codeQueueFull         = "queue_full"
	codeRateLimited       = "rate_limited"
	codeGPUMemory         = "gpu_memory_exhausted"
)

// Rejection is a file that the hub did not take, and why.
type Rejection struct {
	Filename string `json:"filename"`
	Code     string `json:"code"`
	Detail   string `json:"detail"`
}

// Error is the sentence for a person, or what is known instead.
func (p *Problem) Error() string {
	if p.Detail != "" {
		return p.Detail
	}
	return fmt.Sprintf("%s (%d)", p.Title, p.Status)
}

// HasCode tells whether err is a Problem of this code.
func HasCode(err error, code string) bool {
	var p *Problem
	return errors.As(err, &p) && p.Code == code
}

// maxProblem is the longest problem that is read, in bytes: one of 100 rejected files is well below.
const maxProblem = 1 << 20

// maxRetryAfter is the longest wait that is believed, in seconds.
const maxRetryAfter = 24 * 60 * 60

// readProblem makes the error of an answer that is none of success. What no hub says, a proxy in between may.
func readProblem(response *http.Response) *Problem {
	p := &Problem{}
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	data, err := io.ReadAll(io.LimitReader(response.Body, maxProblem))
	if kind != "application/problem+json" || err != nil || json.Unmarshal(data, p) != nil {
		p = &Problem{Title: http.StatusText(response.StatusCode)}
		if response.StatusCode < http.StatusInternalServerError && response.Request != nil {
			p = stranger(response, fmt.Sprintf("%d %s", response.StatusCode, p.Title))
		}
	}
	p.Status = response.StatusCode
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds >= 0 {
		p.RetryAfter = time.Duration(min(seconds, maxRetryAfter)) * time.Second
	}
	return p
}

// stranger is the problem of an answer that no hub gives: another program's, or a proxy's that wants something else.
func stranger(response *http.Response, answer string) *Problem {
	p := &Problem{Title: http.StatusText(response.StatusCode), Status: response.StatusCode}
	address := response.Request.URL
	elsewhere, err := response.Location()
	scheme, _, _ := strings.Cut(response.Header.Get("WWW-Authenticate"), " ")
	switch {
	case err == nil:
		p.Detail = fmt.Sprintf("%s is not where the hub is: it leads to %s", address, elsewhere)
	case strings.EqualFold(scheme, "Basic"):
		p.Detail = fmt.Sprintf("A proxy before %s asks for a user and a password, or takes those for wrong: say them in the address, as %s://USER:PASSWORD@%s",
			address, address.Scheme, address.Host)
	case p.Status == http.StatusRequestEntityTooLarge:
		p.Detail = fmt.Sprintf("A proxy before %s takes no file of this size: whoever runs it sets how large one may be", address)
	default:
		p.Detail = fmt.Sprintf("%s is no hub's: it answers %s", address, answer)
	}
	return p
}

// localError is one of this machine, which no other try mends.
type localError struct{ error }

func (e localError) Unwrap() error { return e.error }

// IsLocal tells whether err is of this machine, such as a file that cannot be read, and not of the hub or the way there.
func IsLocal(err error) bool {
	var here localError
	return errors.As(err, &here)
}

// isFull tells whether err says that the hub has too much to do, which may last.
func isFull(err error) bool {
	return HasCode(err, codeQueueFull) || HasCode(err, codeRateLimited) || HasCode(err, codeGPUMemory)
}

// passes tells whether what is wrong may be over soon: the hub is full, going down or not there behind its proxy, or the
// connection broke. A certificate that is not trusted stays so, and a hub without TLS is not one behind https.
func passes(err error) bool {
	var certificate *tls.CertificateVerificationError
	if IsLocal(err) || errors.As(err, &certificate) || errors.Is(err, http.ErrSchemeMismatch) {
		return false
	}
	var p *Problem
	if !errors.As(err, &p) {
		return true
	}
	switch p.Status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}
