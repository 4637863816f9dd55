package httpapi

import (
	"encoding/binary"
	"net/http"
	"slices"
	"strings"
	"testing"

	"seghub/models/imageio/tiff/tifftest"
	"seghub/sessions"
)

// hyperstack is an ImageJ stack of two channels, three depths and two times.
func hyperstack() []byte {
	pages := make([]tifftest.Page, 12)
	for i := range pages {
		pages[i] = tifftest.Grey(20, 16, make([]byte, 20*16))
	}
	pages[0].Tags = append(pages[0].Tags, tifftest.Text(270, "ImageJ=1.54f\nimages=12\nchannels=2\nslices=3\nframes=2\nunit=um\n"),
		tifftest.Tag{ID: 282, Kind: tifftest.Rational, Values: []uint64{2, 1}})
	return tifftest.File(binary.BigEndian, false, pages...)
}

func TestEachPageIsAJob(t *testing.T) {
	for _, c := range []struct {
		name   string
		fields []part
		want   []sessions.Place
	}{
		{"pages", []part{field("pages", "1,11-12")}, []sessions.Place{
			{Page: 0, Channel: 0, Z: 0, T: 0}, {Page: 10, Channel: 0, Z: 2, T: 1}, {Page: 11, Channel: 1, Z: 2, T: 1},
		}},
		{"first", []part{field("pages", "first")}, []sessions.Place{{}}},
		{"channel and projection", []part{field("channel", "1"), field("projection", "max")}, []sessions.Place{
			{Page: 1, Channel: 1, T: 0, Projection: "max"}, {Page: 7, Channel: 1, T: 1, Projection: "max"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := newEdge(t, nil)
			var got uploadResponse
			// The file comes before the fields that choose of it.
			e.upload(e.session(), append([]part{file("stack.tif", hyperstack()), field("model", "unet")}, c.fields...)...).
				decode(t, http.StatusAccepted, &got)
			if len(got.Accepted) != len(c.want) {
				t.Fatalf("%d jobs, want %d", len(got.Accepted), len(c.want))
			}
			for i, want := range c.want {
				job := got.Accepted[i]
				if want.Projection == "" {
					want.Projection = "none"
				}
				if job.Page != want.Page || job.Pages != 12 || job.Channel != want.Channel || job.Z != want.Z || job.T != want.T ||
					job.Projection != want.Projection || job.PixelSize == nil || *job.PixelSize != 0.5 {
					t.Errorf("job %d is of %+v, want %+v", i, job.Place, want)
				}
				if job.ImageID != got.Accepted[0].ImageID {
					t.Error("the pages are not of one image")
				}
			}
		})
	}
	e := newEdge(t, nil)
	var got uploadResponse
	e.upload(e.session(), field("model", "unet"), field("pixel_size", "0.7"), file("stack.tif", hyperstack())).decode(t, http.StatusAccepted, &got)
	if len(got.Accepted) != 12 || *got.Accepted[5].PixelSize != 0.7 {
		t.Errorf("%d jobs, %+v", len(got.Accepted), got.Accepted[0].Place)
	}
}

// TestJobsTellWhichSample wants a sample told from a page's channel: of a stack of pages that hold two channels each, the number of the channel
// alone does not say which it is.
func TestJobsTellWhichSample(t *testing.T) {
	page := tifftest.Grey(20, 16, make([]byte, 2*20*16))
	page.Tags = slices.DeleteFunc(page.Tags, func(tag tifftest.Tag) bool { return tag.ID == 258 || tag.ID == 277 })
	page.Tags = append(page.Tags, tifftest.Shorts(258, 8, 8), tifftest.Shorts(277, 2))
	two := tifftest.File(binary.LittleEndian, false, page, page)
	e := newEdge(t, nil)
	token := e.session()
	for channel, want := range map[string]int{"": 0, "1": 1} {
		var got uploadResponse
		e.upload(token, field("model", "unet"), field("channel", channel), file("two.tif", two)).decode(t, http.StatusAccepted, &got)
		if len(got.Accepted) != 2 {
			t.Fatalf("%d jobs of two pages", len(got.Accepted))
		}
		for _, job := range got.Accepted {
			if job.Sample == nil || *job.Sample != want || job.Channel != want {
				t.Errorf("of channel %q a job is of %+v", channel, job.Place)
			}
		}
	}
	var got uploadResponse
	e.upload(token, field("model", "unet"), field("channel", "1"), file("stack.tif", hyperstack()), file("grey.png", picture(t, 20, 20))).decode(t, http.StatusAccepted, &got)
	for _, job := range got.Accepted {
		if job.Sample != nil {
			t.Errorf("a page of its own is of sample %d", *job.Sample)
		}
	}
}

func TestAChoiceThatAFileDoesNotHave(t *testing.T) {
	e := newEdge(t, nil)
	token := e.session()
	var got uploadResponse
	e.upload(token, file("one.png", picture(t, 20, 20)), field("model", "unet"), field("pages", "2"), file("stack.tif", hyperstack())).
		decode(t, http.StatusAccepted, &got)
	if len(got.Accepted) != 1 || got.Accepted[0].Page != 1 || len(got.Rejected) != 1 || got.Rejected[0].Index != 0 {
		t.Errorf("accepted %d, rejected %+v", len(got.Accepted), got.Rejected)
	}
	if n := e.stored(); n != 1 {
		t.Errorf("%d files stored, want 1", n)
	}
	for _, wrong := range [][2]string{{"pages", "0"}, {"pages", "3-1"}, {"pages", "x"}, {"channel", "DAPI"}, {"projection", "mean"}, {"pixel_size", "-1"}, {"pixel_size", "nan"}} {
		e.upload(token, file("stack.tif", hyperstack()), field("model", "unet"), field(wrong[0], wrong[1])).isProblem(t, 400, "bad_request")
	}
}

func TestTheReasonNamesTheFeature(t *testing.T) {
	compressed := func(compression uint64) []byte {
		p := tifftest.Grey(20, 20, make([]byte, 400))
		p.Tags[3] = tifftest.Shorts(259, compression)
		return tifftest.File(binary.LittleEndian, false, p)
	}
	whole := tifftest.File(binary.LittleEndian, false, tifftest.Grey(20, 20, make([]byte, 400)))
	for name, c := range map[string]struct {
		data  []byte
		says  string
		named string
	}{
		"LZMA":      {compressed(34925), "LZMA", "a.tif"},
		"JPEG 2000": {compressed(34712), "JPEG 2000", "a.tif"},
		"unknown":   {compressed(4711), "4711", "a.tif"},
		"Zeiss":     {append([]byte("ZISRAWFILE"), make([]byte, 200)...), ".czi", "a.czi"},
		"Olympus":   {whole, ".vsi", "cells.vsi"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEdge(t, nil)
			var got refusal
			e.upload(e.session(), field("model", "unet"), file(c.named, c.data)).decode(t, http.StatusUnsupportedMediaType, &got)
			if len(got.Rejected) != 1 || !strings.Contains(got.Rejected[0].Detail, c.says) {
				t.Errorf("rejected %+v", got.Rejected)
			}
		})
	}
}

// TestWhateverAFileIsCalled wants the right file named, by its place in the request.
func TestWhateverAFileIsCalled(t *testing.T) {
	names := []string{`a "quoted" name.tif`, " blanks .tif ", "line\nbreak.tif", strings.Repeat("ü", 2048) + ".tif", "../../up.tif", ""}
	parts := []part{field("model", "unet")}
	for i, name := range names {
		data := picture(t, 20, 20)
		if i%2 == 1 {
			data = []byte("no picture")
		}
		parts = append(parts, file(name, data))
	}
	e := newEdge(t, nil)
	var got uploadResponse
	e.upload(e.session(), parts...).decode(t, http.StatusAccepted, &got)
	var rejected []int
	for _, r := range got.Rejected {
		rejected = append(rejected, r.Index)
	}
	if len(got.Accepted) != 3 || !slices.Equal(rejected, []int{1, 3, 5}) {
		t.Errorf("%d accepted, rejected %v", len(got.Accepted), rejected)
	}
}
