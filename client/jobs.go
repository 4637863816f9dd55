package client

import (
	"context"
	"encoding/json"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
)

// jobsPage is how many jobs are asked for at once.
const jobsPage = 500

// Job gives one job.
func (c *Client) Job(ctx context.Context, id string) (Job, error) {
	var job Job
	err := c.json(ctx, call{path: "/jobs/" + url.PathEscape(id)}, &job)
	return job, err
}

// Jobs goes through the jobs of the session, newest first; those of one state unless that is empty. After an error nothing follows.
func (c *Client) Jobs(ctx context.Context, state JobState) iter.Seq2[Job, error] {
	return func(yield func(Job, error) bool) {
		for cursor := ""; ; {
			query := url.Values{"limit": {strconv.Itoa(jobsPage)}}
			if state != "" {
				query.Set("state", string(state))
			}
			if cursor != "" {
				query.Set("cursor", cursor)
			}
			var page struct {
				Jobs       []Job   `json:"jobs"`
				NextCursor *string `json:"next_cursor"`
			}
			if err := c.json(ctx, call{path: "/jobs?" + query.Encode()}, &page); err != nil {
				yield(Job{}, err)
				return
			}
			for _, job := range page.Jobs {
				if !yield(job, nil) {
					return
				}
			}
			if page.NextCursor == nil {
				return
			}
			cursor = *page.NextCursor
		}
	}
}

// Cancel stops one job; one that has ended is left as it is.
func (c *Client) Cancel(ctx context.Context, job string) error {
	return c.do(ctx, call{method: http.MethodDelete, path: "/jobs/" + url.PathEscape(job)}, nil)
}

// DeleteImage deletes an image with its jobs and all that was made of it.
func (c *Client) DeleteImage(ctx context.Context, image string) error {
	return c.do(ctx, call{method: http.MethodDelete, path: "/images/" + url.PathEscape(image)}, nil)
}

// CancelAll stops every job that the session has at this moment.
func (c *Client) CancelAll(ctx context.Context) error {
	return c.do(ctx, call{method: http.MethodDelete, path: "/jobs"}, nil)
}

// Result is what was found by a job that is done.
func (c *Client) Result(ctx context.Context, job string) (Result, error) {
	var r Result
	err := c.json(ctx, call{path: "/jobs/" + url.PathEscape(job) + "/result"}, &r)
	return r, err
}

// Download writes a file of a job that is done to w: mask.png, probability.png, labels.tif, result or receipt. A download that
// breaks is begun anew, so w is what restart gives each time.
func (c *Client) Download(ctx context.Context, job, file string, restart func() (io.Writer, error)) error {
	return c.fetch(ctx, call{path: "/jobs/" + url.PathEscape(job) + "/" + url.PathEscape(file)}, restart)
}

// Export writes jobs that are done in another program's format, all of the session where none is named. A download that breaks is
// begun anew, so restart gives the writer each time. A table begins once all of its results are read, which may take minutes.
func (c *Client) Export(ctx context.Context, format string, jobs []string, restart func() (io.Writer, error)) error {
	if len(jobs) <= inAddress {
		query := url.Values{"format": {format}, "job": jobs}
		return c.fetch(ctx, call{path: "/export?" + query.Encode(), silent: true}, restart)
	}
	body, err := json.Marshal(exportRequest{format, jobs})
	if err != nil {
		return err
	}
	return c.fetch(ctx, call{method: http.MethodPost, path: "/export", body: body, contentType: "application/json", silent: true}, restart)
}

// inAddress is how many jobs an export names in its address, which every hub takes; proxies take none of several hundred.
const inAddress = 50

type exportRequest struct {
	Format string   `json:"format"`
	Jobs   []string `json:"jobs"`
}

// fetch downloads until it is whole.
func (c *Client) fetch(ctx context.Context, what call, restart func() (io.Writer, error)) error {
	return c.do(ctx, what, func(response *http.Response) error {
		w, err := restart()
		if err != nil {
			return localError{err}
		}
		_, err = io.Copy(localWriter{w}, response.Body)
		return err
	})
}

// localWriter tells what goes wrong with a writer from a broken connection.
type localWriter struct{ w io.Writer }

func (l localWriter) Write(p []byte) (int, error) {
	n, err := l.w.Write(p)
	if err != nil {
		err = localError{err}
	}
	return n, err
}

// Receipt is what made the newest revision of a result, as JSON.
func (c *Client) Receipt(ctx context.Context, job string) (json.RawMessage, error) {
	var receipt json.RawMessage
	err := c.json(ctx, call{path: "/jobs/" + url.PathEscape(job) + "/receipt"}, &receipt)
	return receipt, err
}

// Edit corrects the label map of a job that stands at a revision, and gives the revision that it makes. The operations are the
// contract's, as JSON. It is not made again where its answer is lost: a second try would find another revision.
func (c *Client) Edit(ctx context.Context, job string, revision int, operations json.RawMessage) (int, error) {
	return c.revise(ctx, job, "edits", struct {
		Revision   int             `json:"revision"`
		Operations json.RawMessage `json:"operations"`
	}{revision, operations})
}

// Measure cuts the stored probability map of a job anew and keeps what comes of it; it gives the revision that it makes. Options
// are the contract's, as JSON, with keep among them.
func (c *Client) Measure(ctx context.Context, job string, options json.RawMessage) (int, error) {
	return c.revise(ctx, job, "measure", options)
}

func (c *Client) revise(ctx context.Context, job, how string, request any) (int, error) {
	body, err := json.Marshal(request)
	if err != nil {
		return 0, err
	}
	var made struct {
		Revision int `json:"revision"`
	}
	err = c.json(ctx, call{
		method: http.MethodPost, path: "/jobs/" + url.PathEscape(job) + "/" + how, body: body, contentType: "application/json", once: true,
	}, &made)
	return made.Revision, err
}
