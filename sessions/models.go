package sessions

import (
	"slices"
	"strings"
	"sync"
)

// Whoever holds a slot of any node has jobs done there, and idle workers help everybody: what one hub accepts must run on all, and come to the same. So a
// model is offered only while each hub of the line has it, made of the same file.

// Model is one that a node can run.
type Model struct {
	ID      string
	Content string // names what its file holds, without blanks
}

// lacking is what the log was told last of models that others lack.
type lacking struct {
	mu   sync.Mutex
	told map[Model]string // a node that lacks it
}

// own are the models that this node has.
func (s *Service) own() []Model {
	if s.config.Models == nil {
		return nil
	}
	return s.config.Models()
}

// posted is a model as nodes tell of it.
func (m Model) posted() string { return m.ID + "@" + m.Content }

// ownModels tells which models this node has, in order, with blanks between them.
func (s *Service) ownModels() string {
	var all []string
	for _, model := range s.own() {
		all = append(all, model.posted())
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// LackedBy gives another node of the line that would fail jobs of a model of this one, or make other results, because it does not have that, or has
// another file of its name; ok is false where each has it. It goes by what nodes have told of themselves, which may be as old as healEvery.
func (s *Service) LackedBy(model Model) (node string, ok bool) {
	m := &s.mirror
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, n := range m.nodes {
		runs := !n.Draining && strings.Contains(n.Open, "1") && n.Models != ""
		if runs && name != s.config.Node && !slices.Contains(strings.Fields(n.Models), model.posted()) && (!ok || name < node) {
			node, ok = name, true
		}
	}
	return node, ok
}

// tellLacking says in the log which models are not offered because another node lacks them, whenever that has changed.
func (s *Service) tellLacking() {
	now, own := make(map[Model]string), s.own()
	for _, model := range own {
		if node, ok := s.LackedBy(model); ok {
			now[model] = node
		}
	}
	l := &s.lacking
	l.mu.Lock()
	before := l.told
	l.told = now
	l.mu.Unlock()
	for model, node := range now {
		if before[model] != node {
			s.log.Warn("a model is not offered: another hub of this line, which would take its jobs, lacks it or has another file of its name", "model", model.ID, "version", model.Content, "hub", node)
		}
	}
	for model := range before {
		if _, still := now[model]; !still && slices.Contains(own, model) {
			s.log.Info("a model is offered again: no other hub of this line lacks it", "model", model.ID)
		}
	}
}
