// Package storage keeps the blobs of sessions: uploaded images and what was made of them. A folder by
// default, any gocloud.dev/blob bucket by URL.
//
//	sessions/<session>/images/<image>                   the file as it was uploaded
//	sessions/<session>/jobs/<job>/probability.png       8-bit grey
//	sessions/<session>/jobs/<job>/mask.png              1 channel, 0 or 255
//	sessions/<session>/jobs/<job>/result.json
//
// A blob is whole or absent: a write that fails leaves nothing behind.
package storage
