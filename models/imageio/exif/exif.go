// Package exif reads which way up a photograph is to be shown.
package exif

import (
	"bytes"
	"encoding/binary"
	"regexp"
)

const orientationTag = 0x0112

// Orientation is what an EXIF block says, which is a TIFF of its own (CIPA DC-008, section 4.6): 1 to 8, or 0 when it does not say.
func Orientation(block []byte) int {
	block = bytes.TrimPrefix(block, []byte("Exif\x00\x00"))
	if len(block) < 8 {
		return 0
	}
	var order binary.ByteOrder = binary.LittleEndian
	switch string(block[:4]) {
	case "II*\x00":
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return 0
	}
	at := uint64(order.Uint32(block[4:]))
	if at+2 > uint64(len(block)) {
		return 0
	}
	entries := block[at+2:]
	for range order.Uint16(block[at:]) {
		if len(entries) < 12 {
			return 0
		}
		if order.Uint16(entries) == orientationTag {
			const long = 4 // as which some programs write it
			if order.Uint16(entries[2:]) == long {
				return valid(int(min(order.Uint32(entries[8:]), 9)))
			}
			return valid(int(order.Uint16(entries[8:])))
		}
		entries = entries[12:]
	}
	return 0
}

// As an attribute or as an element of its own: Adobe, XMP Specification Part 2, section 3.5.
var xmpOrientation = regexp.MustCompile(`tiff:Orientation(?:\s*=\s*["']|\s*>\s*)([1-8])\s*["'<]`)

// XMPOrientation is what an XMP packet says: 1 to 8, or 0.
func XMPOrientation(packet []byte) int {
	found := xmpOrientation.FindSubmatch(packet)
	if found == nil {
		return 0
	}
	return int(found[1][0] - '0')
}

func valid(orientation int) int {
	if orientation < 1 || orientation > 8 {
		return 0
	}
	return orientation
}
