// Package storage keeps the blobs of sessions: uploaded images and what was made of them. A folder by
// default, an S3 bucket by URL.
//
//	sessions/<session>/images/<image>                   the file as it was uploaded
//	sessions/<session>/jobs/<job>/probability.bands     as package mask writes it
//	sessions/<session>/jobs/<job>/mask.png              1 channel, 0 or 255
//	sessions/<session>/jobs/<job>/mask-<row>.png        a piece of it, of a large image
//	sessions/<session>/jobs/<job>/result.json
//	sessions/<session>/jobs/<job>/labels.bands          likewise
//	sessions/<session>/jobs/<job>/receipt.json          what made it
//	sessions/<session>/jobs/<job>/<id>.edit, ...        later revisions, as package results keeps them
//	hubs/<hub>                                          who uses the storage at the moment
//	identity                                            its name
//	check                                               written now and then, to see whether it takes something
//
// A blob is whole or absent: a write that fails leaves nothing behind, and what lay under the key before
// stays. In a folder a blob is written beside its place and renamed into it. A hub that is killed in the
// middle of a write leaves that unfinished file, under a name that no key has: Unfinished lists them, for the janitor. File and folders are
// synced before the write of an image or of a revision is over: what people have brought or drawn outlasts a power cut, as Redis' append-only
// file does. What a model makes is not waited for, since it can be made again.
//
// A Store holds no state of its own beside the bucket; all its methods may be called at the same time.
package storage
