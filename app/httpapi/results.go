package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"seghub/models/imageio"
	"seghub/sessions"
	"seghub/storage"
)

// previewSide is the longest side of a preview, in pixels.
const previewSide = 2048

func (a *api) result(c *gin.Context) {
	a.ofDoneJob(c, storage.ResultKey, "application/json")
}

func (a *api) mask(c *gin.Context) {
	a.ofDoneJob(c, storage.MaskKey, "image/png")
}

func (a *api) probability(c *gin.Context) {
	a.ofDoneJob(c, storage.ProbabilityKey, "image/png")
}

// ofDoneJob serves what was made of a job, once it is done.
func (a *api) ofDoneJob(c *gin.Context, key func(session, job string) string, contentType string) {
	session := c.GetString(sessionKey)
	job, err := a.Jobs.Job(c.Request.Context(), session, c.Param("id"))
	if err == nil && job.State != sessions.JobDone {
		err = sessions.ErrNotFound
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	blob, err := a.Blobs.Open(c.Request.Context(), key(session, job.ID))
	if err != nil {
		a.fail(c, err)
		return
	}
	defer blob.Close()
	serve(c, blob, contentType)
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
	serve(c, blob, header.MIME)
}

// serve answers with blob, ranges included. Neither images nor results ever change under their URL.
func serve(c *gin.Context, blob *storage.Blob, contentType string) {
	c.Header("Content-Type", contentType)
	c.Header("Cache-Control", "private, max-age=86400, immutable")
	http.ServeContent(c.Writer, c.Request, "", blob.ModTime(), blob)
}

func (a *api) preview(c *gin.Context) {
	data, err := a.makePreview(c.Request.Context(), storage.ImageKey(c.GetString(sessionKey), c.Param("id")))
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Header("Content-Type", http.DetectContentType(data))
	answer := spool(a.Spool, data)
	defer answer.Close()
	c.Header("Cache-Control", "private, max-age=86400, immutable")
	http.ServeContent(c.Writer, c.Request, "", time.Time{}, answer)
}

// makePreview waits for its turn among those who make previews. The turn ends before the first byte travels, so that a
// reader who is slow, or gone, holds up nobody.
func (a *api) makePreview(ctx context.Context, key string) ([]byte, error) {
	blob, err := a.Blobs.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	select {
	case a.previews <- struct{}{}:
		defer func() { <-a.previews }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return imageio.Preview(ctx, blob, a.Limits.Pixels, previewSide)
}
