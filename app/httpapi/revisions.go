package httpapi

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/gin-gonic/gin"

	"seghub/app/results"
	"seghub/models/mask"
	"seghub/models/mask/correct"
	"seghub/models/mask/result"
	"seghub/sessions"
	"seghub/sessions/problem"
	"seghub/storage"
	"seghub/storage/export"
)

// Results are what was found, revision by revision; 0 is the newest.
type Results interface {
	Result(ctx context.Context, session, job string, revision int) (result.Result, error)
	Receipt(ctx context.Context, session, job string, revision int) (result.Receipt, error)
	Mask(ctx context.Context, session string, job sessions.Job) ([]byte, error)
	Measure(ctx context.Context, session, job string, options func(*mask.Options) error, keep bool) (result.Result, error)
	Edit(ctx context.Context, session, job string, revision int, operations []correct.Operation) (results.Edited, error)
}

// maxEditBody is more than the longest outline that an edit may draw, in bytes: what is too long is to be told so.
const maxEditBody = 8 << 20

// result serves the newest revision, or that which the query names.
func (a *api) result(c *gin.Context) {
	session, job, err := a.doneJob(c)
	revision := 0
	if err == nil {
		revision, err = askedRevision(c)
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	if a.revised(c, job, revision) {
		return
	}
	if job.Calibration == nil && (revision == 1 || revision == 0 && job.Revision <= 1) { // it lies there as it is served
		a.stored(c, storage.ResultKey(session, job.ID), "application/json")
		return
	}
	data, err := a.makeResult(c.Request.Context(), session, job, revision)
	if err != nil {
		a.fail(c, err)
		return
	}
	a.serveMade(c, data, time.Time{}, "application/json")
}

// makeResult holds all of a result, and then its text: it is an export of one.
func (a *api) makeResult(ctx context.Context, session string, job sessions.Job, revision int) ([]byte, error) {
	_, over, err := a.turnToExport(ctx, session, job)
	if err != nil {
		return nil, err
	}
	defer over()
	found, err := a.Results.Result(ctx, session, job.ID, revision)
	if err != nil {
		return nil, err
	}
	return json.Marshal(found)
}

// mask serves that of the newest revision.
func (a *api) mask(c *gin.Context) {
	session, job, err := a.doneJob(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	if a.revised(c, job, 0) {
		return
	}
	if job.Revision <= 1 {
		a.stored(c, storage.MaskKey(session, job.ID), "image/png")
		return
	}
	picture, err := a.Results.Mask(c.Request.Context(), session, job)
	if err != nil {
		a.fail(c, err)
		return
	}
	a.serveMade(c, picture, time.Time{}, "image/png")
}

// labels serves the label map of the newest revision.
func (a *api) labels(c *gin.Context) {
	session, job, err := a.doneJob(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	if a.revised(c, job, 0) {
		return
	}
	file, err := a.makeLabels(c.Request.Context(), session, job)
	if err != nil {
		a.fail(c, err)
		return
	}
	a.serveMade(c, file, time.Time{}, "image/tiff")
}

// makeLabels holds all of a result, with the outlines of its objects, and then the file: it is an export of one.
func (a *api) makeLabels(ctx context.Context, session string, job sessions.Job) ([]byte, error) {
	_, over, err := a.turnToExport(ctx, session, job)
	if err != nil {
		return nil, err
	}
	defer over()
	picture, err := a.Pictures.Picture(ctx, session, job)
	if err != nil {
		return nil, err
	}
	var file bytes.Buffer
	err = export.WriteLabels(ctx, &file, &picture)
	return file.Bytes(), err
}

func (a *api) receipt(c *gin.Context) {
	revision, err := askedRevision(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	receipt, err := a.Results.Receipt(c.Request.Context(), c.GetString(sessionKey), c.Param("id"), revision)
	if err != nil {
		a.fail(c, err)
		return
	}
	c.JSON(http.StatusOK, receipt)
}

// askedRevision is the one that the query names; 0 when it names none.
func askedRevision(c *gin.Context) (int, error) {
	text, asked := c.GetQuery("revision")
	if !asked {
		return 0, nil
	}
	revision, err := strconv.Atoi(text)
	if err != nil || revision < 1 {
		return 0, problem.New(problem.BadRequest, "revision must be a number from 1 on.")
	}
	return revision, nil
}

// revised says what an answer is made of, which may be something else when it is asked for again. Where the client has it already, that is
// the answer, and nothing needs to be made.
func (a *api) revised(c *gin.Context, job sessions.Job, asked int) (answered bool) {
	tag := tagOf(a.Version, job, cmp.Or(asked, job.Revision))
	if tag == "" {
		return false
	}
	c.Header("ETag", tag)
	for known := range strings.SplitSeq(strings.Join(c.Request.Header.Values("If-None-Match"), ","), ",") {
		if strings.TrimPrefix(strings.TrimSpace(known), "W/") == tag { // a proxy that compresses makes weak ones of them
			c.Status(http.StatusNotModified)
			return true
		}
	}
	return false
}

// tagOf is the ETag of a revision. Its number alone does not tell it: a Redis that lost writes has given that to something else since, another
// version of the hub says more of the same, and pixels are calibrated. Empty of a revision between the first and the newest, of which the
// job does not tell what it is made of.
func tagOf(version string, job sessions.Job, revision int) string {
	content := job.Content
	switch {
	case revision <= 1:
		content = ""
	case revision != job.Revision:
		return ""
	}
	var finished, calibrated int64
	if job.FinishedAt != nil {
		finished = job.FinishedAt.UnixMilli()
	}
	if job.Calibration != nil {
		calibrated = job.Calibration.At.UnixMilli()
	}
	made := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%d\n%d", version, content, finished, calibrated))
	return fmt.Sprintf(`"%s.%d.%x"`, job.ID, revision, made[:8])
}

// stored serves a blob as it is.
func (a *api) stored(c *gin.Context, key, contentType string) {
	blob, err := a.Blobs.Open(c.Request.Context(), key)
	if err != nil {
		a.fail(c, err)
		return
	}
	defer blob.Close()
	serve(c, blob, blob.ModTime(), contentType)
}

func (a *api) serveJSON(c *gin.Context, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		a.fail(c, fmt.Errorf("encode an answer: %w", err))
		return
	}
	a.serveMade(c, data, time.Time{}, "application/json")
}

// measure cuts the stored probability map again. What the request leaves out is as it is for the job's newest revision.
func (a *api) measure(c *gin.Context) {
	var keep struct {
		Keep bool `json:"keep"`
	}
	var body json.RawMessage
	err := decodeJSON(c, maxSessionBody, &body)
	if err == nil && body == nil {
		body = json.RawMessage("{}")
	}
	if err == nil {
		if wrong := json.Unmarshal(body, &keep); wrong != nil {
			err = notExpected(wrong)
		}
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	ctx, session := c.Request.Context(), c.GetString(sessionKey)
	if keep.Keep {
		if err := a.Room.For(ctx, session, 0); err != nil {
			a.fail(c, err)
			return
		}
	}
	options := func(o *mask.Options) error {
		request := struct {
			*mask.Options
			Keep bool `json:"keep"`
		}{Options: o}
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&request); err != nil {
			return notExpected(err)
		}
		if err := o.Validate(); err != nil {
			return problem.New(problem.BadRequest, sentence(err))
		}
		return nil
	}
	found, err := a.Results.Measure(ctx, session, c.Param("id"), options, keep.Keep)
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Header("Cache-Control", "no-store")
	a.serveJSON(c, found)
}

// edit corrects the label map.
func (a *api) edit(c *gin.Context) {
	var request struct {
		Revision   int                 `json:"revision"`
		Operations []correct.Operation `json:"operations"`
	}
	err := decodeJSON(c, maxEditBody, &request)
	if err == nil && request.Revision < 1 { // a conflict would have the client get the newest revision and ask the same again, for ever
		err = problem.New(problem.BadRequest, "The field revision is to be the number of the revision that is corrected, from 1 on.")
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	ctx, session := c.Request.Context(), c.GetString(sessionKey)
	if err := a.Room.For(ctx, session, 0); err != nil {
		a.fail(c, err)
		return
	}
	edited, err := a.Results.Edit(ctx, session, c.Param("id"), request.Revision, request.Operations)
	if errors.Is(err, correct.ErrInvalid) {
		err = problem.New(problem.BadRequest, sentence(err))
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	c.JSON(http.StatusOK, edited)
}

// sentence is an error for a person.
func sentence(err error) string {
	text := []rune(err.Error() + ".")
	text[0] = unicode.ToUpper(text[0])
	return string(text)
}
