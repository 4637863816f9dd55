package sessions

import "context"

// Stats tells who holds this node's slots and how many wait in line.
func (s *Service) Stats(ctx context.Context) (Stats, error) {
	reply, err := s.ask(ctx, statsScript)
	if err != nil {
		return Stats{}, err
	}
	stats := Stats{Waiting: int(number(reply[0])), Slots: make([]SlotStat, s.config.Slots)}
	for slot := range stats.Slots {
		stats.Slots[slot].Slot = slot
		if slot+1 < len(reply) {
			stats.Slots[slot].Session = text(reply[slot+1])
		}
	}
	return stats, nil
}
