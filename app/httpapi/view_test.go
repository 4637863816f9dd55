package httpapi

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"golang.org/x/sync/errgroup"

	"seghub/models/imageio"
	"seghub/models/imageio/tiff/tifftest"
	"seghub/sessions/problem"
	"seghub/storage"
)

// ramp is a 16-bit PNG whose samples are 100 times their column, up to 100 times 649.
func ramp(t *testing.T) []byte {
	t.Helper()
	img := image.NewGray16(image.Rect(0, 0, 650, 600))
	for i := range 650 * 600 {
		img.SetGray16(i%650, i/650, color.Gray16{Y: uint16(100 * (i % 650))})
	}
	var file bytes.Buffer
	if err := png.Encode(&file, img); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// ask gets a picture of the only image of a session.
func ask(t *testing.T, e *edge, path, token string) (image.Image, string) {
	t.Helper()
	a := e.get(path, token)
	if a.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d: %s", path, a.StatusCode, a.body)
	}
	img, format, err := image.Decode(bytes.NewReader(a.body))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return img, format
}

func TestViewsOfAnImage(t *testing.T) {
	e := newEdge(t, func(c *Config) { c.Limits.FileBytes, c.Limits.Pixels = 64<<20, 1e7 })
	ada := e.session()
	var up uploadResponse
	e.upload(ada, field("model", "unet"), file("ramp.png", ramp(t))).decode(t, http.StatusAccepted, &up)
	root := "/api/v1/images/" + up.Accepted[0].ImageID

	for _, c := range []struct {
		path          string
		width, height int
		format        string
		x, y          int
		want          int // the light there, about
	}{
		{"/preview", 650, 600, "png", 325, 10, 128},
		{"/preview?size=65", 65, 60, "jpeg", 32, 30, 128},
		{"/preview?low=0&high=6500", 650, 600, "png", 33, 0, 129},
		{"/preview?low=0&high=6500", 650, 600, "png", 100, 0, 255},
		{"/preview?low=0&high=65000&gamma=2", 650, 600, "png", 162, 0, 127},
		{"/tiles/0/0/0/0", 512, 512, "png", 325, 500, 128},
		{"/tiles/0/0/1/1?low=0&high=65000", 138, 88, "png", 0, 0, 201},
		{"/tiles/0/1/0/0?low=0&high=65000", 325, 300, "jpeg", 162, 100, 128},
	} {
		img, format := ask(t, e, root+c.path, ada)
		if size := img.Bounds().Size(); size != image.Pt(c.width, c.height) || format != c.format {
			t.Errorf("%s: a %s of %v", c.path, format, size)
			continue
		}
		r, _, _, _ := img.At(c.x, c.y).RGBA()
		if light := int(r >> 8); light < c.want-4 || light > c.want+4 {
			t.Errorf("%s: light %d at %d,%d, want about %d", c.path, light, c.x, c.y, c.want)
		}
	}
	for path, want := range map[string]int{
		"/preview?page=1": http.StatusNotFound, "/tiles/0/0/2/0": http.StatusNotFound, "/tiles/1/0/0/0": http.StatusNotFound,
		"/tiles/0/31/0/0": http.StatusBadRequest, "/tiles/0/0/-1/0": http.StatusBadRequest, "/preview?size=0": http.StatusBadRequest,
		"/preview?low=5": http.StatusBadRequest, "/preview?low=5&high=5": http.StatusBadRequest, "/preview?low=a&high=5": http.StatusBadRequest,
		"/preview?low=0&high=NaN": http.StatusBadRequest, "/preview?page=x": http.StatusBadRequest, "/info?page=9": http.StatusNotFound,
	} {
		if a := e.get(root+path, ada); a.StatusCode != want {
			t.Errorf("%s: status %d, want %d", path, a.StatusCode, want)
		}
	}
	if a := e.get(root+"/tiles/0/0/0/0", e.session()); a.StatusCode != http.StatusNotFound {
		t.Errorf("a tile of somebody else's image: status %d", a.StatusCode)
	}
}

// TestAViewDoesNotWaitForWorkers looks at an image while all of the memory for decoded images is taken.
func TestAViewDoesNotWaitForWorkers(t *testing.T) {
	memory := imageio.NewBudget(64 << 20)
	e := newEdge(t, func(c *Config) { c.Limits.FileBytes, c.Limits.Pixels, c.Decoded = 64<<20, 1e7, memory })
	ada := e.session()
	var up uploadResponse
	e.upload(ada, field("model", "unet"), file("ramp.png", ramp(t))).decode(t, http.StatusAccepted, &up)
	if memory.TryTake(memory.Bytes(), 0) == nil {
		t.Fatal("an upload holds memory")
	}
	if img, _ := ask(t, e, "/api/v1/images/"+up.Accepted[0].ImageID+"/preview?size=65", ada); img.Bounds().Dx() != 65 {
		t.Errorf("a preview of %v", img.Bounds())
	}
}

// TestLargeViewsThatWaitForMemoryKeepNoSmallOneWaiting has as many large ones wait as are made at once, and then a small one.
func TestLargeViewsThatWaitForMemoryKeepNoSmallOneWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, err := storage.Open(t.Context(), "mem://")
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		memory := imageio.NewBudget(64 << 20)
		workers := memory.TryTake(memory.Bytes(), 0)
		a := &api{Config: Config{Blobs: store, Decoded: memory}, pictures: make(chan struct{}, picturesAtOnce)}
		look := func(side uint16) error {
			key := storage.ImageKey("s", fmt.Sprint(side))
			if err := store.Write(t.Context(), key, wide(t, side)); err != nil {
				return err
			}
			_, err := a.makePicture(t.Context(), key, func(blob *storage.Blob) ([]byte, error) {
				file, _, err := a.openPage(t.Context(), blob, 0)
				if err != nil {
					return nil, err
				}
				done, err := a.memoryFor(t.Context(), file, imageio.Plane{}, 0)
				if err == nil {
					done()
				}
				return nil, err
			})
			return err
		}
		var ended atomic.Int32
		var group errgroup.Group
		for range picturesAtOnce {
			group.Go(func() error {
				defer ended.Add(1)
				return look(5000)
			})
		}
		synctest.Wait()
		if err := look(8); err != nil || ended.Load() != 0 {
			t.Errorf("%v; %d large ones did not wait", err, ended.Load())
		}
		workers.GiveBack()
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
		if len(a.pictures) != 0 || memory.TryTake(memory.Bytes(), 0) == nil {
			t.Errorf("%d turns, and some memory, are not given back", len(a.pictures))
		}
	})
}

// wide is the head of a JPEG, which is decoded as a whole, of a side.
func wide(t *testing.T, side uint16) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := jpeg.Encode(&file, image.NewGray(image.Rect(0, 0, 8, 8)), nil); err != nil {
		t.Fatal(err)
	}
	frame := file.Bytes()[bytes.Index(file.Bytes(), []byte("\xff\xc0")):]
	binary.BigEndian.PutUint16(frame[5:], side)
	binary.BigEndian.PutUint16(frame[7:], side)
	return file.Bytes()
}

// TestALargeViewIsCounted asks for pictures of an image whose header alone is as large as it says.
func TestALargeViewIsCounted(t *testing.T) {
	var most atomic.Int64
	memory := imageio.NewWatchedBudget(64<<20, func(taken int64) { most.Store(max(most.Load(), taken)) })
	e := newEdge(t, func(c *Config) { c.Limits.Pixels, c.Decoded = 1e9, memory })
	ada := e.session()
	var up uploadResponse
	e.upload(ada, field("model", "unet"), file("large.png", claiming(t, 8000, 7000))).decode(t, http.StatusAccepted, &up)
	for _, view := range []struct {
		path    string
		counted int64
	}{{"/preview?low=0&high=9", 0}, {"/tiles/0/0/0/0?low=0&high=9", 0}, {"/preview?size=8000&low=0&high=9", 8000 * 7000}} {
		e.get("/api/v1/images/"+up.Accepted[0].ImageID+view.path, ada).isProblem(t, 400, problem.CorruptImage)
		if most.Load() != view.counted {
			t.Errorf("%s: %d bytes counted, want %d", view.path, most.Load(), view.counted)
		}
	}
}

// stained is an ImageJ stack of two depths, in each of which three channels are light in one of three columns.
func stained() []byte {
	pages := make([]tifftest.Page, 6)
	for i := range pages {
		pix := make([]byte, 30*20)
		for at := range pix {
			if at%30/10 == i%3 {
				pix[at] = uint8(200 + i/3*40)
			}
		}
		pages[i] = tifftest.Grey(30, 20, pix)
	}
	pages[0].Tags = append(pages[0].Tags, tifftest.Text(270, "ImageJ=1.54f\nimages=6\nchannels=3\nslices=2\n"))
	return tifftest.File(binary.LittleEndian, false, pages...)
}

func TestChannelsOfAnImage(t *testing.T) {
	e := newEdge(t, func(c *Config) { c.Limits.Pixels = 1e7 })
	ada := e.session()
	var up uploadResponse
	e.upload(ada, field("model", "unet"), field("pages", "1"), file("stained.tif", stained())).decode(t, http.StatusAccepted, &up)
	root := "/api/v1/images/" + up.Accepted[0].ImageID

	for path, want := range map[string][3]color.RGBA{
		"/preview":                         {{200, 200, 200, 255}, {A: 255}, {A: 255}},
		"/preview?channel=1":               {{A: 255}, {200, 200, 200, 255}, {A: 255}},
		"/preview?page=5&channel=1":        {{A: 255}, {240, 240, 240, 255}, {A: 255}},
		"/tiles/3/0/0/0?channel=2":         {{A: 255}, {A: 255}, {240, 240, 240, 255}},
		"/preview?channel=2&low=0&high=50": {{A: 255}, {A: 255}, {255, 255, 255, 255}},
		"/tiles/0/0/0/0?channel=composite": {{0, 200, 200, 255}, {200, 0, 200, 255}, {200, 200, 0, 255}},
	} {
		img, _ := ask(t, e, root+path, ada)
		for column, light := range want {
			if got := color.RGBAModel.Convert(img.At(10*column+5, 10)); got != light {
				t.Errorf("%s: %v in column %d, want %v", path, got, column, light)
			}
		}
	}
	var info infoResponse
	e.get(root+"/info?page=4&channel=0", ada).decode(t, http.StatusOK, &info)
	if len(info.Channels) != 3 || info.Channels[1].Colour != "#ff00ff" || info.Range != [2]float64{0, 240} {
		t.Errorf("%+v", info)
	}
	for _, path := range []string{"/preview?channel=3", "/info?channel=DAPI", "/info?channel=composite", "/preview?channel=composite&low=0&high=9"} {
		if a := e.get(root+path, ada); a.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: status %d", path, a.StatusCode)
		}
	}
}

// TestChannelsThatNobodyHas has a small file tell of a million channels.
func TestChannelsThatNobodyHas(t *testing.T) {
	e := newEdge(t, nil)
	ada := e.session()
	page := tifftest.Grey(30, 20, make([]byte, 30*20))
	page.Tags = append(page.Tags, tifftest.Text(270, `<OME><Image><Pixels SizeC="1000000"><TiffData IFD="0" FirstC="999999"/></Pixels></Image></OME>`))
	var up uploadResponse
	e.upload(ada, field("model", "unet"), file("a.tif", tifftest.File(binary.LittleEndian, false, page))).decode(t, http.StatusAccepted, &up)
	var info infoResponse
	e.get("/api/v1/images/"+up.Accepted[0].ImageID+"/info", ada).decode(t, http.StatusOK, &info)
	if len(info.Channels) > 1 {
		t.Errorf("%d channels of a file of one page", len(info.Channels))
	}
}

func TestInfoOfAnImage(t *testing.T) {
	e := newEdge(t, func(c *Config) { c.Limits.FileBytes, c.Limits.Pixels = 64<<20, 1e7 })
	ada := e.session()
	var up uploadResponse
	e.upload(ada, field("model", "unet"), file("ramp.png", ramp(t))).decode(t, http.StatusAccepted, &up)
	var info infoResponse
	e.get("/api/v1/images/"+up.Accepted[0].ImageID+"/info", ada).decode(t, http.StatusOK, &info)
	total := int64(0)
	for _, n := range info.Histogram.Counts {
		total += n
	}
	if info.Pages != 1 || info.Width != 650 || info.Height != 600 || info.SampleType != "uint16" || info.Bits != 16 || len(info.Channels) != 1 ||
		info.Range != [2]float64{0, 64900} || info.Low > 200 || info.High < 64700 || len(info.Histogram.Counts) != 256 || total != 650*600 ||
		info.PixelSize != nil {
		t.Errorf("%+v", info)
	}
}

// counting counts how often blobs are opened.
type counting struct {
	Blobs
	opened atomic.Int32
}

func (c *counting) Open(ctx context.Context, key string) (*storage.Blob, error) {
	c.opened.Add(1)
	return c.Blobs.Open(ctx, key)
}

// TestAViewIsKeptByWhatItShows: what else is in a request, without end if its sender likes, is neither made nor kept.
func TestAViewIsKeptByWhatItShows(t *testing.T) {
	blobs := &counting{}
	e := newEdge(t, func(c *Config) { blobs.Blobs, c.Blobs = c.Blobs, blobs })
	ada := e.session()
	var up uploadResponse
	e.upload(ada, field("model", "unet"), file("a.png", picture(t, 20, 10))).decode(t, http.StatusAccepted, &up)
	root := "/api/v1/images/" + up.Accepted[0].ImageID
	opens := func(path string) int32 {
		before := blobs.opened.Load()
		ask(t, e, root+path, ada)
		return blobs.opened.Load() - before
	}
	made := opens("/preview?size=10&low=0&high=9")
	for path, want := range map[string]int32{
		"/preview?high=9.0&low=0&size=10":            made - 1, // it is looked whether the image is there still
		"/preview?size=10&low=0&high=9&now=17&x=%00": made - 1,
		"/preview?size=10&low=0&high=8":              made,
		"/preview?size=9&low=0&high=9":               made,
		"/preview?size=10&low=0&high=9&channel=0":    made,
		"/tiles/0/0/0/0?low=0&high=9":                made,
	} {
		if got := opens(path); got != want {
			t.Errorf("%s: %d blobs opened, want %d", path, got, want)
		}
	}
}

func TestKeptLetsGoOfWhatWasNotAskedForLongest(t *testing.T) {
	k := newKept[string](10)
	k.Put("a", "A", 4)
	k.Put("b", "B", 4)
	k.Get("a")
	k.Put("c", "C", 4)
	k.Put("huge", "H", 11)
	for name, want := range map[string]bool{"a": true, "b": false, "c": true, "huge": false} {
		if _, known := k.Get(name); known != want {
			t.Errorf("%s is kept: %t", name, known)
		}
	}
}
