package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/gin-gonic/gin"
	"golang.org/x/sync/errgroup"

	"seghub/sessions"
	"seghub/sessions/problem"
	"seghub/storage"
	"seghub/storage/export"
)

// Pictures are what was made of jobs, as exports take them.
type Pictures interface {
	// Size is how many bytes the result of a job that is done takes on the disk.
	Size(ctx context.Context, session string, job sessions.Job) (int64, error)
	// Whole is the Size of a job that is done, of which all that its picture is made of is stored; else the error is a storage.ErrNotFound.
	Whole(ctx context.Context, session string, job sessions.Job) (int64, error)
	// Picture is that of a job that is done.
	Picture(ctx context.Context, session string, job sessions.Job) (export.Picture, error)
}

// maxExportBody is enough to name all jobs that a session may have, in bytes.
const maxExportBody = 1 << 20

// exportRequest is what an export is of.
type exportRequest struct {
	Format string   `json:"format"`
	Jobs   []string `json:"jobs"` // all that are done when it is left out
}

// exportOf reads the request: a few jobs may stand in an address, but a proxy, or this server, takes no address of several hundred.
func exportOf(c *gin.Context) (exportRequest, error) {
	if c.Request.Method != http.MethodPost {
		return exportRequest{Format: c.Query("format"), Jobs: c.QueryArray("job")}, nil
	}
	var request exportRequest
	err := decodeJSON(c, maxExportBody, &request)
	if err == nil && request.Jobs != nil && len(request.Jobs) == 0 {
		err = problem.New(problem.BadRequest, "The list jobs is empty: leave it out for all that are done.")
	}
	return request, err
}

// export streams what was made of jobs in another program's format. It knows all their ids, and holds one of their results at a time.
func (a *api) export(c *gin.Context) {
	ctx, session := c.Request.Context(), c.GetString(sessionKey)
	request, err := exportOf(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	format := request.Format
	if _, err := export.KindOf(format, 1); err != nil {
		a.fail(c, problem.Newf(problem.BadRequest, "There is no format %q: %s are known.", format, strings.Join(export.Formats(), ", ")))
		return
	}
	jobs, err := a.toExport(ctx, session, request.Jobs)
	if err != nil {
		a.fail(c, err)
		return
	}
	kind, err := export.KindOf(format, len(jobs))
	var stored int64
	if err == nil {
		stored, err = a.areStored(ctx, session, jobs)
	}
	if err == nil && kind.Waits && waitingRoom*stored > export.MostInMemory {
		err = a.Room.ToWait(ctx, waitingRoom*stored)
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	name := "seghub"
	if len(jobs) == 1 {
		name = export.Names{}.Of(jobs[0].Filename, 0, 1) // not hidden, and as in archives
	} else if kind.Extension == ".zip" { // which does not tell what is in it
		name += "-" + format
	}
	c.Header("Content-Type", kind.MediaType)
	c.Header("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name + kind.Extension}))
	c.Header("Cache-Control", "private, no-store")
	if c.Request.Method == http.MethodHead {
		return
	}
	if err := a.writeExport(ctx, c.Writer, session, format, jobs); err != nil {
		a.breakOff(c, fmt.Errorf("export: %w", err))
	}
}

// exported is what is known of a job beforehand.
type exported struct{ ID, Filename string }

// toExport gives the jobs that are named, or all of the session that are done, oldest first.
func (a *api) toExport(ctx context.Context, session string, ids []string) (jobs []exported, err error) {
	for _, id := range ids {
		job, err := a.Jobs.Job(ctx, session, id)
		if err != nil {
			return nil, err
		}
		if job.State != sessions.JobDone {
			return nil, problem.Newf(problem.BadRequest, "There is nothing to export of job %s: it is %s.", id, job.State)
		}
		jobs = append(jobs, exported{job.ID, job.Filename})
	}
	if len(ids) > 0 {
		return jobs, nil
	}
	query := sessions.JobQuery{State: sessions.JobDone, Limit: maxPage}
	for {
		page, err := a.Jobs.Jobs(ctx, session, query)
		if err != nil {
			return nil, err
		}
		for _, job := range page.Jobs {
			jobs = append(jobs, exported{job.ID, job.Filename})
		}
		if query.Cursor = page.NextCursor; query.Cursor == "" {
			break
		}
	}
	if len(jobs) == 0 {
		return nil, problem.New(problem.NotFound, "There is nothing to export: no job of this session is done.")
	}
	slices.Reverse(jobs)
	return jobs, nil
}

// looksAtOnce is for files in a bucket, which are far away.
const looksAtOnce = 16

// waitingRoom is what the tables of results take on the disk until an export can end, by how large those are there; 1.1 of csv, 2.2 of all
// were measured.
const waitingRoom = 3

// areStored tells how many bytes the results of jobs take, and of which jobs something is not stored any more: files go by a hand on the disk, with
// the power, and by a backup that is older than Redis. Nobody would miss them in an export.
func (a *api) areStored(ctx context.Context, session string, jobs []exported) (bytes int64, err error) {
	var all atomic.Int64
	lost := make([]bool, len(jobs))
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(looksAtOnce)
	for i, known := range jobs {
		group.Go(func() error {
			size, err := a.isStored(within, session, known.ID)
			all.Add(size)
			switch {
			case errors.Is(err, sessions.ErrNotFound): // deleted meanwhile
				return nil
			case errors.Is(err, storage.ErrNotFound):
				lost[i] = true
				return nil
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return 0, err
	}
	var names []string
	for i, job := range jobs {
		if lost[i] {
			names = append(names, job.Filename)
		}
	}
	if len(names) == 0 {
		return all.Load(), nil
	}
	return 0, notWhole(names)
}

// isStored tells how many bytes the result of a job takes. It is a storage.ErrNotFound where something of it is gone, though the job is there.
func (a *api) isStored(ctx context.Context, session, id string) (int64, error) {
	job, err := a.Jobs.Job(ctx, session, id)
	if err != nil {
		return 0, err
	}
	size, err := a.Pictures.Whole(ctx, session, job)
	return size, a.orDeleted(ctx, session, id, err)
}

// orDeleted is a sessions.ErrNotFound instead of an err that a file of a job is not there, where that is because the job is deleted: what is
// stored goes after it.
func (a *api) orDeleted(ctx context.Context, session, id string, err error) error {
	if !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	if _, gone := a.Jobs.Job(ctx, session, id); gone != nil {
		return gone
	}
	return err
}

func notWhole(names []string) error {
	const named = 5
	more := ""
	if len(names) > named {
		more = fmt.Sprintf(" and of %d others", len(names)-named)
		names = names[:named]
	}
	return problem.Newf(problem.NotFound, "What was made of %s%s is no longer on the server's disk: delete these images, and segment them again if you "+
		"need them.", strings.Join(names, ", "), more)
}

// writeExport writes one picture after the other, each in its turn. Those that were deleted since are left out.
func (a *api) writeExport(ctx context.Context, w io.Writer, session, format string, jobs []exported) (err error) {
	made := &made{folder: a.Spool, over: ctx.Err}
	defer made.drop()
	out, err := export.New(made, format, len(jobs), a.Spool)
	if err != nil {
		return err
	}
	whole := false
	defer func() {
		if !whole { // after a failure, or a panic: what follows is not to look like an end
			made.over = func() error { return io.ErrClosedPipe }
			err = errors.Join(err, out.Close())
		}
	}()
	var rows int64 // what waits for the end, about, in bytes
	for _, known := range jobs {
		memory, err := a.exportPicture(ctx, out, session, known.ID)
		err = a.orDeleted(ctx, session, known.ID, err)
		if errors.Is(err, sessions.ErrNotFound) {
			continue
		}
		if errors.Is(err, storage.ErrNotFound) { // gone since it was looked for
			err = errors.Join(notWhole([]string{known.Filename}), err)
		}
		if err == nil {
			err = made.send(w)
		}
		if err != nil {
			return fmt.Errorf("job %s: %w", known.ID, err)
		}
		rows += memory
	}
	whole = true
	if err := a.endExport(ctx, out, rows > littleMemory); err != nil {
		return err
	}
	return made.send(w)
}

// endExport writes what waited for the end, in a turn of its own: that takes little memory, but may be as much work as all pictures were.
func (a *api) endExport(ctx context.Context, out *export.Export, much bool) error {
	over, err := a.exports.turn(ctx, much)
	if err != nil {
		return errors.Join(err, out.Close())
	}
	defer over()
	return out.Close()
}

// exportPicture adds what was made of a job to an export, in the turn of that, and tells how much memory it took.
func (a *api) exportPicture(ctx context.Context, out *export.Export, session, id string) (memory int64, err error) {
	job, err := a.Jobs.Job(ctx, session, id)
	if err != nil {
		return 0, err
	}
	memory, over, err := a.turnToExport(ctx, session, job)
	if err != nil {
		return 0, err
	}
	defer over()
	picture, err := a.Pictures.Picture(ctx, session, job)
	if err != nil {
		return 0, err
	}
	return memory, out.Add(ctx, picture)
}

// breakOff answers with cause's problem where nothing was answered yet. Else it breaks the connection: what ended like an answer would
// be taken for a whole one.
func (a *api) breakOff(c *gin.Context, cause error) {
	if !c.Writer.Written() {
		c.Writer.Header().Del("Content-Disposition")
		a.fail(c, cause)
		return
	}
	a.Log.Log(c.Request.Context(), severity(c), "answer broken off", "path", c.Request.URL.Path, "error", cause)
	c.Abort()
	inner, ok := c.Writer.(interface{ Unwrap() http.ResponseWriter }) // gin gives no connection away in which something was written
	if !ok {
		return
	}
	if conn, _, err := http.NewResponseController(inner.Unwrap()).Hijack(); err == nil {
		_ = conn.Close() // how it closes changes nothing
	}
}
