package server

import (
	"slices"

	"seghub/models"
	"seghub/sessions"
)

// offered are the models that new jobs may ask for: those of this hub that no other hub of the line would fail them for.
type offered struct {
	*models.Registry
	line *sessions.Service
}

func (o offered) lacked(spec models.Spec) bool {
	_, lacked := o.line.LackedBy(modelOf(spec))
	return lacked
}

// modelOf is a model as hubs tell each other of it.
func modelOf(spec models.Spec) sessions.Model {
	return sessions.Model{ID: spec.ID, Content: spec.Content()}
}

// Get gives one of them by its id.
func (o offered) Get(id string) (models.Spec, bool) {
	spec, ok := o.Registry.Get(id)
	if !ok || o.lacked(spec) {
		return models.Spec{}, false
	}
	return spec, true
}

// List gives all of them in the order of their ids.
func (o offered) List() []models.Spec {
	return slices.DeleteFunc(o.Registry.List(), o.lacked)
}
