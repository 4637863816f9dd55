// Package imageio reads the image files that microscopes and people produce: the header alone, so
// that a file can be judged before a pixel is decoded, and the pixels, as 8-bit grey or RGB. It writes PNG: pictures, grey ones row by row, and masks from their runs.
package imageio
