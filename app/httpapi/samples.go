package httpapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"seghub/models/sample"
	"seghub/sessions/problem"
)

type sampleResponse struct {
	Name    string        `json:"name"`
	URL     string        `json:"url"`
	Model   string        `json:"model"` // that finds what it shows; the hub need not have it
	Options sampleOptions `json:"options"`
}

// sampleOptions are those of an upload that differ from the model's own.
type sampleOptions struct {
	MinArea       int  `json:"min_area,omitempty"`
	SplitTouching bool `json:"split_touching,omitempty"`
}

// samples lists pictures to try the hub with; everyone may have them.
func (a *api) samples(c *gin.Context) {
	list := []sampleResponse{}
	for _, name := range sample.Names() {
		wanted := sample.Wants(name)
		list = append(list, sampleResponse{name, "/samples/" + name + ".png", wanted.Model, sampleOptions{wanted.MinArea, wanted.SplitTouching}})
	}
	c.JSON(http.StatusOK, gin.H{"samples": list})
}

func (a *api) sample(c *gin.Context) {
	name, isPNG := strings.CutSuffix(c.Param("file"), ".png")
	if !isPNG || !slices.Contains(sample.Names(), name) {
		a.fail(c, problem.New(problem.NotFound, "There is no such sample."))
		return
	}
	data, err := sample.PNG(name)
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Header("Cache-Control", "public, max-age=3600")
	c.Data(http.StatusOK, "image/png", data)
}
