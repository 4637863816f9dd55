package httpapi

import (
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"seghub/sessions"
	"seghub/sessions/problem"
)

const (
	defaultPage = 100
	maxPage     = 1000
)

type jobsResponse struct {
	Jobs       []sessions.Job `json:"jobs"`
	NextCursor *string        `json:"next_cursor"`
}

func (a *api) listJobs(c *gin.Context) {
	query, err := jobQuery(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	page, err := a.Jobs.Jobs(c.Request.Context(), c.GetString(sessionKey), query)
	if err != nil {
		a.fail(c, err)
		return
	}
	response := jobsResponse{Jobs: page.Jobs}
	if response.Jobs == nil {
		response.Jobs = []sessions.Job{}
	}
	if page.NextCursor != "" {
		response.NextCursor = &page.NextCursor
	}
	c.JSON(http.StatusOK, response)
}

func jobQuery(c *gin.Context) (sessions.JobQuery, error) {
	query := sessions.JobQuery{
		State:  sessions.JobState(c.Query("state")),
		Limit:  defaultPage,
		Cursor: c.Query("cursor"),
	}
	switch query.State {
	case "", sessions.JobQueued, sessions.JobRunning, sessions.JobDone, sessions.JobFailed, sessions.JobCancelled:
	default:
		return query, problem.Newf(problem.BadRequest, "%q is not a state of a job.", string(query.State))
	}
	if text := c.Query("limit"); text != "" {
		limit, err := strconv.Atoi(text)
		if err != nil || limit < 1 || limit > maxPage {
			return query, problem.Newf(problem.BadRequest, "limit must be a number from 1 to %d.", maxPage)
		}
		query.Limit = limit
	}
	return query, nil
}

func (a *api) getJob(c *gin.Context) {
	job, err := a.Jobs.Job(c.Request.Context(), c.GetString(sessionKey), c.Param("id"))
	if err != nil {
		a.fail(c, err)
		return
	}
	c.JSON(http.StatusOK, job)
}

func (a *api) cancelJob(c *gin.Context) {
	if err := a.Jobs.Cancel(c.Request.Context(), c.GetString(sessionKey), c.Param("id")); err != nil {
		a.fail(c, err)
		return
	}
	c.Status(http.StatusAccepted)
}

func (a *api) cancelJobs(c *gin.Context) {
	if err := a.Jobs.CancelAll(c.Request.Context(), c.GetString(sessionKey)); err != nil {
		a.fail(c, err)
		return
	}
	c.Status(http.StatusAccepted)
}
