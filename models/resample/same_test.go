package resample

import (
	"bytes"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// TestWholeRatiosGiveTheSameSamples holds the ways for one ratio against the one for all, sample by sample.
func TestWholeRatiosGiveTheSameSamples(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width, height := rapid.IntRange(1, 21).Draw(t, "width"), rapid.IntRange(1, 7).Draw(t, "height")
		channels := rapid.SampledFrom([]int{1, 3}).Draw(t, "channels")
		for name, size := range map[string]struct{ fromWidth, fromHeight, toWidth, toHeight int }{
			"same":   {width, height, width, height},
			"halved": {2 * width, 2 * height, width, height},
			"double": {width, height, 2 * width, 2 * height},
		} {
			stride := size.fromWidth*channels + rapid.IntRange(0, 3).Draw(t, "padding")
			// The last row may end where its pixels do.
			src := rapid.SliceOfN(rapid.Byte(), stride*size.fromHeight, stride*size.fromHeight).Draw(t, "source")
			src = src[:stride*(size.fromHeight-1)+size.fromWidth*channels]
			got := make([]uint8, size.toWidth*size.toHeight*channels)
			want := make([]uint8, len(got))
			New(size.toWidth, size.toHeight, size.fromWidth, size.fromHeight, channels).Rows(got, 0, size.toHeight, src, 0, stride)
			ofAny := Resizer{
				size.toWidth, size.toHeight, size.fromWidth, size.fromHeight, channels,
				newAxis(size.fromWidth, size.toWidth), newAxis(size.fromHeight, size.toHeight),
			}
			ofAny.resize(want, 0, size.toHeight, src, 0, stride)
			if !bytes.Equal(got, want) {
				t.Errorf("%s: %v, want %v", name, got, want)
			}
		}
	})
}

// TestRowsAreThoseOfTheWholePicture makes some rows of a picture of the rows that they need, and no others.
func TestRowsAreThoseOfTheWholePicture(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		side := rapid.IntRange(1, 30)
		fromWidth, fromHeight, toWidth, toHeight := side.Draw(t, "from width"), side.Draw(t, "from height"), side.Draw(t, "to width"), side.Draw(t, "to height")
		if ratio := rapid.SampledFrom([]string{"any", "halved", "doubled"}).Draw(t, "ratio"); ratio == "halved" {
			fromWidth, fromHeight = 2*toWidth, 2*toHeight
		} else if ratio == "doubled" {
			toWidth, toHeight = 2*fromWidth, 2*fromHeight
		}
		channels := rapid.SampledFrom([]int{1, 3}).Draw(t, "channels")
		stride := fromWidth * channels
		src := rapid.SliceOfN(rapid.Byte(), stride*fromHeight, stride*fromHeight).Draw(t, "source")
		whole := make([]uint8, toWidth*toHeight*channels)
		New(toWidth, toHeight, fromWidth, fromHeight, channels).Rows(whole, 0, toHeight, src, 0, stride)

		begin := rapid.IntRange(0, toHeight-1).Draw(t, "begin")
		end := rapid.IntRange(begin+1, toHeight).Draw(t, "end")
		r := New(toWidth, toHeight, fromWidth, fromHeight, channels)
		first, last := r.Needs(begin, end)
		part := make([]uint8, (end-begin)*toWidth*channels)
		r.Rows(part, begin, end, bytes.Clone(src[first*stride:last*stride]), first, stride)
		if want := whole[begin*toWidth*channels : end*toWidth*channels]; !bytes.Equal(part, want) {
			t.Errorf("rows %d to %d of %dx%d from %dx%d: %v, want %v", begin, end, toWidth, toHeight, fromWidth, fromHeight, part, want)
		}
	})
}

func BenchmarkResize(b *testing.B) {
	for _, size := range [][2]int{{1024, 512}, {512, 1024}, {1000, 512}, {512, 1000}, {2048, 512}} {
		for _, channels := range []int{1, 3} {
			b.Run(fmt.Sprintf("%d to %d, %d channels", size[0], size[1], channels), func(b *testing.B) {
				src, dst := make([]uint8, size[0]*size[0]*channels), make([]uint8, size[1]*size[1]*channels)
				b.SetBytes(int64(max(len(src), len(dst))))
				for b.Loop() {
					New(size[1], size[1], size[0], size[0], channels).Rows(dst, 0, size[1], src, 0, size[0]*channels)
				}
			})
		}
	}
}
