package server

import (
	"context"
	"fmt"

	"github.com/alecthomas/units"
	"github.com/shirou/gopsutil/v4/disk"

	"seghub/sessions/problem"
)

// room judges whether there is room for more data.
type room struct {
	disks   []string // folders on the disks that must stay free: that of Redis' log, and of blobs if they lie in one
	minFree int64    // bytes
	most    int64    // bytes a session
	sizes   *sizes
}

// free reports why a disk has no room for so many bytes; nil when all have. A disk that cannot be measured is taken to have
// room: what does not fit is refused when it is written.
func (r room) free(ctx context.Context, bytes int64) error {
	for _, folder := range r.disks {
		usage, err := disk.UsageWithContext(ctx, folder)
		if err == nil && int64(usage.Free) < r.minFree+bytes {
			return problem.Newf(problem.QuotaExceeded, "The server's disk has %v left, and %v stay free: nothing more is taken until there is room. "+
				"Ending sessions makes some; tell the operator.", inMiB(int64(usage.Free)), units.Base2Bytes(r.minFree))
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

// inMiB leaves out what nobody wants to read.
func inMiB(bytes int64) units.Base2Bytes { return units.Base2Bytes(bytes) / units.MiB * units.MiB }
