package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"seghub/models/imageio"
	"seghub/sessions"
	"seghub/sessions/problem"
	"seghub/storage"
)

// Images are the images of a session, by their jobs.
type Images interface {
	// Image gives the first job of an image.
	Image(ctx context.Context, session, image string) (sessions.Job, error)
	// ForgetImage cancels the jobs of an image and takes them out of the session; it gives their ids.
	ForgetImage(ctx context.Context, session, image string) ([]string, error)
	// Calibrate says how large an image's pixels are, in µm, for all of its jobs; nil leaves that to the upload again.
	Calibrate(ctx context.Context, session, image string, size *float64) error
}

const maxAgainBody = 64 << 10 // bytes

// segmentAgain makes jobs of images that are here already. Of those that are not it says so; the others run. As for an upload, a request whose
// Idempotency-Key has made jobs before is answered with those, whatever has become of room and models since.
func (a *api) segmentAgain(c *gin.Context) {
	session, key := c.GetString(sessionKey), c.GetHeader("Idempotency-Key")
	rejected := []rejection{}
	jobs, err := a.before(c, session, key)
	if err == nil && len(jobs) == 0 {
		jobs, rejected, err = a.submitAgain(c, session, key)
	}
	a.answerUpload(c, jobs, rejected, err)
}

func (a *api) submitAgain(c *gin.Context, session, key string) ([]sessions.Job, []rejection, error) {
	ctx := c.Request.Context()
	images, form, err := a.readAgain(c)
	if err == nil {
		err = a.Room.For(ctx, session, 0)
	}
	if err != nil {
		return nil, nil, err
	}
	asked, rejected, err := a.jobsOf(ctx, session, images, form)
	if err != nil || len(asked) == 0 {
		return nil, rejected, err
	}
	jobs, err := a.Jobs.Submit(ctx, session, key, asked)
	return jobs, rejected, err
}

// readAgain reads the request, whose options are those of an upload.
func (a *api) readAgain(c *gin.Context) (images []string, f form, err error) {
	f = newForm(a.Models)
	var request map[string]json.RawMessage
	if err := decodeJSON(c, maxAgainBody, &request); err != nil {
		return nil, f, err
	}
	if json.Unmarshal(request["images"], &images) != nil || len(images) == 0 {
		return nil, f, problem.New(problem.BadRequest, "The member images is to be a list of the ids of images.")
	}
	if len(images) > a.Limits.Files {
		return nil, f, problem.Newf(problem.TooManyFiles, "There are more than %d images in the request: send them in several.", a.Limits.Files)
	}
	for name, value := range request {
		if name == "images" || string(value) == "null" { // as programs leave an option out, and jobs tell of one that was
			continue
		}
		text := string(value)
		if quoted := ""; json.Unmarshal(value, &quoted) == nil {
			text = quoted
		}
		if err := f.set(name, strings.NewReader(text)); err != nil {
			return nil, f, err
		}
	}
	return images, f, f.complete()
}

// jobsOf are new jobs of images: of the planes that the form chooses of their files.
func (a *api) jobsOf(ctx context.Context, session string, images []string, f form) ([]sessions.NewJob, []rejection, error) {
	u := uploading{api: a, session: session, form: f, rejected: []rejection{}}
	for i, id := range images {
		first, err := a.Images.Image(ctx, session, id)
		file := taken{index: i, NewJob: sessions.NewJob{ImageID: id, Filename: first.Filename, SHA256: first.SHA256, Calibration: first.Calibration}}
		if errors.Is(err, sessions.ErrNotFound) {
			u.reject(file, problem.New(problem.NotFound, "There is no such image in this session."))
			continue
		}
		var planes []imageio.Plane
		if err == nil {
			err = u.judge(ctx, storage.ImageKey(session, id), &file)
		}
		if err == nil {
			if planes, err = u.choose(file); err != nil {
				u.reject(file, err)
				continue
			}
		}
		if err != nil {
			return nil, nil, err
		}
		for _, plane := range planes {
			u.planned = append(u.planned, u.form.job(file, plane))
		}
	}
	return u.planned, u.rejected, nil
}

// deleteImage deletes an image with all that was made of it.
func (a *api) deleteImage(c *gin.Context) {
	ctx, session, image := c.Request.Context(), c.GetString(sessionKey), c.Param("id")
	if _, err := a.Images.Image(ctx, session, image); err != nil {
		a.fail(c, err)
		return
	}
	gone, err := a.Images.ForgetImage(ctx, session, image)
	if err != nil {
		a.fail(c, err)
		return
	}
	// Nothing refers to the files any more: where deleting fails, or a worker still writes one, the janitor sees to it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTimeout)
	defer cancel()
	err = a.Blobs.Delete(ctx, storage.ImageKey(session, image))
	for _, job := range gone {
		err = errors.Join(err, a.Blobs.DeleteJob(ctx, session, job))
	}
	if err != nil {
		a.Log.Warn("files of a deleted image stay behind for a while", "session", session, "image", image, "error", err)
	}
	c.Status(http.StatusNoContent)
}

// calibrate takes what the caller says of an image's pixels.
func (a *api) calibrate(c *gin.Context) {
	var request struct {
		PixelSize json.RawMessage `json:"pixel_size"`
	}
	var size *float64
	err := decodeJSON(c, maxSessionBody, &request)
	if err == nil && json.Unmarshal(request.PixelSize, &size) != nil {
		err = problem.New(problem.BadRequest, "The field pixel_size is to be a number of micrometres, or null for what the upload had.")
	}
	if err == nil && size != nil {
		err = judgePixelSize(*size)
	}
	if err == nil {
		err = a.Images.Calibrate(c.Request.Context(), c.GetString(sessionKey), c.Param("id"), size)
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Status(http.StatusNoContent)
}
