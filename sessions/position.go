package sessions

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// tellPositions tells the waiting sessions on this node their place in line, each time it changed and at most
// twice a second, until ctx ends.
func (s *Service) tellPositions(ctx context.Context) {
	ticker := time.NewTicker(tickEvery) // an estimate changes while time passes
	defer ticker.Stop()
	for {
		changed := s.work.wait()
		if len(s.audience.ids()) > 0 {
			if err := s.tellLine(ctx); err != nil {
				s.log.Debug("positions are told later", "error", err)
			}
		}
		pause(ctx, positionEvery)
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-ticker.C:
		}
	}
}

func (s *Service) tellLine(ctx context.Context) error {
	places, err := s.line(ctx)
	if err != nil {
		return err
	}
	for _, p := range places {
		all := s.audience.of(p.session)
		if len(all) == 0 {
			continue
		}
		frame := positionFrame{Type: "position", Position: p.position, Waiting: len(places), ETASeconds: p.eta}
		data, err := json.Marshal(frame)
		if err != nil {
			return fmt.Errorf("sessions: position: %w", err)
		}
		for _, l := range all {
			l.hearPlace(p.seq, frame, Message{Type: "position", Key: "position", Data: data})
		}
	}
	return nil
}
