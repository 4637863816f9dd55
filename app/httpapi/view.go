package httpapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"seghub/models/imageio"
	"seghub/sessions"
	"seghub/sessions/problem"
	"seghub/storage"
)

const (
	previewSide = 2048 // the longest side of a preview that was not asked for in another size, in pixels
	tileSide    = 512  // of a deep zoom's tiles
	// A view whose longest side is at most thumbnailSide, or that is of a reduced level, is to look at, not to measure in: a JPEG.
	thumbnailSide = 1024
	quality       = 85
)

// view is what is asked for of a picture.
type view struct {
	page    int
	channel string          // a name or a number from 0; "" is the page's own, composite all of them
	window  *imageio.Window // nil: the image's own
}

// preview serves a picture of a whole page.
func (a *api) preview(c *gin.Context) {
	v, err := viewOf(c, c.Query("page"))
	size := previewSide
	if err == nil && c.Query("size") != "" {
		size, err = number(c.Query("size"), "size", 1, 1<<16)
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	a.serveView(c, v, fmt.Sprintf("preview %d", size), c.Query("size") != "" && size <= thumbnailSide, func(p imageio.Page) (image.Rectangle, image.Point, error) {
		longer := max(p.Width, p.Height)
		if longer <= size {
			return p.Bounds(), p.Bounds().Size(), nil
		}
		return p.Bounds(), image.Pt(max(1, (p.Width*size+longer/2)/longer), max(1, (p.Height*size+longer/2)/longer)), nil
	})
}

// tile serves a square of a page at a level, of which 0 is the page itself and each next is half as large.
func (a *api) tile(c *gin.Context) {
	v, err := viewOf(c, c.Param("page"))
	var at [3]int
	for i, name := range []string{"level", "x", "y"} {
		if err == nil {
			at[i], err = number(c.Param(name), name, 0, []int{30, 1 << 20, 1 << 20}[i])
		}
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	a.serveView(c, v, fmt.Sprintf("tile %v", at), at[0] > 0, func(p imageio.Page) (image.Rectangle, image.Point, error) {
		side := tileSide << at[0]
		corner := image.Pt(at[1]*side, at[2]*side)
		area := image.Rectangle{Min: corner, Max: corner.Add(image.Pt(side, side))}.Intersect(p.Bounds())
		if area.Empty() {
			return area, image.Point{}, sessions.ErrNotFound
		}
		half := func(n int) int { return (n + 1<<at[0] - 1) >> at[0] }
		return area, image.Pt(half(area.Dx()), half(area.Dy())), nil
	})
}

// viewOf reads what previews and tiles have in common.
func viewOf(c *gin.Context, page string) (view, error) {
	v := view{channel: c.Query("channel")}
	var err error
	if page != "" {
		if v.page, err = number(page, "page", 0, maxPages); err != nil {
			return v, err
		}
	}
	if c.Query("low") == "" && c.Query("high") == "" && c.Query("gamma") == "" {
		return v, nil
	}
	if v.channel == composite {
		return v, problem.New(problem.BadRequest, "A composite has no window of its own: low, high and gamma are of one channel.")
	}
	window := imageio.Window{Gamma: 1}
	for name, value := range map[string]*float64{"low": &window.Low, "high": &window.High, "gamma": &window.Gamma} {
		text := c.Query(name)
		if text == "" && name == "gamma" {
			continue
		}
		*value, err = strconv.ParseFloat(text, 64)
		if err != nil || math.IsInf(*value, 0) || math.IsNaN(*value) {
			return v, problem.Newf(problem.BadRequest, "%s must be a number: low and high come together.", name)
		}
	}
	if window.Low >= window.High || window.Gamma < 0.05 || window.Gamma > 20 {
		return v, problem.New(problem.BadRequest, "low must be less than high, and gamma between 0.05 and 20.")
	}
	v.window = &window
	return v, nil
}

// number reads a whole number from a request.
func number(text, name string, least, most int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, problem.Newf(problem.BadRequest, "%s must be a whole number from %d to %d.", name, least, most)
	}
	return n, nil
}

// String tells views apart.
func (v view) String() string {
	name := fmt.Sprintf("%d %q", v.page, v.channel)
	if v.window != nil {
		name += fmt.Sprint(" ", *v.window)
	}
	return name
}

// serveView serves the area of a page that of chooses, in the size that it chooses, which part names; lossy lets it be a JPEG.
func (a *api) serveView(c *gin.Context, v view, part string, lossy bool, of func(imageio.Page) (image.Rectangle, image.Point, error)) {
	key := storage.ImageKey(c.GetString(sessionKey), c.Param("id"))
	name := fmt.Sprintf("%s %s of %v", key, part, v) // not as it was asked for, in which anything may be
	if err := a.isThere(c.Request.Context(), key); err != nil {
		a.fail(c, err)
		return
	}
	data, known := a.views.Get(name)
	if !known {
		var err error
		data, err = a.makePicture(c.Request.Context(), key, func(blob *storage.Blob) ([]byte, error) {
			return a.drawView(c.Request.Context(), blob, key, v, lossy, of)
		})
		if err != nil {
			a.fail(c, err)
			return
		}
		a.views.Put(name, data, int64(len(name)+len(data)))
	}
	kind := "image/png"
	if bytes.HasPrefix(data, []byte("\xff\xd8")) {
		kind = "image/jpeg"
	}
	unchanging(c)
	a.serveMade(c, data, time.Time{}, kind)
}

// isThere tells why an image is not: what was made of one that is deleted is kept for a while.
func (a *api) isThere(ctx context.Context, key string) error {
	blob, err := a.Blobs.Open(ctx, key)
	if err != nil {
		return err
	}
	return blob.Close()
}

func (a *api) drawView(ctx context.Context, blob *storage.Blob, key string, v view, lossy bool,
	of func(imageio.Page) (image.Rectangle, image.Point, error),
) ([]byte, error) {
	file, page, err := a.openPage(ctx, blob, v.page)
	if err != nil {
		return nil, err
	}
	area, size, err := of(page)
	if err != nil {
		return nil, err
	}
	draw := func(plane imageio.Plane) (imageio.Image, error) {
		window := v.window
		if window == nil {
			levels, err := a.levelsOf(ctx, file, key, plane)
			if err != nil {
				return imageio.Image{}, err
			}
			own := levels.Window()
			window = &own
		}
		done, err := a.memoryFor(ctx, file, plane, size.X*size.Y*page.Channels)
		if err != nil {
			return imageio.Image{}, err
		}
		defer done()
		return file.View(ctx, plane, area, size, *window)
	}
	picture, err := viewChannel(file, v, draw)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if lossy {
		err = jpeg.Encode(&out, picture.Standard(), &jpeg.Options{Quality: quality})
	} else {
		err = imageio.EncodePNG(&out, picture)
	}
	return out.Bytes(), err
}

// littleMemory is what reading a plane takes, in bytes, where that goes by its blocks or its rows, or the whole is small. A picture for a screen
// takes no more either.
const littleMemory = 40 << 20

// memoryFor takes what one reading of a plane takes, within makePicture, and the picture of so many bytes that is made of it; the caller calls
// done when that is over. Little is not counted, which picturesAtOnce bounds: who looks at an image does not wait until the large ones have had
// their turn at the workers. And who waits for much keeps nobody else from looking.
func (a *api) memoryFor(ctx context.Context, file *imageio.File, plane imageio.Plane, picture int) (done func(), err error) {
	needed, err := file.Memory(plane)
	if err != nil {
		return nil, err
	}
	beside := int64(picture)
	if needed <= littleMemory {
		needed = 0
	}
	if beside <= littleMemory {
		beside = 0
	}
	if needed+beside == 0 {
		return func() {}, nil
	}
	<-a.pictures
	done, err = a.takeMemory(ctx, needed, beside)
	a.pictures <- struct{}{} // makePicture gives it back
	return done, err
}

// takeMemory takes of what decoded images share, as imageio.Budget does; the caller calls done when it holds nothing of it any more.
func (a *api) takeMemory(ctx context.Context, needed, beside int64) (done func(), err error) {
	share, err := a.Decoded.Take(ctx, needed, beside)
	if err != nil {
		return nil, err
	}
	return func() {
		if needed+beside >= imageio.MuchMemory {
			debug.FreeOSMemory() // the collector would keep it for minutes
		}
		share.GiveBack()
	}, nil
}

// openPage opens a stored image, which must have that page.
func (a *api) openPage(ctx context.Context, blob *storage.Blob, page int) (*imageio.File, imageio.Page, error) {
	file, err := imageio.Open(ctx, blob, blob.Size(), imageio.Limits{Pixels: a.Limits.Pixels, Pages: maxPages})
	if err != nil {
		return nil, imageio.Page{}, err
	}
	if page >= len(file.Pages) {
		return nil, imageio.Page{}, sessions.ErrNotFound
	}
	return file, file.Pages[page], nil
}

// levelsOf are the levels of a plane, which take a look at all of it: they are kept.
func (a *api) levelsOf(ctx context.Context, file *imageio.File, key string, plane imageio.Plane) (*imageio.Levels, error) {
	name := fmt.Sprintf("%s %d %d", key, plane.Page, plane.Sample)
	if levels, known := a.levels.Get(name); known {
		return levels, nil
	}
	done, err := a.memoryFor(ctx, file, plane, 0)
	if err != nil {
		return nil, err
	}
	defer done()
	reader, err := file.ReaderWithin(ctx, plane)
	if err != nil {
		return nil, err
	}
	levels, err := imageio.Survey(ctx, reader, file.Pages[plane.Page])
	if err = errors.Join(err, reader.Close()); err != nil {
		return nil, err
	}
	a.levels.Put(name, levels, 1)
	return levels, nil
}
