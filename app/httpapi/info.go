package httpapi

import (
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	"seghub/models/imageio"
	"seghub/storage"
)

// infoResponse is what a file says of itself, and what was seen of one of its pages.
type infoResponse struct {
	Pages           int           `json:"pages"`
	Page            int           `json:"page"` // whose depth and time all that follows is of, from 0
	Width           int           `json:"width"`
	Height          int           `json:"height"`
	Channels        []channelInfo `json:"channels"`
	SampleType      string        `json:"sample_type"`
	Bits            int           `json:"bits"`
	Range           [2]float64    `json:"range"` // of the samples that were seen
	Low             float64       `json:"low"`   // of the window that previews have where none is asked for
	High            float64       `json:"high"`
	Histogram       histogram     `json:"histogram"`
	PixelSize       *float64      `json:"pixel_size"` // µm
	PixelSizeSource string        `json:"pixel_size_source,omitempty"`
}

type channelInfo struct {
	Name   string `json:"name"`
	Colour string `json:"colour"` // in a composite, as CSS has it
}

// histogram counts the samples in equal parts of the range from Low to High; what lies beyond is in the outermost.
type histogram struct {
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
	Counts []int64 `json:"counts"`
}

// info tells of a page what people need to look at it.
func (a *api) info(c *gin.Context) {
	ctx := c.Request.Context()
	v, err := viewOf(c, c.Query("page"))
	if err != nil {
		a.fail(c, err)
		return
	}
	key := storage.ImageKey(c.GetString(sessionKey), c.Param("id"))
	var answer infoResponse
	_, err = a.makePicture(ctx, key, func(blob *storage.Blob) ([]byte, error) {
		file, _, err := a.openPage(ctx, blob, v.page)
		if err != nil {
			return nil, err
		}
		plane, err := file.Beside(v.page, v.channel)
		if err != nil {
			return nil, chosen(err)
		}
		levels, err := a.levelsOf(ctx, file, key, plane)
		if err != nil {
			return nil, err
		}
		answer = newInfo(file, file.Pages[plane.Page], v.page, levels)
		return nil, nil
	})
	if err != nil {
		a.fail(c, err)
		return
	}
	c.JSON(http.StatusOK, answer)
}

func newInfo(file *imageio.File, page imageio.Page, number int, levels *imageio.Levels) infoResponse {
	window, counts := levels.Window(), levels.Histogram()
	least, most := levels.Extent()
	answer := infoResponse{
		Pages: len(file.Pages), Page: number, Width: page.Width, Height: page.Height, Channels: channelsOf(file, number),
		SampleType: page.Type.String(), Bits: page.Bits, Range: [2]float64{least, most}, Low: window.Low, High: window.High,
		Histogram:       histogram{Low: window.Low, High: window.High, Counts: counts[:]},
		PixelSizeSource: page.PixelSizeFrom,
	}
	if page.PixelSize > 0 {
		answer.PixelSize = &page.PixelSize
	}
	return answer
}

// channelsOf are the channels of a file beside a page, by their numbers.
func channelsOf(file *imageio.File, page int) []channelInfo {
	names := file.Channels(page)
	channels := make([]channelInfo, len(names))
	for i, name := range names {
		c := colourOf(i, len(names))
		channels[i] = channelInfo{Name: name, Colour: fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B)}
	}
	return channels
}
