package sessions

import (
	"cmp"
	"context"
	"slices"
	"strings"
)

// Stats tells who holds this node's slots, how many wait in line, and what each node is.
func (s *Service) Stats(ctx context.Context) (Stats, error) {
	if err := s.catchUp(ctx); err != nil {
		return Stats{}, err
	}
	inHand := s.hand.bySlot()
	m := &s.mirror
	m.mu.Lock()
	defer m.mu.Unlock()
	stats := Stats{Waiting: len(m.line), Slots: make([]SlotStat, s.config.Slots)}
	for slot := range stats.Slots {
		stats.Slots[slot] = SlotStat{Slot: slot, Session: m.slots[slotName(s.config.Node, slot)].Owner, InHand: inHand[slot]}
	}
	for name, node := range m.nodes {
		n := NodeStat{Node: name, Slots: len(node.Open), Open: strings.Count(node.Open, "1"), Draining: node.Draining}
		for slot := range n.Slots {
			if _, owned := m.slots[slotName(name, slot)]; owned {
				n.Active++
			}
		}
		stats.Nodes = append(stats.Nodes, n)
	}
	slices.SortFunc(stats.Nodes, func(a, b NodeStat) int { return cmp.Compare(a.Node, b.Node) })
	return stats, nil
}
