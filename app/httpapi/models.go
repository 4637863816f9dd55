package httpapi

import (
	"maps"
	"net/http"

	"github.com/gin-gonic/gin"

	"seghub/models"
)

// modelResponse names what it takes from a model's spec as the file's metadata does.
type modelResponse struct {
	ID           string                  `json:"id"`
	Title        string                  `json:"title"`
	Description  string                  `json:"description"`
	Input        models.Input            `json:"input"`
	Version      string                  `json:"version"`
	Precision    string                  `json:"precision"`
	Batch        models.Batch            `json:"batch"`
	Threshold    float64                 `json:"threshold"`
	MinArea      int                     `json:"min_area"`
	Split        bool                    `json:"split_touching"`
	Diameter     *models.Diameter        `json:"diameter"`      // null of a model that takes objects of any size as they are
	TrainingData []models.TrainingSet    `json:"training_data"` // never null
	Scores       map[string]models.Score `json:"scores"`        // never null
	SizeBytes    int64                   `json:"size_bytes"`
	Loaded       bool                    `json:"loaded"`
}

func (a *api) listModels(c *gin.Context) {
	specs := a.Models.List()
	list := make([]modelResponse, len(specs))
	for i, s := range specs {
		list[i] = modelResponse{
			ID:           s.ID,
			Title:        s.Title,
			Description:  s.Description,
			Input:        s.Input,
			Version:      s.Content(),
			Precision:    s.Precision,
			Batch:        s.Batch,
			Threshold:    s.Threshold,
			MinArea:      s.MinArea,
			Split:        s.Split,
			Diameter:     s.Diameter,
			TrainingData: append([]models.TrainingSet{}, s.TrainedOn...),
			Scores:       maps.Collect(maps.All(s.Scores)),
			SizeBytes:    s.SizeBytes,
			Loaded:       a.Loaded(s.ID),
		}
	}
	a.renewCookie(c) // a page asks for as long as it is open, and may open neither a session nor a socket for weeks
	c.JSON(http.StatusOK, gin.H{"models": list})
}
