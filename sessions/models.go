package sessions

import (
	"slices"
	"strings"
	"sync"
)

// Whoever holds a slot of any node has jobs done there, and idle workers help everybody: what one hub accepts must run on all. So a model is
// offered only while each hub of the line has it.

// lacking is what the log was told last of models that others lack.
type lacking struct {
	mu   sync.Mutex
	told map[string]string // a node that lacks it, by model
}

// ownModels tells which models this node has: their ids in order, with blanks between them.
func (s *Service) ownModels() string {
	if s.config.Models == nil {
		return ""
	}
	return strings.Join(slices.Sorted(slices.Values(s.config.Models())), " ")
}

// LackedBy gives another node of the line that would fail jobs of a model, because it does not have that; ok is false where each has it. It goes by what
// nodes have told of themselves, which may be as old as healEvery.
func (s *Service) LackedBy(model string) (node string, ok bool) {
	m := &s.mirror
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, n := range m.nodes {
		runs := !n.Draining && strings.Contains(n.Open, "1") && n.Models != ""
		if runs && name != s.config.Node && !slices.Contains(strings.Fields(n.Models), model) && (!ok || name < node) {
			node, ok = name, true
		}
	}
	return node, ok
}

// tellLacking says in the log which models are not offered because another node lacks them, whenever that has changed.
func (s *Service) tellLacking() {
	now := make(map[string]string)
	for _, model := range strings.Fields(s.ownModels()) {
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
			s.log.Warn("a model is not offered: another hub of this line lacks it, and would fail its jobs", "model", model, "lacks", node)
		}
	}
	for model := range before {
		if _, still := now[model]; !still && slices.Contains(strings.Fields(s.ownModels()), model) {
			s.log.Info("a model is offered again: no other hub of this line lacks it", "model", model)
		}
	}
}
