package httpapi

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"

	"github.com/gin-gonic/gin"

	"seghub/gpuexec"
	"seghub/models/imageio"
	"seghub/sessions"
	"seghub/sessions/problem"
	"seghub/storage"
)

// table maps every error that reaches a client to its problem: the only one in the program. The first
// row that matches wins.
var table = []struct {
	is     error
	code   problem.Code
	detail string
}{
	{sessions.ErrNotDone, problem.NotFound, "This job has no result: only one whose state is done has."},
	{sessions.ErrNotFound, problem.NotFound, "There is no such thing in this session."},
	{sessions.ErrUnauthorized, problem.Unauthorized, "The token is missing, wrong or no longer valid: start a new session."},
	{sessions.ErrClosed, problem.Unauthorized, "This session is closed: start a new one."},
	{sessions.ErrQueueFull, problem.QueueFull, "This session has as many unfinished jobs as it may have: wait until some are done."},
	{sessions.ErrDraining, problem.Draining, "The server is going down: try again in a moment."},
	{sessions.ErrNoRoom, problem.Unavailable, "The server's database has no room on its disk or in its memory, and takes no changes: what is there can be read. Try again soon; ending sessions makes room; tell the operator."},
	{sessions.ErrUnavailable, problem.Unavailable, "The server cannot use its database at the moment: try again soon. If it lasts, tell the operator: the log has the reason."},
	{sessions.ErrConflict, problem.RevisionConflict, "Somebody has corrected this job since: get its newest revision, and do it again on that."},
	{sessions.ErrBadCursor, problem.BadRequest, "The cursor is not one that this server gave out."},
	{storage.ErrNotFound, problem.NotFound, "There is no such file in this session."},
	{storage.ErrTooLarge, problem.FileTooLarge, "The file is larger than this server takes."},
	{storage.ErrFull, problem.QuotaExceeded, "The server has no room left on its disk: nothing was kept of this file. Tell the operator."},
	{storage.ErrOther, problem.Unavailable, storageAway},
	{imageio.ErrUnsupported, problem.UnsupportedFormat, "The file is not an image that can be read."},
	{imageio.ErrTooLarge, problem.ImageTooLarge, "The image has more pixels than this server takes."},
	{imageio.ErrCorrupt, problem.CorruptImage, "The image is damaged: it is cut short, or what it holds does not fit its header."},
	{gpuexec.ErrOutOfMemory, problem.GPUMemoryExhausted, "There is not enough memory for models at the moment: try again in a while, or with a smaller model."},
	{gpuexec.ErrNoModel, problem.InferenceFailed, "The model of this job is no longer on the server: choose another."},
	{gpuexec.ErrTooLong, problem.Timeout, "The model took far longer on this image than on any before, and was ended."},
	{gpuexec.ErrTooManyObjects, problem.InferenceFailed, "The model finds more than a million objects in this image, or as many specks: it takes noise for objects. Choose another model, a higher threshold or a larger least area."},
	{gpuexec.ErrNotLoaded, problem.InferenceFailed, "This model cannot be loaded, whatever the image: choose another, and tell the operator, whose log has the reason."},
	{gpuexec.ErrInference, problem.InferenceFailed, "The model failed on this image."},
	{context.DeadlineExceeded, problem.Timeout, "It took too long: try again in a moment."},
	{context.Canceled, problem.Timeout, "The request was given up before it was answered."},
}

const storageAway = "The server cannot reach what it stores its files in at the moment: try again soon."

// markLength is enough to find one line among a log's.
const markLength = 8

// Problem is what a client hears of err. What it does not know becomes an internal problem without
// any detail of err.
func Problem(err error) *problem.Problem {
	var known *problem.Problem
	if errors.As(err, &known) {
		return known
	}
	var refused *imageio.Refusal
	for _, row := range table {
		if errors.As(err, &refused) && errors.Is(refused, row.is) {
			return problem.New(row.code, refused.Detail)
		}
	}
	for _, row := range table {
		if errors.Is(err, row.is) {
			return problem.New(row.code, row.detail)
		}
	}
	var network net.Error
	// A bucket's own refusals, as while it has too much to do, say no more of a file than a network or a disk that takes none: what is sent again
	// later is taken.
	if errors.As(err, &network) || errors.As(err, new(*storage.Error)) {
		return problem.New(problem.Unavailable, storageAway)
	}
	return problem.New(problem.Internal, "The operator finds the reason in the server's log.")
}

// fail answers with err's problem and ends the request. Where nobody but the operator can tell what it was, the answer has the mark
// under which the log does.
func (a *api) fail(c *gin.Context, err error) {
	p := Problem(err)
	if p.Status >= http.StatusInternalServerError {
		level, mark := severity(c), rand.Text()[:markLength]
		say := func() {
			a.Log.Log(c.Request.Context(), level, "request failed", "method", c.Request.Method, "path", c.Request.URL.Path,
				"session", c.GetString(sessionKey), "code", p.Code, "mark", mark, "error", err)
		}
		if p.Code == problem.Internal {
			say()
			p = problem.Newf(problem.Internal, "The operator finds the reason in the server's log, beside mark=%s.", mark)
		} else {
			a.outage.Do(say) // while Redis is away, everybody's requests fail of the same
		}
	}
	c.Abort()
	problem.Write(c.Writer, p, p)
}

// severity is how loudly a failure of a request is logged: of a client that is gone none is, which has heard nothing of it, and may be why.
func severity(c *gin.Context) slog.Level {
	if c.Request.Context().Err() != nil {
		return slog.LevelDebug
	}
	return slog.LevelError
}

// recovered answers for a handler that panicked, maybe in the middle of its answer.
func (a *api) recovered(c *gin.Context, cause any) {
	a.breakOff(c, fmt.Errorf("panic: %v\n%s", cause, debug.Stack()))
}
