package httpapi

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/gin-gonic/gin"

	"seghub/models/imageio"
	"seghub/models/mask"
	"seghub/storage"
)

// probability makes a PNG of the stored map. Few ask for it, so that it is made for those and not for every job.
func (a *api) probability(c *gin.Context) {
	ctx := c.Request.Context()
	session, job, err := a.doneJob(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	var modified time.Time
	data, err := a.makePicture(ctx, storage.ProbabilityKey(session, job.ID), func(blob *storage.Blob) ([]byte, error) {
		modified = blob.ModTime()
		var picture bytes.Buffer
		err := probabilityPNG(ctx, &picture, blob, int64(job.Width)*int64(job.Height))
		return picture.Bytes(), err
	})
	if err != nil {
		a.fail(c, fmt.Errorf("probability map of job %s: %w", job.ID, err))
		return
	}
	unchanging(c)
	a.serveMade(c, data, modified, "image/png")
}

// probabilityPNG holds no more of the map than one band.
func probabilityPNG(ctx context.Context, w io.Writer, stored io.ReadSeeker, pixels int64) error {
	bands, err := mask.ReadBands(stored, pixels)
	if err != nil {
		return err
	}
	out, err := imageio.NewGrayWriter(w, bands.Width, bands.Height)
	if err != nil {
		return err
	}
	var rows []uint8
	for band := range bands.Bands {
		if err := ctx.Err(); err != nil {
			return err
		}
		if rows, err = bands.Read(band, 0, rows); err != nil {
			return err
		}
		if err := out.Write(rows); err != nil {
			return err
		}
	}
	return out.Close()
}
