package httpapi

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"seghub/models/imageio"
	"seghub/sessions"
	"seghub/storage"
)

// doneJob is the job that the request names, once it is done.
func (a *api) doneJob(c *gin.Context) (session string, job sessions.Job, err error) {
	session = c.GetString(sessionKey)
	job, err = a.Jobs.Job(c.Request.Context(), session, c.Param("id"))
	if err == nil && job.State != sessions.JobDone {
		err = sessions.ErrNotDone
	}
	return session, job, err
}

// image serves the file as it was uploaded. Its type is what its own bytes say, never what the
// uploader said.
func (a *api) image(c *gin.Context) {
	blob, err := a.Blobs.Open(c.Request.Context(), storage.ImageKey(c.GetString(sessionKey), c.Param("id")))
	if err != nil {
		a.fail(c, err)
		return
	}
	defer blob.Close()
	header, err := imageio.ReadHeader(blob)
	if err != nil {
		a.fail(c, fmt.Errorf("header of a stored image: %w", err))
		return
	}
	unchanging(c)
	serve(c, blob, blob.ModTime(), header.MIME)
}

// unchanging lets the browser keep an answer: what lies under this URL never becomes another.
func unchanging(c *gin.Context) {
	c.Header("Cache-Control", "private, max-age=86400, immutable")
}

// serve answers with content, ranges included.
func serve(c *gin.Context, content io.ReadSeeker, modified time.Time, contentType string) {
	c.Header("Content-Type", contentType)
	http.ServeContent(c.Writer, c.Request, "", modified, content)
}

// serveMade is serve for what was made for this request. What its reader has not taken yet waits on the disk.
func (a *api) serveMade(c *gin.Context, data []byte, modified time.Time, contentType string) {
	answer := spool(a.Spool, data)
	defer answer.Close()
	serve(c, answer, modified, contentType)
}

// makePicture has a picture made of what lies under key, when its turn has come among those that are being made. The turn ends
// before the first byte travels, so that a reader who is slow, or gone, holds up nobody.
func (a *api) makePicture(ctx context.Context, key string, draw func(*storage.Blob) ([]byte, error)) ([]byte, error) {
	blob, err := a.Blobs.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	over, err := turnOf(ctx, a.pictures)
	if err != nil {
		return nil, err
	}
	defer over()
	return draw(blob)
}

// turnOf waits for a place in turns, first come, first served; the caller calls over when it needs none any more.
func turnOf(ctx context.Context, turns chan struct{}) (over func(), err error) {
	select {
	case turns <- struct{}{}:
		return func() { <-turns }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
