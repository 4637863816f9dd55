package tiff

import (
	"image"
	"math"

	"seghub/models/imageio/refusal"
	"seghub/models/imageio/samples"
)

// Layout is how the pixels of a page lie in the file, judged as far as can be without decoding one.
type Layout struct {
	Width, Height int
	Orientation   int          // 1 to 8, as the tag has it; Width and Height are those of the pixels as they are stored
	Channels      int          // that a Reader gives: 1 (grey) or 3 (RGB)
	Samples       int          // of a pixel, that can be chosen one by one; 1 for colour
	Type          samples.Type // that a Reader gives
	Bits          int          // of a sample in the file
	Block         image.Point  // a tile, or a strip
	Tiled         bool
	Uncompressed  bool

	directory    *Directory
	shift        int64 // of where its blocks lie, from where the directory says
	across, down int   // blocks
	compression  uint64
	photometric  uint64
	format       uint64       // SampleFormat
	perPixel     int          // samples in the file
	unpacked     samples.Type // of a sample, before any colour is made of it
	planar       bool         // a plane a sample, each in blocks of its own
	predictor    uint64
	reversed     bool // FillOrder 2
	subsampling  image.Point
	palette      []byte // RGB
	needed       []int  // the samples of a pixel that what a Reader gives is made of, when not chosen
}

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

// Sample formats.
const (
	unsigned = 1
	signed   = 2
	floating = 3
)

// No side of a page or a block is longer, in pixels, and no row of a block, in bytes, so that no product of theirs overflows.
const (
	maxSide = math.MaxInt32
	maxRow  = math.MaxInt32
)

// Layout judges a page. Its blocks lie within the file. The error is a refusal, or what the file's reader returned.
func (d *Directory) Layout() (*Layout, error) {
	l := &Layout{
		directory:   d,
		compression: d.Uint(Compression, none),
		perPixel:    int(min(d.Uint(SamplesPerPixel, 1), math.MaxUint16+1)),
		planar:      d.Uint(PlanarConfiguration, 1) == 2,
		reversed:    d.Uint(FillOrder, 1) == 2,
		Orientation: int(min(d.Uint(Orientation, 1), 9)),
	}
	if l.Orientation < 1 || l.Orientation > 8 {
		l.Orientation = 1
	}
	for _, judge := range []func() error{l.judgeSize, l.judgeCompression, l.judgeSamples, l.judgeColour, l.judgePredictor} {
		if err := judge(); err != nil {
			return nil, err
		}
	}
	l.planar = l.planar && l.perPixel > 1
	l.Uncompressed = l.compression == none
	offsets, counts, err := l.blocks()
	if err != nil {
		return nil, err
	}
	if l.compression == jpegCompression {
		return l, l.judgeJPEG(offsets, counts)
	}
	return l, nil
}

func (l *Layout) judgeSize() error {
	d := l.directory
	width, height := d.Uint(ImageWidth, 0), d.Uint(ImageLength, 0)
	if width == 0 || height == 0 {
		return refusal.Corrupt("A page of this TIFF says that it is %d x %d pixels.", width, height)
	}
	if width > maxSide || height > maxSide {
		return refusal.TooLarge("A page of this TIFF says that it is %d x %d pixels.", width, height)
	}
	l.Width, l.Height = int(width), int(height)
	// Some programs keep tiles under the tags of strips.
	l.Tiled = d.Has(TileWidth) && d.Has(TileLength)
	blockWidth, blockHeight := width, min(height, d.Uint(RowsPerStrip, height))
	if l.Tiled {
		blockWidth, blockHeight = d.Uint(TileWidth, 0), d.Uint(TileLength, 0)
	}
	if blockWidth == 0 || blockHeight == 0 {
		return refusal.Corrupt("A page of this TIFF is cut into pieces of %d x %d pixels.", blockWidth, blockHeight)
	}
	if blockWidth > maxSide || blockHeight > maxSide {
		return refusal.TooLarge("A page of this TIFF is cut into pieces of %d x %d pixels.", blockWidth, blockHeight)
	}
	l.Block = image.Pt(int(blockWidth), int(blockHeight))
	l.across = (l.Width + l.Block.X - 1) / l.Block.X
	l.down = (l.Height + l.Block.Y - 1) / l.Block.Y
	return nil
}

// judgeSamples finds the type of the samples.
func (l *Layout) judgeSamples() error {
	d := l.directory
	if l.perPixel < 1 || l.perPixel > math.MaxUint16 {
		return refusal.Corrupt("A page of this TIFF says that a pixel has %d values.", l.perPixel)
	}
	bits, err := d.Uints(BitsPerSample, l.perPixel)
	if err != nil {
		return err
	}
	if len(bits) == 0 {
		bits = []uint64{1}
	}
	for _, b := range bits {
		if b != bits[0] {
			return refusal.Unsupported("The values of a pixel of this TIFF have different numbers of bits (%d and %d): save it with 8 or 16 bits each.", bits[0], b)
		}
	}
	l.Bits = int(min(bits[0], 1<<16))
	l.format = d.Uint(SampleFormat, unsigned)
	if l.format == 5 || l.format == 6 {
		return refusal.Unsupported("This TIFF holds complex numbers: save their amplitude or phase as an image.")
	}
	if l.format < unsigned || l.format > floating {
		l.format = unsigned // "undefined": whole numbers in practice
	}
	known := false
	switch {
	case l.format == floating:
		l.Type, known = map[int]samples.Type{16: samples.Float32, 32: samples.Float32, 64: samples.Float64}[l.Bits]
	case l.Bits == 64:
		l.Type, known = samples.Float64, true
	case l.Bits >= 1 && l.Bits <= 32:
		l.Type, known = samples.Uint32, true
		if l.Bits <= 8 {
			l.Type = samples.Uint8
		} else if l.Bits <= 16 {
			l.Type = samples.Uint16
		}
		if l.format == signed {
			l.Type++
		}
	}
	if !known {
		return refusal.Unsupported("This TIFF holds %s of %d bits: save it with 8 or 16 bits.", numbers[l.format], l.Bits)
	}
	l.unpacked = l.Type
	if l.rawRow() > maxRow {
		return refusal.TooLarge("The rows of a page of this TIFF are said to take %d GB each.", l.rawRow()>>30)
	}
	return nil
}

var numbers = map[uint64]string{unsigned: "whole numbers", signed: "signed whole numbers", floating: "floating-point numbers"}

// judgeColour finds out which of the samples make the picture, and how.
func (l *Layout) judgeColour() error {
	d := l.directory
	l.photometric = d.Uint(Photometric, l.usualPhotometric())
	l.Channels, l.Samples, l.needed = 3, 1, []int{0, 1, 2}
	least, eightBits := 3, false
	switch l.photometric {
	case whiteIsZero, blackIsZero, alphaMask:
		l.grey()
		return nil
	case rgb:
		if l.perPixel < 3 {
			l.grey()
			return nil
		}
	case paletted:
		return l.judgePalette()
	case cmyk:
		least, eightBits = 4, true
		l.needed = []int{0, 1, 2, 3}
	case yCbCr:
		eightBits = true
		sub, err := d.Uints(YCbCrSubSampling, 2)
		if err != nil {
			return err
		}
		l.subsampling = image.Pt(2, 2)
		if len(sub) == 2 {
			l.subsampling = image.Pt(int(min(sub[0], 8)), int(min(sub[1], 8)))
		}
		if l.compression == jpegCompression || l.compression == webpCompression {
			l.subsampling = image.Pt(1, 1) // the codec's own business
		}
		if l.planar && l.subsampled() {
			return refusal.Unsupported("The colours of this TIFF (YCbCr) are thinned out and lie in planes: save it as RGB.")
		}
		if x, y := l.subsampling.X, l.subsampling.Y; x != 1 && x != 2 && x != 4 || y != 1 && y != 2 && y != 4 {
			return refusal.Corrupt("The colours of this TIFF (YCbCr) are said to be thinned out %d x %d.", x, y)
		}
	case cieLab, iccLab:
		eightBits = true
	case 32803:
		return refusal.Unsupported("This TIFF holds the raw pixels of a camera's colour filter: develop it, and save it as RGB.")
	case 34892:
		return refusal.Unsupported("This TIFF holds a camera's raw colours (LinearRaw): develop it, and save it as RGB.")
	case 32844, 32845:
		return refusal.Unsupported("This TIFF holds logarithms of light (LogLuv): save it as RGB or grey.")
	default:
		return refusal.Unsupported("The colours of this TIFF are of an unknown kind (PhotometricInterpretation %d): save it as RGB or grey.", l.photometric)
	}
	if l.perPixel < least {
		return refusal.Corrupt("The pixels of this TIFF have %d values, too few for the colours that it speaks of.", l.perPixel)
	}
	if eightBits {
		if deep := l.Bits == 16 && l.photometric != yCbCr; l.format == floating || l.Bits != 8 && !deep {
			return refusal.Unsupported("The colours of this TIFF (%s) have %d bits: save it as RGB.", colourNames[l.photometric], l.Bits)
		}
		l.Type = samples.Uint8
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
	for i := len(extra) - 1; i >= 0 && (extra[i] == 1 || extra[i] == 2) && l.Samples > 1; i-- {
		l.Samples--
	}
}

func (l *Layout) judgePalette() error {
	if l.Bits > 16 || l.format == floating {
		return refusal.Unsupported("This TIFF has a palette and values of %d bits: save it as RGB or grey.", l.Bits)
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
	if l.needed = []int{0}; grey {
		l.Channels = 1
	}
	l.Type = samples.Uint8
	return nil
}

func (l *Layout) judgePredictor() error {
	if !l.hasPredictor() {
		l.predictor = 1 // left over from what the file was before
		return nil
	}
	l.predictor = l.directory.Uint(Predictor, 1)
	whole := l.Bits == 8 || l.Bits == 16 || l.Bits == 32 || l.Bits == 64
	switch {
	case l.predictor == 0:
		l.predictor = 1
	case l.predictor > 3:
		return refusal.Unsupported("This TIFF is compressed with the unknown predictor %d: save it without compression.", l.predictor)
	case l.predictor == 2 && !whole, l.predictor == 3 && l.format != floating:
		return refusal.Unsupported("This TIFF is compressed with predictor %d on values of %d bits: save it without compression.", l.predictor, l.Bits)
	}
	return nil
}

// blocks gives where each lies, which is within the file: offset 0 and count 0 is one that was never written, and is black.
func (l *Layout) blocks() (offsets, counts []uint64, err error) {
	d := l.directory
	offsetTag, countTag := StripOffsets, StripByteCounts
	if d.Has(TileOffsets) {
		offsetTag, countTag = TileOffsets, TileByteCounts
	}
	expected := l.across * l.down // both below 2^31
	if size := int(min(d.file.size, maxSide)); l.planar && expected <= size {
		expected *= l.perPixel
	} else if expected > size {
		return nil, nil, errCut()
	}
	if uint64(expected) > d.Count(offsetTag) {
		return nil, nil, refusal.Corrupt("This TIFF says where %d of the %d pieces of a page lie.", d.Count(offsetTag), expected)
	}
	if offsets, err = d.Uints(offsetTag, expected); err != nil {
		return nil, nil, err
	}
	if counts, err = d.Uints(countTag, expected); err != nil {
		return nil, nil, err
	}
	if l.shift > 0 {
		for i := range offsets {
			offsets[i] += uint64(l.shift)
		}
	}
	size := uint64(d.file.size)
	if len(counts) < expected || l.compression == none {
		given := counts
		counts = make([]uint64, expected)
		for i := range counts {
			switch {
			case l.compression == none && i < len(given) && given[i] == 0 && offsets[i] == uint64(l.shift):
			case l.compression == none:
				counts[i] = l.plainBytes(i)
			case expected == 1 && offsets[0] < size:
				counts[0] = size - offsets[0]
			default:
				return nil, nil, refusal.Corrupt("This TIFF does not say how long the pieces of a page are.")
			}
		}
	}
	written := false
	for i, offset := range offsets {
		if offset > size || counts[i] > size-offset {
			return nil, nil, errCut()
		}
		written = written || counts[i] > 0
	}
	if !written {
		return nil, nil, refusal.Corrupt("The pixels of a page of this TIFF were never written.")
	}
	return offsets, counts, nil
}

// plainBytes is how much an uncompressed block has. A strip ends with the image; a tile does not.
func (l *Layout) plainBytes(i int) uint64 {
	rows := l.rows(i)
	if l.subsampled() {
		units := (l.Block.X + l.subsampling.X - 1) / l.subsampling.X
		return uint64(units*l.unitBytes()) * uint64((rows+l.subsampling.Y-1)/l.subsampling.Y)
	}
	return uint64(l.rawRow()) * uint64(rows)
}

// rows of a block.
func (l *Layout) rows(i int) int {
	if l.Tiled {
		return l.Block.Y
	}
	return min(l.Block.Y, l.Height-i/l.across%l.down*l.Block.Y)
}

// inBlock is how many samples of a pixel a block holds.
func (l *Layout) inBlock() int {
	if l.planar {
		return 1
	}
	return l.perPixel
}

// rawRow is how many bytes a row of a block has in the file, uncompressed.
func (l *Layout) rawRow() int { return (l.Block.X*l.inBlock()*l.Bits + 7) / 8 }

// unitBytes is what a unit of subsampled colour has: some lumas, and two chromas.
func (l *Layout) unitBytes() int { return l.subsampling.X*l.subsampling.Y + 2 }

// PixelBytes is what a pixel takes that a Reader gives.
func (l *Layout) PixelBytes() int { return l.Channels * l.Type.Size() }

// Contiguous is how many bytes the strips of an uncompressed page take that lie behind each other; false when they do not.
func (l *Layout) Contiguous() (size int64, ok bool) {
	offsets, counts, err := l.blocks()
	if err != nil || !l.Uncompressed || l.Tiled {
		return 0, false
	}
	for i, offset := range offsets {
		if offset != offsets[0]+uint64(size) {
			return 0, false
		}
		size += int64(counts[i])
	}
	return size, true
}

// Shifted is a page of the same layout that lies so many bytes further on.
func (l *Layout) Shifted(bytes int64) (*Layout, error) {
	shifted := *l
	shifted.shift += bytes
	_, _, err := shifted.blocks()
	return &shifted, err
}
