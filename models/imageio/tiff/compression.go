package tiff

import (
	"seghub/models/imageio/refusal"
)

// The compressions that are read.
const (
	none            = 1
	faxRLE          = 2
	fax3            = 3
	fax4            = 4
	lzwCompression  = 5
	jpegCompression = 7
	deflate         = 8
	packBits        = 32773
	oldDeflate      = 32946
	zstdCompression = 50000
	webpCompression = 50001
)

// refused are the compressions that are known by name.
var refused = map[uint64]string{
	6: "the old form of JPEG (6)", 9: "JBIG", 10: "JBIG", 32766: "NeXT", 32809: "ThunderScan", 32895: "IT8", 32896: "IT8", 32897: "IT8",
	32898: "IT8", 32908: "Pixar", 32909: "Pixar", 33003: "JPEG 2000", 33004: "JPEG 2000", 33005: "JPEG 2000", 34661: "JBIG", 34676: "SGI LogLuv",
	34677: "SGI LogLuv", 34712: "JPEG 2000", 34713: "Nikon NEF", 34718: "MDI", 34719: "MDI", 34720: "MDI", 34887: "LERC", 34892: "lossy JPEG (DNG)",
	34925: "LZMA", 34926: "zstd (an early form)", 34927: "WebP (an early form)", 34933: "PNG", 34934: "JPEG XR", 22610: "JPEG XR",
	50002: "JPEG XL", 52546: "JPEG XL", 65000: "Kodak DCR", 65535: "Pentax PEF",
}

// judgeCompression also holds a compression to what it can be of.
func (l *Layout) judgeCompression() error {
	switch l.compression {
	case 0:
		l.compression = none // written by some programs that mean it
	case none, lzwCompression, deflate, oldDeflate, packBits, zstdCompression:
	case faxRLE, fax3, fax4:
		if l.directory.Uint(BitsPerSample, 1) != 1 || l.perPixel != 1 {
			return refusal.Corrupt("This TIFF is compressed for fax machines (CCITT), and is not of black and white pixels alone.")
		}
	case jpegCompression, webpCompression:
		if bits := l.directory.Uint(BitsPerSample, 1); bits != 8 {
			return refusal.Unsupported("This TIFF is compressed as JPEG or WebP with %d bits; 8 are known: save it with LZW or Deflate.", bits)
		}
		if l.compression == webpCompression && l.planar && l.perPixel > 1 { // whose pixels are colours: libtiff writes planes so, and reads none of it
			return refusal.Unsupported("This TIFF is compressed as WebP with a plane for each colour: save it with LZW or Deflate.")
		}
	default:
		if name, ok := refused[l.compression]; ok {
			return refusal.Unsupported("This TIFF is compressed with %s, which is not read here: save it with LZW, Deflate or without compression.", name)
		}
		return refusal.Unsupported("This TIFF is compressed in an unknown way (%d): save it with LZW, Deflate or without compression.", l.compression)
	}
	return nil
}

func (l *Layout) isFax() bool {
	return l.compression == faxRLE || l.compression == fax3 || l.compression == fax4
}

// hasPredictor tells whether the compression heeds the tag, as in libtiff.
func (l *Layout) hasPredictor() bool {
	switch l.compression {
	case lzwCompression, deflate, oldDeflate, zstdCompression:
		return true
	}
	return false
}

// inOnePiece tells whether a block can only be decoded as a whole.
func (l *Layout) inOnePiece() bool {
	return l.compression == jpegCompression || l.compression == webpCompression || l.subsampled()
}

// subsampled tells whether the file has fewer chromas than lumas, and says itself how.
func (l *Layout) subsampled() bool { return l.subsampling.X > 1 || l.subsampling.Y > 1 }
