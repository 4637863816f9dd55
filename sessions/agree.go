package sessions

import (
	"context"
	"fmt"
)

// keysVersion is that of the keys and what they hold. Another one is not understood: it counts up whenever they change so that a
// hub of before, or what it has written, would be in the way.
const keysVersion = 2

// agree makes sure that this hub and those that share Redis with it mean the same: the same kind of keys, and the same storage,
// where one finds what the other has put. It fails with ErrOtherVersion or ErrOtherStorage.
func (s *Service) agree(ctx context.Context) error {
	reply, err := s.ask(ctx, agreeScript, keysVersion, s.config.Storage)
	if err != nil {
		return err
	}
	switch text(reply[0]) {
	case "version":
		return fmt.Errorf("sessions: %d are open: %w", number(reply[1]), ErrOtherVersion)
	case "storage":
		return fmt.Errorf("sessions: %d are open: %w", number(reply[1]), ErrOtherStorage)
	}
	return nil
}
