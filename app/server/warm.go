package server

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"seghub/sessions"
)

// warm loads the models, so that nobody's first image pays for it, and opens the slots.
func (s *server) warm(ctx context.Context) error {
	if err := s.loadModels(ctx); err != nil {
		return err
	}
	s.warmed.Store(true)
	if err := s.sessions.SlotsChanged(ctx); err != nil {
		s.log.Warn("the slots are opened as soon as Redis can be told", "error", err)
	}
	return nil
}

// loadModels loads the models that are to be there. One that SEGHUB_WARM names must load; of those that are just there, one.
func (s *server) loadModels(ctx context.Context) error {
	if len(s.models.List()) == 0 {
		s.log.Warn("no model: uploads will be refused until there is one", "folder", s.cfg.Models)
	}
	for _, id := range s.cfg.Warm {
		if _, there := s.models.Get(id); !there {
			return fmt.Errorf("there is no model %q in %s, which has %s", id, s.cfg.Models, s.modelNames())
		}
	}
	if len(s.cfg.Warm) > 0 {
		return s.pool.Warm(ctx, s.cfg.Warm)
	}
	ids := s.wanted()
	err := s.pool.Warm(ctx, ids)
	if ctx.Err() == nil && err != nil && slices.ContainsFunc(ids, s.pool.Loaded) {
		s.log.Error("a model cannot be loaded; there are others", "error", err)
		return nil
	}
	return err
}

// modelNames lists the models of the folder for people.
func (s *server) modelNames() string {
	var ids []string
	for _, spec := range s.models.List() {
		ids = append(ids, spec.ID)
	}
	return cmp.Or(strings.Join(ids, ", "), "none")
}

// ownModels are the folder's, as other hubs are told of them.
func (s *server) ownModels() []sessions.Model {
	var own []sessions.Model
	for _, spec := range s.models.List() {
		own = append(own, sessions.Model{ID: spec.ID, Content: spec.Content()})
	}
	return own
}

// wanted is the models of the folder that the workers are to have ready: those of SEGHUB_WARM, else all.
func (s *server) wanted() []string {
	var ids []string
	for _, spec := range s.models.List() {
		if len(s.cfg.Warm) == 0 || slices.Contains(s.cfg.Warm, spec.ID) {
			ids = append(ids, spec.ID)
		}
	}
	return ids
}

// startFollowing has the workers keep up with the models folder, and begin again after a stall, until stopFollowing.
func (s *server) startFollowing(ctx context.Context) error {
	ctx, s.unfollow = context.WithCancel(ctx)
	s.following.Go(func() { s.stall.watch(ctx) })
	s.following.Go(func() {
		for {
			select {
			case <-s.models.Changed():
			case <-ctx.Done():
				return
			}
			if err := s.pool.Warm(ctx, s.wanted()); err != nil && ctx.Err() == nil {
				s.log.Error("a model cannot be loaded", "error", err)
			}
		}
	})
	return s.models.Start(ctx)
}

func (s *server) stopFollowing() {
	if s.unfollow == nil {
		return
	}
	s.unfollow()
	s.following.Wait()
	s.models.Stop()
}
