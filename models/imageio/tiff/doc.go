// Package tiff reads the TIFF container block by block: what its directories say, and any area of a page without the rest. It
// knows nothing of what programs mean by their pages; imageio does.
//
//	Open -> Directory: tags -> Layout: judged, no pixel read -> Reader: blocks -> bytes -> rows -> samples -> grey or RGB
//
// A block is a strip or a tile. One that is not large is decompressed whole and kept for as long as its neighbours are read; of a
// large one, as the only strip of many files is, the rows are made from top to bottom and the last of them kept. So what
// reading takes does not depend on what a file says of itself, but is known before: Layout.Memory.
//
// Sources: TIFF 6.0 (1992), its Supplements 1 and 2, the BigTIFF design; where they are silent, what libtiff does.
package tiff
