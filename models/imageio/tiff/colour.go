package tiff

import (
	"math"

	"seghub/models/imageio/samples"
)

// painter makes count pixels of what a Reader gives of the needed samples, which lie pixel by pixel.
type painter func(dst, src []byte, count int)

// painter is nil where there is nothing to do.
func (l *Layout) painter() painter {
	switch l.photometric {
	case paletted:
		return l.paintPalette
	case cmyk:
		return l.eightBits(4, paintCMYK)
	case yCbCr:
		return l.yCbCrPainter()
	case cieLab:
		return l.eightBits(3, func(dst, src []byte) {
			paintLab(dst, float64(src[0])*100/255, float64(int8(src[1])), float64(int8(src[2])))
		})
	case iccLab:
		return l.eightBits(3, func(dst, src []byte) {
			paintLab(dst, float64(src[0])*100/255, float64(src[1])-128, float64(src[2])-128)
		})
	}
	return nil
}

func (l *Layout) paintPalette(dst, src []byte, count int) {
	for i := range count {
		index := int(src[i]) & (len(l.palette)/3 - 1)
		copy(dst[i*l.Channels:(i+1)*l.Channels], l.palette[3*index:])
	}
}

// eightBits calls paint for each pixel with the higher bytes of its samples.
func (l *Layout) eightBits(perPixel int, paint func(dst, src []byte)) painter {
	size := l.unpacked.Size()
	if size == 1 {
		return func(dst, src []byte, count int) {
			for i := range count {
				paint(dst[3*i:3*i+3], src[perPixel*i:perPixel*(i+1)])
			}
		}
	}
	return func(dst, src []byte, count int) {
		var pixel [4]byte
		for i := range count {
			for c := range perPixel {
				pixel[c] = src[size*(perPixel*i+c+1)-1]
			}
			paint(dst[3*i:3*i+3], pixel[:perPixel])
		}
	}
}

// paintCMYK is for inks that are complements of red, green and blue; no profile is looked at.
func paintCMYK(dst, src []byte) {
	light := 255 - int(src[3])
	for c := range 3 {
		dst[c] = uint8(((255-int(src[c]))*light + 127) / 255)
	}
}

// yCbCrPainter: TIFF 6.0, section 21, with the luma of ITU-R BT.601 where the file has none of its own.
func (l *Layout) yCbCrPainter() painter {
	red, green, blue := 0.299, 0.587, 0.114
	if own := l.directory.Floats(YCbCrCoefficients, 3); len(own) == 3 && own[1] > 0 {
		red, green, blue = own[0], own[1], own[2]
	}
	// In 16.16: what Cr adds to red and green, and Cb to blue and green.
	const one = 1 << 16
	var redCr, blueCb, greenCr, greenCb [256]int
	for v := range 256 {
		c := float64(v-128) * one
		redCr[v], blueCb[v] = int(c*(2-2*red)), int(c*(2-2*blue))
		greenCr[v], greenCb[v] = -int(c*(2-2*red)*red/green), -int(c*(2-2*blue)*blue/green)
	}
	return func(dst, src []byte, count int) {
		for i := range count {
			y, cb, cr := int(src[3*i])*one+one/2, src[3*i+1], src[3*i+2]
			dst[3*i] = clip((y + redCr[cr]) >> 16)
			dst[3*i+1] = clip((y + greenCr[cr] + greenCb[cb]) >> 16)
			dst[3*i+2] = clip((y + blueCb[cb]) >> 16)
		}
	}
}

func clip(v int) uint8 { return uint8(max(0, min(255, v))) }

// paintLab makes sRGB of CIE 1976 L*a*b* with white D50, adapted by Bradford's matrix to sRGB's D65.
func paintLab(dst []byte, lightness, a, b float64) {
	y := (lightness + 16) / 116
	cube := func(t float64) float64 {
		if t > 6.0/29 {
			return t * t * t
		}
		return 3 * 36.0 / 841 * (t - 4.0/29)
	}
	vx, vy, vz := 0.9642*cube(y+a/500), cube(y), 0.8251*cube(y-b/200)
	for c, weights := range [3][3]float64{
		{3.1338561, -1.6168667, -0.4906146}, {-0.9787684, 1.9161415, 0.0334540}, {0.0719453, -0.2289914, 1.4052427},
	} {
		v := weights[0]*vx + weights[1]*vy + weights[2]*vz
		if v <= 0.0031308 {
			v *= 12.92
		} else {
			v = 1.055*math.Pow(v, 1/2.4) - 0.055
		}
		dst[c] = clip(int(v*255 + 0.5))
	}
}

// gather takes some samples of each pixel of a row of perPixel samples.
func gather(dst, src []byte, which []int, perPixel int, typ samples.Type) {
	size := typ.Size()
	switch {
	case size == 1 && len(which) == 1:
		for i, k := 0, which[0]; k < len(src) && i < len(dst); i, k = i+1, k+perPixel {
			dst[i] = src[k]
		}
	case size == 1 && len(which) == 3 && which[0] == 0 && which[2] == 2:
		for len(dst) >= 3 && len(src) >= perPixel {
			dst[0], dst[1], dst[2] = src[0], src[1], src[2]
			dst, src = dst[3:], src[perPixel:]
		}
	default:
		for pixel := perPixel * size; len(src) >= pixel && len(dst) > 0; src = src[pixel:] {
			for _, k := range which {
				dst = dst[copy(dst[:size], src[k*size:]):]
			}
		}
	}
}
