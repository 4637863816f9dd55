// Package problem holds the RFC 9457 problem that every failure becomes before a client sees it,
// and the one table of stable codes with their HTTP status and title.
package problem

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"
)

// Code is the stable, machine-readable reason of a problem; clients switch on it.
type Code string

// The codes of the contract, version 1.
const (
	AccessKeyRequired  Code = "access_key_required"
	Unauthorized       Code = "unauthorized"
	Forbidden          Code = "forbidden"
	NotFound           Code = "not_found"
	BadRequest         Code = "bad_request"
	UnknownModel       Code = "unknown_model"
	TooManyFiles       Code = "too_many_files"
	BatchTooLarge      Code = "batch_too_large"
	FileTooLarge       Code = "file_too_large"
	ImageTooLarge      Code = "image_too_large"
	UnsupportedFormat  Code = "unsupported_format"
	CorruptImage       Code = "corrupt_image"
	QuotaExceeded      Code = "quota_exceeded"
	RateLimited        Code = "rate_limited"
	QueueFull          Code = "queue_full"
	RevisionConflict   Code = "revision_conflict"
	GPUMemoryExhausted Code = "gpu_memory_exhausted"
	Draining           Code = "draining"
	Timeout            Code = "timeout"
	Unavailable        Code = "unavailable"
	InferenceFailed    Code = "inference_failed"
	Internal           Code = "internal"
)

type meaning struct {
	status     int
	title      string
	retryAfter time.Duration // sent as Retry-After when above zero
}

var meanings = map[Code]meaning{
	AccessKeyRequired:  {status: http.StatusUnauthorized, title: "An access key is required"},
	Unauthorized:       {status: http.StatusUnauthorized, title: "Not authorised"},
	Forbidden:          {status: http.StatusForbidden, title: "Not from there"},
	NotFound:           {status: http.StatusNotFound, title: "Not found"},
	BadRequest:         {status: http.StatusBadRequest, title: "The request is not valid"},
	UnknownModel:       {status: http.StatusBadRequest, title: "Unknown model"},
	TooManyFiles:       {status: http.StatusRequestEntityTooLarge, title: "Too many files in one request"},
	BatchTooLarge:      {status: http.StatusRequestEntityTooLarge, title: "The request is too large"},
	FileTooLarge:       {status: http.StatusRequestEntityTooLarge, title: "The file is too large"},
	ImageTooLarge:      {status: http.StatusRequestEntityTooLarge, title: "The image has too many pixels"},
	UnsupportedFormat:  {status: http.StatusUnsupportedMediaType, title: "Unsupported image format"},
	CorruptImage:       {status: http.StatusBadRequest, title: "The image is damaged"},
	QuotaExceeded:      {status: http.StatusInsufficientStorage, title: "No room left for more data"},
	RateLimited:        {status: http.StatusTooManyRequests, title: "Too many requests", retryAfter: time.Second},
	QueueFull:          {status: http.StatusTooManyRequests, title: "The queue is full", retryAfter: 30 * time.Second},
	RevisionConflict:   {status: http.StatusConflict, title: "There is a newer revision"},
	GPUMemoryExhausted: {status: http.StatusServiceUnavailable, title: "Memory for models is exhausted", retryAfter: 10 * time.Second},
	Draining:           {status: http.StatusServiceUnavailable, title: "The server is going down", retryAfter: 5 * time.Second},
	Timeout:            {status: http.StatusServiceUnavailable, title: "It took too long", retryAfter: 2 * time.Second},
	Unavailable:        {status: http.StatusServiceUnavailable, title: "Not available at the moment", retryAfter: 2 * time.Second},
	InferenceFailed:    {status: http.StatusInternalServerError, title: "The model failed on this image"},
	Internal:           {status: http.StatusInternalServerError, title: "Something went wrong on the server"},
}

// Problem is an RFC 9457 problem. It is also an error, so that a layer that already knows what the
// client must hear can say it directly.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Code   Code   `json:"code"`

	// Wait is how long the client should wait where that is better known than what the code says of it; 0 where not.
	Wait time.Duration `json:"-"`
}

// New makes the problem of code; detail is one sentence for the person who reads it.
func New(code Code, detail string) *Problem {
	m, ok := meanings[code]
	if !ok {
		code, m = Internal, meanings[Internal]
	}
	return &Problem{
		Type:   "urn:seghub:problem:" + string(code),
		Title:  m.title,
		Status: m.status,
		Detail: detail,
		Code:   code,
	}
}

// Newf is New with a formatted detail.
func Newf(code Code, format string, args ...any) *Problem {
	return New(code, fmt.Sprintf(format, args...))
}

// Error makes a Problem an error.
func (p *Problem) Error() string { return string(p.Code) + ": " + p.Detail }

// RetryAfter is how long a client should wait before it tries again; zero when trying again does not help.
func (p *Problem) RetryAfter() time.Duration {
	if p.Wait > 0 {
		return p.Wait
	}
	return meanings[p.Code].retryAfter
}

// Write answers a request with p. body is p, or a value that encodes to p with more members.
func Write(w http.ResponseWriter, p *Problem, body any) {
	data, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("problem: %T cannot be encoded: %v", body, err))
	}
	if wait := p.RetryAfter(); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	}
	// Whatever was meant to be answered, this is not it: some caches keep a 404 for minutes.
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Del("ETag")
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Content-Length", strconv.Itoa(len(data))) // whole for its reader before the request's end is
	w.WriteHeader(p.Status)
	// A client that is gone needs no answer.
	_, _ = w.Write(data)
}
