package httpapi

import (
	"bytes"
	"fmt"
	"io"
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

// ofDoneJob serves what was made of a job, once it is done.
func (a *api) ofDoneJob(c *gin.Context, key func(session, job string) string, contentType string) {
	_, blob, err := a.openOfDoneJob(c, key)
	if err != nil {
		a.fail(c, err)
		return
	}
	defer blob.Close()
	serve(c, blob, blob.ModTime(), contentType)
}

// openOfDoneJob opens what was made of the job that the request names, once it is done.
func (a *api) openOfDoneJob(c *gin.Context, key func(session, job string) string) (sessions.Job, *storage.Blob, error) {
	session := c.GetString(sessionKey)
	job, err := a.Jobs.Job(c.Request.Context(), session, c.Param("id"))
	if err == nil && job.State != sessions.JobDone {
		err = sessions.ErrNotFound
	}
	if err != nil {
		return job, nil, err
	}
	blob, err := a.Blobs.Open(c.Request.Context(), key(session, job.ID))
	return job, blob, err
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
	serve(c, blob, blob.ModTime(), header.MIME)
}

// serve answers with content, ranges included. Neither images nor results ever change under their URL.
func serve(c *gin.Context, content io.ReadSeeker, modified time.Time, contentType string) {
	c.Header("Content-Type", contentType)
	c.Header("Cache-Control", "private, max-age=86400, immutable")
	http.ServeContent(c.Writer, c.Request, "", modified, content)
}

func (a *api) preview(c *gin.Context) {
	ctx := c.Request.Context()
	blob, err := a.Blobs.Open(ctx, storage.ImageKey(c.GetString(sessionKey), c.Param("id")))
	if err != nil {
		a.fail(c, err)
		return
	}
	defer blob.Close()

	done, err := a.pictureTurn(ctx)
	if err != nil {
		a.fail(c, err)
		return
	}
	defer done()
	data, err := imageio.Preview(ctx, blob, a.Limits.Pixels, previewSide)
	if err != nil {
		a.fail(c, err)
		return
	}
	serve(c, bytes.NewReader(data), time.Time{}, http.DetectContentType(data))
}
