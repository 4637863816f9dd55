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

func (o offered) lacked(id string) bool {
	_, lacked := o.line.LackedBy(id)
	return lacked
}

// Get gives one of them by its id.
func (o offered) Get(id string) (models.Spec, bool) {
	if o.lacked(id) {
		return models.Spec{}, false
	}
	return o.Registry.Get(id)
}

// List gives all of them in the order of their ids.
func (o offered) List() []models.Spec {
	return slices.DeleteFunc(o.Registry.List(), func(spec models.Spec) bool { return o.lacked(spec.ID) })
}
