package sessions

import (
	"slices"
	"strings"
	"sync"
)

// Whoever holds a slot of any node has jobs done there, and idle workers help everybody: what one hub accepts must run on all. So a model is offered
// only while each hub of the line has it. Where they have different files of its name, as while they are updated one after the other, the log says so,
// and receipts name the file that ran.

// Model is one that a node can run.
type Model struct {
	ID      string
	Content string // names what its file holds, without blanks
}

// tidings are what the log was told last of models that another node does not have as this one has them.
type tidings struct {
	mu   sync.Mutex
	last map[Model]otherwise
}

// otherwise is a node that lacks a model, or has another file of its name.
type otherwise struct {
	node  string
	lacks bool
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

// LackedBy gives another node of the line that would fail jobs of a model, because it does not have that; ok is false where each has it. It goes by what
// nodes have told of themselves, which may be as old as healEvery.
func (s *Service) LackedBy(id string) (node string, ok bool) {
	return s.without(func(theirs string) bool { return strings.HasPrefix(theirs, id+"@") })
}

// without gives the first of the other nodes with workers that run none of whose models is such a one.
func (s *Service) without(such func(theirs string) bool) (node string, ok bool) {
	m := &s.mirror
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, n := range m.nodes {
		runs := !n.Draining && strings.Contains(n.Open, "1") && n.Models != ""
		if runs && name != s.config.Node && !slices.ContainsFunc(strings.Fields(n.Models), such) && (!ok || name < node) {
			node, ok = name, true
		}
	}
	return node, ok
}

// elsewhere gives another node of the line that does not have a model of this one as it is here.
func (s *Service) elsewhere(model Model) (o otherwise, ok bool) {
	if o.node, ok = s.LackedBy(model.ID); ok {
		o.lacks = true
		return o, true
	}
	o.node, ok = s.without(func(theirs string) bool { return theirs == model.posted() })
	return o, ok
}

// tellModels says in the log which models other nodes do not have as this one has them, whenever that has changed.
func (s *Service) tellModels() {
	now, own := make(map[Model]otherwise), s.own()
	for _, model := range own {
		if other, ok := s.elsewhere(model); ok {
			now[model] = other
		}
	}
	told := &s.told
	told.mu.Lock()
	before := told.last
	told.last = now
	told.mu.Unlock()
	for model, other := range now {
		switch {
		case before[model] == other:
		case other.lacks:
			s.log.Warn("a model is not offered: another hub of this line lacks it, and would fail its jobs", "model", model.ID, "hub", other.node)
		default:
			s.log.Warn("another hub of this line has another file of a model's name: which one runs is a matter of which worker is free", "model", model.ID, "version", model.Content, "hub", other.node)
		}
	}
	for model := range before {
		if _, still := now[model]; !still && slices.Contains(own, model) {
			s.log.Info("all hubs of this line have the same file of a model again", "model", model.ID)
		}
	}
}
