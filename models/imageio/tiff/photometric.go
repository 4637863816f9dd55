package tiff

import (
	"image"
	"math"

	"seghub/models/imageio/refusal"
	"seghub/models/imageio/samples"
)

// Photometric interpretations.
const (
	whiteIsZero = 0
	blackIsZero = 1
	rgb         = 2
	paletted    = 3
	alphaMask   = 4
	cmyk        = 5
	yCbCr       = 6
	cieLab      = 8
	iccLab      = 9
)

// judgeColour finds out which of the samples make the picture, and how.
func (l *Layout) judgeColour() error {
	l.photometric = l.directory.Uint(Photometric, l.usualPhotometric())
	if coloured := l.photometric == rgb || l.photometric == yCbCr || l.photometric == cieLab || l.photometric == iccLab; coloured && l.perPixel < 3 {
		l.photometric = blackIsZero // of a colour its light alone
	}
	l.Channels, l.Samples, l.needed = 3, 1, []int{0, 1, 2}
	switch l.photometric {
	case whiteIsZero, blackIsZero, alphaMask:
		l.grey()
		return nil
	case rgb:
		return nil
	case paletted:
		return l.judgePalette()
	case cmyk:
		l.needed = []int{0, 1, 2, 3}
		return l.judgePainted()
	case yCbCr:
		if l.planar && l.compression == jpegCompression && !l.directory.Has(YCbCrSubSampling) {
			// Without the tag two of the planes would be of half the size: red, green and blue, as Bio-Formats writes them.
			l.photometric = rgb
			return nil
		}
		if err := l.judgeSubsampling(); err != nil {
			return err
		}
		return l.judgePainted()
	case cieLab, iccLab:
		return l.judgePainted()
	}
	if what, ok := refusedColours[l.photometric]; ok {
		return refusal.Unsupported("This TIFF holds %s.", what)
	}
	return refusal.Unsupported("The colours of this TIFF are of an unknown kind (PhotometricInterpretation %d): save it as RGB or grey.", l.photometric)
}

var refusedColours = map[uint64]string{
	32803: "the raw pixels of a camera's colour filter: develop it, and save it as RGB",
	34892: "a camera's raw colours (LinearRaw): develop it, and save it as RGB",
	32844: "logarithms of light (LogL): save it as grey",
	32845: "logarithms of light (LogLuv): save it as RGB",
}

// judgePainted is for colours that RGB of 8 bits is made of.
func (l *Layout) judgePainted() error {
	if l.perPixel < len(l.needed) {
		return refusal.Corrupt("The pixels of this TIFF have %d values, too few for the colours that it speaks of.", l.perPixel)
	}
	if deep := l.Bits == 16 && l.photometric != yCbCr; l.format == floating || l.Bits != 8 && !deep {
		return refusal.Unsupported("The colours of this TIFF (%s) have %d bits: save it as RGB.", colourNames[l.photometric], l.Bits)
	}
	l.Type = samples.Uint8
	return nil
}

// judgeSubsampling finds out how thinned out the chromas are, where that is not the codec's own business.
func (l *Layout) judgeSubsampling() error {
	l.subsampling = image.Pt(1, 1)
	if l.compression == jpegCompression || l.compression == webpCompression {
		return nil
	}
	sub, err := l.directory.Uints(YCbCrSubSampling, 2)
	if err != nil {
		return err
	}
	l.subsampling = image.Pt(2, 2) // without the tag
	if len(sub) == 2 {
		l.subsampling = image.Pt(int(min(sub[0], 8)), int(min(sub[1], 8)))
	}
	if l.planar && l.subsampled() {
		return refusal.Unsupported("The colours of this TIFF (YCbCr) are thinned out and lie in planes: save it as RGB.")
	}
	if x, y := l.subsampling.X, l.subsampling.Y; x != 1 && x != 2 && x != 4 || y != 1 && y != 2 && y != 4 {
		return refusal.Corrupt("The colours of this TIFF (YCbCr) are said to be thinned out %d x %d.", x, y)
	}
	return nil
}

var colourNames = map[uint64]string{cmyk: "CMYK", yCbCr: "YCbCr", cieLab: "CIE L*a*b*", iccLab: "CIE L*a*b*"}

// usualPhotometric is what a page without the tag is, as libtiff takes it.
func (l *Layout) usualPhotometric() uint64 {
	switch {
	case l.isFax():
		return whiteIsZero
	case l.perPixel >= 3:
		return rgb
	}
	return blackIsZero
}

// grey lets each sample be chosen that is not an alpha.
func (l *Layout) grey() {
	l.Channels, l.Samples, l.needed = 1, l.perPixel, nil
	extra, err := l.directory.Uints(ExtraSamples, l.perPixel)
	if err != nil {
		return
	}
	alphas := 0
	for _, kind := range extra {
		if kind == 1 || kind == 2 {
			alphas++
		}
	}
	// No pixel has two: libvips calls all but the first channel so.
	if last := len(extra) - 1; alphas == 1 && extra[last] > 0 && l.Samples > 1 {
		l.Samples--
	}
}

func (l *Layout) judgePalette() error {
	if l.Bits > 8 { // a channel and the colour to show it in, as Bio-Formats writes it: its values count
		l.asGrey()
		return nil
	}
	size := 1 << l.Bits
	values, err := l.directory.Uints(ColorMap, 3*size)
	if err != nil {
		return err
	}
	if len(values) < 3*size {
		return refusal.Corrupt("The palette of this TIFF is missing or too short.")
	}
	// Of 16 bits each; some programs write 8.
	shift := 0
	for _, v := range values {
		if v > math.MaxUint8 {
			shift = 8
		}
	}
	l.palette = make([]byte, 3*size)
	grey := true
	for i := range size {
		for c := range 3 {
			l.palette[3*i+c] = byte(values[c*size+i] >> shift)
		}
		grey = grey && l.palette[3*i] == l.palette[3*i+1] && l.palette[3*i] == l.palette[3*i+2]
	}
	if samples.IsTint(l.palette) {
		l.asGrey()
		return nil
	}
	if l.needed = []int{0}; grey {
		l.Channels = 1
	}
	l.Type = samples.Uint8
	return nil
}

// asGrey is for pages whose palette is not looked at.
func (l *Layout) asGrey() {
	l.photometric, l.palette = blackIsZero, nil
	l.grey()
}

// Unpainted is a page of the same layout without the colours of a palette that a program shows its samples in (samples.IsLookup). Greys are left as
// they are: of those that run from bright to dark the samples are turned.
func (l *Layout) Unpainted() *Layout {
	if l.photometric != paletted || l.Channels != 3 || !samples.IsLookup(l.palette) {
		return l
	}
	unpainted := *l
	unpainted.asGrey()
	return &unpainted
}

// Separate is a page of the same layout whose samples are no colours: each can be chosen by itself.
func (l *Layout) Separate() *Layout {
	separate := *l
	if separate.photometric == rgb {
		separate.photometric = blackIsZero
		separate.grey()
	}
	return &separate
}
