package server

import (
	"context"
	"fmt"

	"github.com/alecthomas/units"
	gopsutil "github.com/shirou/gopsutil/v4/disk"

	"seghub/sessions/problem"
)

// disk is one that must stay free.
type disk struct {
	of     string // what is on it: data, with Redis' log, or storage, where blobs lie in a folder
	folder string // on it
}

// free is how many bytes of the disk are; false when that cannot be told.
func (d disk) free(ctx context.Context) (bytes uint64, ok bool) {
	usage, err := gopsutil.UsageWithContext(ctx, d.folder)
	if err != nil {
		return 0, false
	}
	return usage.Free, true
}

// room judges whether there is room for more data.
type room struct {
	disks   []disk // the data folder's first
	minFree int64  // bytes
	most    int64  // bytes a session
	sizes   *sizes
}

// free reports why a disk has no room for so many bytes; nil when all have. A disk that cannot be measured is taken to have
// room: what does not fit is refused when it is written.
func (r room) free(ctx context.Context, bytes int64) error {
	for _, d := range r.disks {
		if free, ok := d.free(ctx); ok && int64(free) < r.minFree+bytes {
			return problem.Newf(problem.QuotaExceeded, "The server's disk has %v left, and %v stay free: nothing more is taken until there is room. "+
				"Ending sessions makes some; tell the operator.", inMiB(int64(free)), units.Base2Bytes(r.minFree))
		}
	}
	return nil
}

// For implements httpapi.Room.
func (r room) For(ctx context.Context, session string, bytes int64) error {
	if err := r.free(ctx, bytes); err != nil || session == "" {
		return err
	}
	with, err := r.sizes.with(ctx, session, bytes, r.most)
	if err != nil {
		return fmt.Errorf("room: %w", err)
	}
	if with > r.most {
		return problem.Newf(problem.QuotaExceeded, "This session has %v of images and results, of the %v that it may have: end it and start another.",
			inMiB(with-bytes), units.Base2Bytes(r.most))
	}
	return nil
}

// ToWait implements httpapi.Room. What goes again may take what stays free of images.
func (r room) ToWait(ctx context.Context, bytes int64) error {
	data := r.disks[0]
	if free, ok := data.free(ctx); ok && int64(free) < bytes {
		return problem.Newf(problem.QuotaExceeded, "What waits for the end of this export may take %v of the server's disk, which has %v left: take a format that goes out as it is made "+
			"(masks, labels, geojson, imagej, yolo, coco), or fewer images at a time. Ending sessions makes room; tell the operator.", inMiB(bytes), inMiB(int64(free)))
	}
	return nil
}

// inMiB leaves out what nobody wants to read.
func inMiB(bytes int64) units.Base2Bytes { return units.Base2Bytes(bytes) / units.MiB * units.MiB }
