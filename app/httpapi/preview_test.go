package httpapi

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"testing"
)

// noise is a PNG that no encoder makes small: its preview is larger than what a connection holds.
func noise(t *testing.T, side int) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, side, side))
	random := rand.New(rand.NewPCG(1, 2))
	for i := range img.Pix {
		img.Pix[i] = uint8(random.Uint32()) | uint8(i%4/3*255)
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestStalledReadersHoldNobodyUp has as many people as previews are made at once ask for a large one and read nothing.
func TestStalledReadersHoldNobodyUp(t *testing.T) {
	spool := t.TempDir()
	e := newEdge(t, func(c *Config) { c.Limits.FileBytes, c.Limits.Pixels, c.Spool = 64<<20, 1e7, spool })
	ada, ben := e.session(), e.session()
	var big, small uploadResponse
	e.upload(ada, field("model", "unet"), file("big.png", noise(t, 500))).decode(t, http.StatusAccepted, &big)
	e.upload(ben, field("model", "unet"), file("small.png", picture(t, 40, 30))).decode(t, http.StatusAccepted, &small)
	asleep := make([]net.Conn, picturesAtOnce)
	for i := range asleep {
		asleep[i] = e.dial()
		fmt.Fprintf(asleep[i], "GET /api/v1/images/%s/preview HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n", big.Accepted[0].ImageID, ada)
		// It has begun: the rest is more than the connection holds.
		if _, err := io.ReadFull(asleep[i], make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
	}
	if a := e.get("/api/v1/images/"+small.Accepted[0].ImageID+"/preview", ben); a.StatusCode != http.StatusOK {
		t.Errorf("status %d", a.StatusCode)
	}
	if left, err := os.ReadDir(spool); err != nil || len(left) > 0 {
		t.Errorf("%d files that a crash would leave behind, %v", len(left), err)
	}
	for _, connection := range asleep {
		connection.Close()
	}
}

func TestLargePreviewComesWhole(t *testing.T) {
	e := newEdge(t, func(c *Config) { c.Limits.FileBytes, c.Limits.Pixels, c.Spool = 64<<20, 1e7, t.TempDir() })
	token := e.session()
	var got uploadResponse
	e.upload(token, field("model", "unet"), file("big.png", noise(t, 300))).decode(t, http.StatusAccepted, &got)
	path := "/api/v1/images/" + got.Accepted[0].ImageID + "/preview"
	a := e.get(path, token)
	if img, err := png.Decode(bytes.NewReader(a.body)); len(a.body) < spoolFrom || err != nil || img.Bounds().Dx() != 300 {
		t.Errorf("%d bytes, %v", len(a.body), err)
	}
	if head := e.do("HEAD", path, token, "", nil); head.ContentLength != int64(len(a.body)) {
		t.Errorf("HEAD tells of %d bytes, GET has %d", head.ContentLength, len(a.body))
	}
}

func TestSpoolWithoutADisk(t *testing.T) {
	data := make([]byte, spoolFrom)
	s := spool(t.TempDir()+"/none", data)
	defer s.Close()
	if got, err := io.ReadAll(s); err != nil || len(got) != len(data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}
