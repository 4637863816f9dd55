package httpapi

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"seghub/models"
)

type modelResponse struct {
	ID          string       `json:"id"`
	Title       string       `json:"title"`
	Description string       `json:"description"`
	Input       models.Input `json:"input"`
	Precision   string       `json:"precision"`
	Batch       models.Batch `json:"batch"`
	Threshold   float64      `json:"threshold"`
	Loaded      bool         `json:"loaded"`
}

func (a *api) listModels(c *gin.Context) {
	specs := a.Models.List()
	list := make([]modelResponse, len(specs))
	for i, s := range specs {
		list[i] = modelResponse{
			ID:          s.ID,
			Title:       s.Title,
			Description: s.Description,
			Input:       s.Input,
			Precision:   s.Precision,
			Batch:       s.Batch,
			Threshold:   s.Threshold,
			Loaded:      a.Loaded(s.ID),
		}
	}
	c.JSON(http.StatusOK, gin.H{"models": list})
}
