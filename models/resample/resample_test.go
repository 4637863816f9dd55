package resample_test

import (
	"math"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"seghub/models/resample"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// share returns how much of input k output i takes, along one axis, straight from the definition.
func share(from, to, i, k int) float64 {
	scale := float64(from) / float64(to)
	if to < from {
		begin, end := float64(i)*scale, float64(i+1)*scale
		return max(0, min(end, float64(k+1))-max(begin, float64(k))) / scale
	}
	centre := min(max((float64(i)+0.5)*scale-0.5, 0), float64(from-1))
	return max(0, 1-math.Abs(centre-float64(k)))
}

func TestResizeAgreesWithItsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		side := func(name string) int { return rapid.IntRange(1, 12).Draw(t, name) }
		srcWidth, srcHeight, width, height := side("source width"), side("source height"), side("width"), side("height")
		channels := rapid.SampledFrom([]int{1, 3}).Draw(t, "channels")
		stride := srcWidth*channels + rapid.IntRange(0, 3).Draw(t, "padding")
		src := rapid.SliceOfN(rapid.Byte(), stride*srcHeight, stride*srcHeight).Draw(t, "source")
		dst := make([]uint8, width*height*channels)

		resample.New(width, height, srcWidth, srcHeight, channels).Rows(dst, 0, height, src, 0, stride)

		for i, got := range dst {
			x, y, c := i/channels%width, i/channels/width, i%channels
			want := 0.0
			for v := range srcHeight {
				for u := range srcWidth {
					want += share(srcWidth, width, x, u) * share(srcHeight, height, y, v) * float64(src[v*stride+u*channels+c])
				}
			}
			if math.Abs(float64(got)-want) > 0.55 {
				t.Fatalf("sample %d,%d,%d is %d, want %.3f", x, y, c, got, want)
			}
		}
	})
}

func TestResizeToTheSameSizeCopies(t *testing.T) {
	src := make([]uint8, 256)
	for i := range src {
		src[i] = uint8(i)
	}
	dst := make([]uint8, len(src))
	resample.New(16, 16, 16, 16, 1).Rows(dst, 0, 16, src, 0, 16)
	for i := range dst {
		if dst[i] != src[i] {
			t.Fatalf("sample %d was %d, is %d", i, src[i], dst[i])
		}
	}
}
