package tiff

import (
	"image"
	"math"

	"seghub/models/imageio/exif"
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
	wrapped      bool  // the directory says the lowest 32 bits of that alone
	after        int64 // of a wrapped one, behind where its blocks lie
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

// No side of a page or a block is longer, in pixels, and no row of a block, in bytes, so that no product of theirs overflows.
const (
	maxSide = math.MaxInt32
	maxRow  = math.MaxInt32
)

// Layout judges a page. Its blocks lie within the file. The error is a refusal, or what the file's reader returned.
func (d *Directory) Layout() (*Layout, error) {
	if !d.whole(ImageWidth, ImageLength, BitsPerSample, SampleFormat, ExtraSamples, Compression, Photometric, FillOrder, Orientation) {
		return nil, errCut() // where values are missing, others would hold
	}
	l := &Layout{
		directory:   d,
		compression: d.Uint(Compression, none),
		perPixel:    int(min(d.Uint(SamplesPerPixel, 1), math.MaxUint16+1)),
		planar:      d.Uint(PlanarConfiguration, 1) == 2,
		reversed:    d.Uint(FillOrder, 1) == 2 && d.Uint(Compression, none) != jpegCompression, // which has an order of its own
		Orientation: d.orientation(),
	}
	for _, judge := range []func() error{l.judgeSize, l.judgeCompression, l.judgeSamples, l.judgeColour, l.judgePredictor} {
		if err := judge(); err != nil {
			return nil, err
		}
	}
	l.planar = l.planar && l.perPixel > 1
	l.Uncompressed = l.compression == none
	l.judgeOnlyStrip()
	offsets, counts, err := l.blocks()
	if err != nil {
		return nil, err
	}
	if l.compression == jpegCompression {
		return l, l.judgeJPEG(offsets, counts)
	}
	return l, nil
}

// orientation is what the tag says; without it, what the XMP packet says that some photo programs put in its place.
func (d *Directory) orientation() int {
	const most = 1 << 20
	orientation := d.Uint(Orientation, 0)
	if orientation == 0 {
		packet, _ := d.Bytes(XMP, most) // of a file that is cut short there, the pixels tell
		orientation = uint64(exif.XMPOrientation(packet))
	}
	if orientation < 1 || orientation > 8 {
		return 1
	}
	return int(orientation)
}

func (l *Layout) judgeSize() error {
	d := l.directory
	if depths := d.Uint(ImageDepth, 1); depths > 1 {
		return refusal.Unsupported("A page of this TIFF holds %d depths at once (ImageDepth), which is not read here: save each as a page.", depths)
	}
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

// judgeOnlyStrip takes the only strip of an uncompressed page for all of it where it has as many bytes, whatever RowsPerStrip says.
func (l *Layout) judgeOnlyStrip() {
	if !l.Uncompressed || l.Tiled || l.planar || l.down == 1 || l.directory.Count(StripOffsets) != 1 {
		return
	}
	whole := *l
	whole.Block.Y, whole.down = l.Height, 1
	if l.directory.Uint(StripByteCounts, 0) >= whole.plainBytes(0) {
		*l = whole
	}
}

// SamplesPerPixel is how many the file has of each, whatever a Reader gives.
func (l *Layout) SamplesPerPixel() int { return l.perPixel }

// PixelBytes is what a pixel takes that a Reader gives.
func (l *Layout) PixelBytes() int { return l.Channels * l.Type.Size() }
