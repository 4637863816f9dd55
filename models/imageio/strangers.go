package imageio

import (
	"bytes"
	"path"
	"slices"
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
	asTIFF     = "open it in Fiji and save it as TIFF"
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
	{[]string{".companion.ome", ".ome.xml"}, isXMLOf("<OME", "<ome:OME", "<OME:OME"), "the list of an OME-TIFF of several files", "send the .ome.tif files themselves"},
	{[]string{".sld", ".sldy"}, nil, "a SlideBook image (.sld)", "export it from SlideBook as OME-TIFF or TIFF, or " + bioFormats},
	{[]string{".dcm", ".dicom"}, at(128, "DICM"), "a DICOM image (.dcm)", "export it as TIFF or PNG, or open it in Fiji and save it as TIFF"},
	{[]string{".mrxs", ".scn", ".vms", ".bif", ".ndpis"}, nil, "a slide scanner's image", "export it as a pyramidal TIFF or OME-TIFF, for instance with QuPath"},
	{[]string{".ims", ".h5", ".hdf5", ".nc"}, begins("\x89HDF\r\n\x1a\n"), "an HDF5 file (Imaris .ims, .h5)", "export it from Imaris or Fiji as OME-TIFF or TIFF"},
	{[]string{".dv", ".r3d"}, at(96, "\xa0\xc0", "\xc0\xa0"), "a DeltaVision image (.dv)", "export it from softWoRx as TIFF, or " + bioFormats},
	{[]string{".npy"}, begins("\x93NUMPY"), "a NumPy array (.npy)", "write it as TIFF, for instance with tifffile.imwrite"},
	{[]string{".mat"}, begins("MATLAB "), "a MATLAB file (.mat)", "write its pictures as TIFF with imwrite"},
	{[]string{".ics", ".ids"}, begins("ics_version", "\t\nics_version", "\t\r\nics_version"), "an Image Cytometry Standard file (.ics)", bioFormats},
	{[]string{".nii"}, at(344, "n+1\x00", "ni1\x00"), "a NIfTI image (.nii)", asTIFF},
	{[]string{".nrrd"}, begins("NRRD000"), "an NRRD image (.nrrd)", asTIFF},
	{[]string{".mha", ".mhd"}, begins("ObjectType ="), "a MetaImage (.mha)", asTIFF},
	{[]string{".mrc", ".map"}, at(208, "MAP "), "an electron microscope's image (.mrc)", asTIFF},
	{[]string{".jp2", ".j2k", ".jpx"}, begins("\x00\x00\x00\x0cjP  \r\n", "\xff\x4f\xff\x51"), "a JPEG 2000 image, as which old .nd2 files begin, too", "save it as TIFF or PNG, of an .nd2 from NIS-Elements"},
	{[]string{".jxr", ".wdp", ".hdp"}, begins("II\xbc"), "a JPEG XR image", asImage},
	{[]string{".heic", ".heif", ".avif"}, isHEIF, "a HEIC or AVIF image", asImage},
	{[]string{".jxl"}, begins("\x00\x00\x00\x0cJXL ", "\xff\x0a"), "a JPEG XL image", asImage},
	{[]string{".mng", ".jng"}, begins("\x8aMNG", "\x8bJNG"), "a kin of PNG (MNG or JNG)", asImage},
	{[]string{".pdf", ".eps", ".ps"}, begins("%PDF-", "%!PS", "\xc5\xd0\xd3\xc6"), "a PDF or PostScript document", "save the picture in it as TIFF or PNG"},
	{[]string{".psd", ".psb"}, begins("8BPS"), "a Photoshop document", asImage},
	{[]string{".xcf"}, begins("gimp xcf"), "a GIMP document", "export it as TIFF or PNG"},
	{[]string{".svg"}, isXMLOf("<svg"), "a drawing (SVG)", asImage},
	{[]string{".html", ".htm"}, isXMLOf("<html", "<HTML", "<!DOCTYPE html", "<!doctype html"), "a web page and no image", "open it in a browser: it may say why the image was not given"},
	{nil, begins("version https://git-lfs"), "the pointer that Git LFS keeps in place of a file", "get the file itself with git lfs pull"},
	{[]string{".zip", ".docx", ".pptx", ".xlsx", ".npz"}, begins("PK\x03\x04", "PK\x05\x06"), "a ZIP archive, an OME-Zarr or an Office document", "unpack it and send the images, and save an OME-Zarr as OME-TIFF"},
	{[]string{".gz", ".tgz", ".xz", ".bz2", ".zst"}, begins("\x1f\x8b", "\xfd7zXZ\x00", "BZh", "\x28\xb5\x2f\xfd"), "a compressed file (gzip, xz, bzip2 or zstd)", "unpack it, and send the images"},
	{[]string{".tar", ".rar", ".7z"}, isArchive, "an archive (RAR, 7z or tar)", "unpack it, and send the images"},
	{[]string{".cr3", ".crw", ".raf", ".rw2", ".orf", ".x3f", ".mrw"}, isRaw, "a camera's raw picture", "develop it, and save it as TIFF or PNG"},
	{[]string{".avi", ".mp4", ".mov", ".mkv", ".mpg", ".wmv", ".flv"}, isFilm, "a film", "save its frames as a TIFF stack, for instance with Fiji"},
	{[]string{".exr", ".hdr"}, begins("\x76\x2f\x31\x01", "#?RADIANCE", "#?RGBE"), "an OpenEXR or Radiance image", asImage},
	{[]string{".pgm", ".ppm", ".pbm", ".pnm", ".pam", ".pfm"}, isNetpbm, "a Netpbm image", asImage},
	{[]string{".fits", ".fit"}, begins("SIMPLE  ="), "a FITS image", asImage},
	{[]string{".ico", ".cur"}, begins("\x00\x00\x01\x00", "\x00\x00\x02\x00"), "an icon", asImage},
	{[]string{".qoi", ".dds", ".pcx"}, begins("qoif", "DDS ", "\x0a\x05\x01"), "a QOI, DDS or PCX image", asImage},
	{[]string{".dm3", ".dm4", ".xdce"}, nil, "an image of another program", "open it in Fiji and save it as TIFF"},
}

func isLIF(head []byte) bool {
	return len(head) > 8 && bytes.HasPrefix(head, []byte{0x70, 0, 0, 0}) && head[8] == 0x2a
}

// at is a test for files that have one of the marks at an offset.
func at(offset int, marks ...string) func([]byte) bool {
	is := begins(marks...)
	return func(head []byte) bool { return len(head) > offset && is(head[offset:]) }
}

// isXMLOf is a test for XML, or the like of it, of one of the elements.
func isXMLOf(elements ...string) func([]byte) bool {
	return func(head []byte) bool {
		head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
		return len(head) > 0 && head[0] == '<' &&
			slices.ContainsFunc(elements, func(element string) bool { return bytes.Contains(head, []byte(element)) })
	}
}

func isArchive(head []byte) bool {
	return begins("Rar!", "7z\xbc\xaf\x27\x1c")(head) || at(257, "ustar")(head)
}

func isRaw(head []byte) bool {
	return at(4, "ftypcrx ")(head) || at(6, "HEAPCCDR")(head) || begins("FUJIFILMCCD-RAW", "IIU\x00", "IIRO", "IIRS", "MMOR", "FOVb", "\x00MRM")(head)
}

// isNetpbm: a number or letter, and what is blank.
func isNetpbm(head []byte) bool {
	return len(head) > 2 && head[0] == 'P' && bytes.IndexByte([]byte("1234567Ff"), head[1]) >= 0 && bytes.IndexByte([]byte(" \t\r\n"), head[2]) >= 0
}

func isHEIF(head []byte) bool {
	if len(head) < 12 || string(head[4:8]) != "ftyp" {
		return false
	}
	switch string(head[8:12]) {
	case "heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs", "mif1", "mif2", "miaf", "msf1", "avif", "avis":
		return true
	}
	return false
}

func isFilm(head []byte) bool {
	return len(head) >= 12 && (string(head[:4]) == "RIFF" && string(head[8:12]) == "AVI " || string(head[4:8]) == "ftyp") ||
		begins("\x1a\x45\xdf\xa3", "\x00\x00\x01\xba", "\x30\x26\xb2\x75\x8e\x66\xcf\x11", "FLV\x01")(head)
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
