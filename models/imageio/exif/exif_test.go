package exif

import (
	"strings"
	"testing"
)

func block(orientation byte) []byte {
	return []byte("Exif\x00\x00II*\x00\x08\x00\x00\x00\x02\x00" + "\x0f\x01\x02\x00\x01\x00\x00\x00a\x00\x00\x00" +
		"\x12\x01\x03\x00\x01\x00\x00\x00" + string(orientation) + "\x00\x00\x00")
}

func TestOrientation(t *testing.T) {
	if got := Orientation(block(6)); got != 6 {
		t.Errorf("%d, want 6", got)
	}
	if got := Orientation(block(9)); got != 0 {
		t.Errorf("what is none became %d", got)
	}
	long := []byte("MM\x00*\x00\x00\x00\x08\x00\x01" + "\x01\x12\x00\x04\x00\x00\x00\x01\x00\x00\x00\x08")
	if got := Orientation(long); got != 8 {
		t.Errorf("of a number of 32 bits: %d, want 8", got)
	}
	for text, want := range map[string]int{
		`<rdf:Description tiff:Orientation="8"/>`: 8, `<tiff:Orientation>3</tiff:Orientation>`: 3, `<tiff:Orientation>0</tiff:Orientation>`: 0, "": 0,
	} {
		if got := XMPOrientation([]byte(text)); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}

func FuzzOrientation(f *testing.F) {
	f.Add(block(6))
	f.Add([]byte(strings.Repeat("MM\x00*\x00\x00\x00\x08\xff\xff", 2)))
	f.Fuzz(func(t *testing.T, data []byte) {
		if o := Orientation(data); o < 0 || o > 8 {
			t.Error(o)
		}
		XMPOrientation(data)
	})
}
