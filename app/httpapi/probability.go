package httpapi

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/gin-gonic/gin"

	"seghub/models/imageio"
	"seghub/models/mask"
	"seghub/storage"
)

// probability makes a PNG of the stored map. Few ask for it, so that it is made for those and not for every job.
func (a *api) probability(c *gin.Context) {
	job, blob, err := a.openOfDoneJob(c, storage.ProbabilityKey)
	if err != nil {
		a.fail(c, err)
		return
	}
	defer blob.Close()
	done, err := a.pictureTurn(c.Request.Context())
	if err != nil {
		a.fail(c, err)
		return
	}
	defer done()
	var picture bytes.Buffer
	if err := probabilityPNG(c.Request.Context(), &picture, blob, int64(job.Width)*int64(job.Height)); err != nil {
		a.fail(c, fmt.Errorf("probability map of job %s: %w", job.ID, err))
		return
	}
	serve(c, bytes.NewReader(picture.Bytes()), blob.ModTime(), "image/png")
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

// pictureTurn waits until a picture may be made; done ends the turn.
func (a *api) pictureTurn(ctx context.Context) (done func(), err error) {
	select {
	case a.pictures <- struct{}{}:
		return func() { <-a.pictures }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
