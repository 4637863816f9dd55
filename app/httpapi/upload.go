package httpapi

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"os"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/alecthomas/units"
	"github.com/gin-gonic/gin"

	"seghub/sessions"
	"seghub/sessions/problem"
	"seghub/storage"
)

const (
	minSide        = 8                // pixels; there is nothing to find in less
	maxFilename    = 255              // characters
	maxKey         = 255              // bytes of an Idempotency-Key
	cleanUpTimeout = 10 * time.Second // to delete what a failed upload left
	formRoom       = 1 << 20          // bytes of a request beside its files
	bodyRoom       = 64 << 10         // bytes that one read of an upload takes at most
	maxPages       = 10_000           // of one file
	roomEvery      = 16 << 20         // bytes of an upload between two looks at the room that is left
)

// rejection is one file that was not taken, and why.
type rejection struct {
	Index    int          `json:"index"` // of the file among those of the request, from 0
	Filename string       `json:"filename"`
	Code     problem.Code `json:"code"`
	Detail   string       `json:"detail"`
}

type uploadResponse struct {
	Accepted []sessions.Job `json:"accepted"`
	Rejected []rejection    `json:"rejected"`
}

// refusal is the problem of an upload of which nothing was taken.
type refusal struct {
	*problem.Problem
	Rejected []rejection `json:"rejected"`
}

// upload takes the images of one multipart request, in any order of its parts. Each file goes to
// storage as it comes in; its header alone is read before its size is judged. Either jobs are made of
// the files that stay, or no file stays.
//
// A request whose Idempotency-Key has made jobs before is answered with those. When nobody knows whether jobs were made, the
// files are left to sessions, which finds out.
func (a *api) upload(c *gin.Context) {
	u := uploading{api: a, session: c.GetString(sessionKey), form: newForm(a.Models)}
	key := c.GetHeader("Idempotency-Key")
	jobs, err := a.before(c, u.session, key)
	if err == nil && len(jobs) > 0 {
		a.answerUpload(c, jobs, []rejection{}, nil)
		return
	}
	if err == nil {
		err = u.receive(c)
	}
	if err == nil && len(u.taken) > 0 {
		jobs, err = a.Jobs.Submit(c.Request.Context(), u.session, key, u.planned)
	}
	if !errors.Is(err, sessions.ErrInDoubt) && !u.kept(jobs) {
		u.discard()
	}
	a.answerUpload(c, jobs, u.rejected, err)
}

// answerUpload tells what became of a request that brings work; where no jobs were made something was rejected.
func (a *api) answerUpload(c *gin.Context, jobs []sessions.Job, rejected []rejection, err error) {
	switch {
	case err != nil:
		a.fail(c, err)
	case len(jobs) == 0:
		p := problem.New(rejected[0].Code, rejected[0].Detail)
		problem.Write(c.Writer, p, refusal{Problem: p, Rejected: rejected})
	default:
		c.JSON(http.StatusAccepted, uploadResponse{Accepted: jobs, Rejected: rejected})
	}
}

// before gives the jobs that a request with this key has made before.
func (a *api) before(c *gin.Context, session, key string) ([]sessions.Job, error) {
	if key == "" {
		return nil, nil
	}
	if len(key) > maxKey {
		return nil, problem.Newf(problem.BadRequest, "The Idempotency-Key is longer than %d bytes.", maxKey)
	}
	return a.Jobs.Submit(c.Request.Context(), session, key, nil)
}

// uploading is one upload on its way.
type uploading struct {
	*api
	session  string
	form     form
	taken    []taken
	planned  []sessions.NewJob // what the taken files come to, once the form is complete
	rejected []rejection
}

// receive reads the whole request. Its error is the whole request's; what is wrong with one file is in
// u.rejected.
func (u *uploading) receive(c *gin.Context) error {
	limit := u.Limits.FileBytes*int64(u.Limits.Files) + formRoom
	if c.Request.ContentLength > limit {
		return problem.Newf(problem.BatchTooLarge, "The request is larger than %d bytes.", limit)
	}
	if err := u.Room.For(c.Request.Context(), u.session, max(0, c.Request.ContentLength)); err != nil {
		return err
	}
	body, err := bodyOf(c.Writer, c.Request)
	if err != nil {
		return err
	}
	body.limit(c.Writer, limit)
	// The parts are read in small pieces: those are not to be as many reads of the connection. A request that ends before the form's
	// last boundary is cut; a line's end need not follow that, so one is added, with the blank that makes it no end of a part's head.
	c.Request.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bufio.NewReaderSize(body, bodyRoom), strings.NewReader(" \r\n"), cutShort{}), body}
	defer func() { c.Request.Body = body }() // what is left is read on by whoever ends the request

	parts, err := c.Request.MultipartReader()
	if err != nil {
		return problem.New(problem.BadRequest, "The request is not multipart/form-data.")
	}
	u.rejected = []rejection{}
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return broken(err)
		}
		if err := u.part(c.Request.Context(), part, body); err != nil {
			return err
		}
	}
	if _, err := io.Copy(io.Discard, body); err != nil { // to the end of a request without a length, whose connection goes on
		return broken(err)
	}
	if len(u.taken)+len(u.rejected) == 0 {
		return problem.New(problem.BadRequest, "The request holds no file in a field named files.")
	}
	if err := u.form.complete(); err != nil {
		return err
	}
	u.plan()
	return nil
}

// cutShort is what is read where there should have been more.
type cutShort struct{}

func (cutShort) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func (u *uploading) part(ctx context.Context, part *multipart.Part, body *patientBody) error {
	name := part.FormName()
	switch {
	case name == "files":
	case name == "":
		return problem.New(problem.BadRequest, `A part of the form has no name that can be read: its Content-Disposition is to be form-data; name="..."; filename="...".`)
	case part.FileName() != "":
		return problem.Newf(problem.BadRequest, "There is a file in the field %q: all files go into the field files.", name)
	default:
		return u.form.set(name, part)
	}
	if len(u.taken)+len(u.rejected) == u.Limits.Files {
		return problem.Newf(problem.TooManyFiles, "There are more than %d files in the request: send them in several.", u.Limits.Files)
	}
	if u.form.model != "" { // what is wrong with the options by now is not mended by what follows
		if err := u.form.complete(); err != nil {
			return err
		}
	}
	file := taken{index: len(u.taken) + len(u.rejected), NewJob: sessions.NewJob{ImageID: rand.Text(), Filename: cleanFilename(part.FileName())}}
	err := u.file(ctx, part, &file)
	if body.err != nil || errors.Is(err, io.ErrUnexpectedEOF) || ctx.Err() != nil {
		return broken(errors.Join(body.err, err))
	}
	if errors.Is(err, storage.ErrNotFound) { // what had come of the file was deleted: with its session, which has ended meanwhile
		if _, ended := u.Accounts.Get(ctx, u.session); ended != nil {
			return ended
		}
	}
	if err != nil {
		u.reject(file, err)
		return nil
	}
	u.taken = append(u.taken, file)
	return nil
}

func (u *uploading) reject(file taken, err error) {
	p := Problem(err)
	if p.Status >= http.StatusInternalServerError {
		u.Log.Error("file refused", "session", u.session, "code", p.Code, "error", err)
	}
	u.rejected = append(u.rejected, rejection{Index: file.index, Filename: file.Filename, Code: p.Code, Detail: p.Detail})
}

// file stores one file and judges it; a file that is refused is gone when file returns.
func (u *uploading) file(ctx context.Context, part *multipart.Part, file *taken) error {
	key := storage.ImageKey(u.session, file.ImageID)
	sum := sha256.New()
	if _, err := u.Blobs.Put(ctx, key, io.TeeReader(u.whileRoom(ctx, part), sum), u.Limits.FileBytes); err != nil {
		if errors.Is(err, storage.ErrTooLarge) {
			err = problem.Newf(problem.FileTooLarge, "The file is larger than the %v that this server takes.", units.Base2Bytes(u.Limits.FileBytes))
		}
		return err
	}
	err := u.judge(ctx, key, file)
	if err != nil {
		u.delete(key)
	}
	file.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return err
}

// whileRoom reads a file for as long as the disk has room: a request need not say how much it brings, and others bring theirs at the same
// time.
func (u *uploading) whileRoom(ctx context.Context, r io.Reader) io.Reader {
	came := int64(roomEvery)
	return readerFunc(func(p []byte) (int, error) {
		if came >= roomEvery {
			came = 0
			if err := u.Room.For(ctx, "", 0); err != nil {
				return 0, err
			}
		}
		n, err := r.Read(p)
		came += int64(n)
		return n, err
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// kept tells whether jobs are of what was taken. A request of the same key may have been quicker.
func (u *uploading) kept(jobs []sessions.Job) bool {
	return len(jobs) > 0 && len(u.taken) > 0 && jobs[0].ImageID == u.taken[0].ImageID
}

// discard deletes what was taken of an upload that failed.
func (u *uploading) discard() {
	for _, file := range u.taken {
		u.delete(storage.ImageKey(u.session, file.ImageID))
	}
}

// delete does not depend on the request, whose client may be gone.
func (u *uploading) delete(key string) {
	ctx, cancel := context.WithTimeout(context.Background(), cleanUpTimeout)
	defer cancel()
	if err := u.Blobs.Delete(ctx, key); err != nil {
		u.Log.Warn("a refused file stays behind", "key", key, "error", err)
	}
}

// broken is the problem of a request that could not be read to its end.
func broken(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return problem.Newf(problem.BatchTooLarge, "The request is larger than %d bytes.", tooLarge.Limit)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) { // a share that its client reads, or a laptop, slept
		return problem.New(problem.Timeout, "Nothing came of the request for too long: send it again.")
	}
	var malformed textproto.ProtocolError
	if errors.As(err, &malformed) {
		return problem.New(problem.BadRequest, "The request ended before it was complete, or the head of a part of it holds what none can, such as a line's end in a name.")
	}
	return problem.New(problem.BadRequest, "The request ended before it was complete.")
}

// windowsPath is how a path of Windows begins; elsewhere a backslash is a character of a name like any other.
var windowsPath = regexp.MustCompile(`^([A-Za-z]:)?\\|^[A-Za-z]:/`)

// quotes undoes what browsers do to a quote and a line's end in the name of a form's file.
var quotes = strings.NewReplacer("%22", `"`, "%0A", "\n", "%0D", "\r")

// cleanFilename is what is left of a client's file name that can be shown anywhere.
func cleanFilename(name string) string {
	name = quotes.Replace(strings.ToValidUTF8(name, ""))
	if windowsPath.MatchString(name) {
		name = strings.ReplaceAll(name, `\`, "/")
	}
	name = oneLine(path.Base(name))
	if name == "" || name == "." || name == "/" {
		return "image"
	}
	if runes := []rune(name); len(runes) > maxFilename { // the ends of names tell images apart
		const begin = maxFilename / 3
		name = string(runes[:begin]) + "…" + string(runes[len(runes)-(maxFilename-begin-1):])
	}
	return name
}
