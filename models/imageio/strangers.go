package imageio

import (
	"bytes"
	"path"
	"strings"

	"seghub/models/imageio/refusal"
)

// stranger is a kind of file that people have and that is not read here.
type stranger struct {
	suffixes []string
	is       func(head []byte) bool // nil where the first bytes do not tell
	what     string
	instead  string // what to export
}

func (s stranger) refusal() error {
	return refusal.Unsupported("This is %s, which is not read here: %s.", s.what, s.instead)
}

const (
	bioFormats = "open it in Fiji (Bio-Formats) and save it as TIFF or OME-TIFF"
	asImage    = "save it as TIFF or PNG"
)

var strangers = []stranger{
	{[]string{".czi"}, begins("ZISRAWFILE"), "a Zeiss image (.czi)", "export it from ZEN as OME-TIFF or TIFF, or " + bioFormats},
	{[]string{".nd2"}, begins("\xda\xce\xbe\x0a"), "a Nikon image (.nd2)", "export it from NIS-Elements as TIFF, or " + bioFormats},
	{[]string{".lif", ".lof", ".xlif"}, isLIF, "a Leica image (.lif)", "export it from LAS X as TIFF or OME-TIFF, or " + bioFormats},
	{[]string{".vsi", ".ets"}, nil, "an Olympus slide (.vsi), whose picture lies in a folder beside it", "export it from cellSens or OlyVIA as TIFF, or " + bioFormats},
	{[]string{".oib", ".zvi"}, begins("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "an Olympus (.oib) or an old Zeiss (.zvi) image", "export it from FluoView or AxioVision as TIFF, or " + bioFormats},
	{[]string{".oir", ".poir"}, begins("OLYMPUSRAWFORMAT"), "an Olympus image (.oir)", "export it from FluoView as TIFF, or " + bioFormats},
	{[]string{".oif"}, nil, "the list of an Olympus image (.oif), whose pictures lie in a folder beside it", "export it from FluoView as TIFF, or " + bioFormats},
	{[]string{".companion.ome", ".ome.xml"}, isXMLOf("<OME"), "the list of an OME-TIFF of several files", "send the .ome.tif files themselves"},
	{[]string{".sld", ".sldy"}, nil, "a SlideBook image (.sld)", "export it from SlideBook as OME-TIFF or TIFF, or " + bioFormats},
	{[]string{".dcm", ".dicom"}, isDICOM, "a DICOM image (.dcm)", "export it as TIFF or PNG, or open it in Fiji and save it as TIFF"},
	{[]string{".mrxs", ".scn", ".vms", ".bif"}, nil, "a slide scanner's image", "export it as a pyramidal TIFF or OME-TIFF, for instance with QuPath"},
	{[]string{".ims", ".h5", ".hdf5", ".nc"}, begins("\x89HDF\r\n\x1a\n"), "an HDF5 file (Imaris .ims, .h5)", "export it from Imaris or Fiji as OME-TIFF or TIFF"},
	{[]string{".jp2", ".j2k", ".jpx"}, begins("\x00\x00\x00\x0cjP  \r\n", "\xff\x4f\xff\x51"), "a JPEG 2000 image", asImage},
	{[]string{".heic", ".heif", ".avif"}, isHEIF, "a HEIC or AVIF image", asImage},
	{[]string{".jxl"}, begins("\x00\x00\x00\x0cJXL ", "\xff\x0a"), "a JPEG XL image", asImage},
	{[]string{".pdf"}, begins("%PDF-"), "a PDF", "save the picture in it as TIFF or PNG"},
	{[]string{".psd", ".psb"}, begins("8BPS"), "a Photoshop document", asImage},
	{[]string{".svg"}, isXMLOf("<svg"), "a drawing (SVG)", asImage},
	{[]string{".zip", ".docx", ".pptx", ".xlsx"}, begins("PK\x03\x04"), "a ZIP archive or an Office document", "unpack it, and send the images"},
	{[]string{".gz", ".tgz"}, begins("\x1f\x8b"), "a compressed file (gzip)", "unpack it, and send the images"},
	{[]string{".cr3"}, isCR3, "a camera's raw picture", "develop it, and save it as TIFF or PNG"},
	{[]string{".avi", ".mp4", ".mov", ".mkv"}, isFilm, "a film", "save its frames as a TIFF stack, for instance with Fiji"},
	{[]string{".exr"}, begins("\x76\x2f\x31\x01"), "an OpenEXR image", asImage},
	{[]string{".pgm", ".ppm", ".pbm", ".pnm"}, begins("P1\n", "P2\n", "P3\n", "P4\n", "P5\n", "P6\n", "P5 ", "P6 "), "a Netpbm image", asImage},
	{[]string{".fits", ".fit"}, begins("SIMPLE  ="), "a FITS image", asImage},
	{[]string{".mrc", ".map", ".dm3", ".dm4", ".nii", ".nrrd", ".mha"}, nil, "an image of another program", "open it in Fiji and save it as TIFF"},
}

func isLIF(head []byte) bool {
	return len(head) > 8 && bytes.HasPrefix(head, []byte{0x70, 0, 0, 0}) && head[8] == 0x2a
}

// isXMLOf is a test for XML whose first element begins so.
func isXMLOf(element string) func([]byte) bool {
	return func(head []byte) bool {
		head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
		return len(head) > 0 && head[0] == '<' && bytes.Contains(head, []byte(element))
	}
}

func isCR3(head []byte) bool { return len(head) >= 12 && string(head[4:12]) == "ftypcrx " }

func isDICOM(head []byte) bool { return len(head) >= 132 && string(head[128:132]) == "DICM" }

func isHEIF(head []byte) bool {
	if len(head) < 12 || string(head[4:8]) != "ftyp" {
		return false
	}
	switch string(head[8:12]) {
	case "heic", "heix", "hevc", "mif1", "msf1", "avif", "avis":
		return true
	}
	return false
}

func isFilm(head []byte) bool {
	return len(head) >= 12 && (string(head[:4]) == "RIFF" && string(head[8:12]) == "AVI " || string(head[4:8]) == "ftyp") ||
		bytes.HasPrefix(head, []byte{0x1a, 0x45, 0xdf, 0xa3})
}

// JudgeName refuses a file by the end of its name, where that says more than its first bytes: some containers keep a thumbnail in
// the form of a TIFF where the picture should be. The error is a Refusal.
func JudgeName(name string) error {
	suffix := strings.ToLower(path.Ext(name))
	for _, s := range strangers {
		for _, known := range s.suffixes {
			if s.is == nil && suffix == known {
				return s.refusal()
			}
		}
	}
	return nil
}
