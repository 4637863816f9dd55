package hub

import (
	"context"
	"slices"
	"time"

	"seghub/sessions"
)

// noticeWatcher wakes tellStats, which looks for itself who watches.
func (h *Hub) noticeWatcher() {
	select {
	case h.watching <- struct{}{}:
	default: // it will look anyway
	}
}

// tellStats sends the statistics to those who watch them, once a second, and asks for them only while there
// is somebody.
func (h *Hub) tellStats(ctx context.Context) {
	rest := time.NewTimer(0)
	defer rest.Stop()
	healthy := true
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.watching:
		}
		for watchers := h.watchers(); len(watchers) > 0; watchers = h.watchers() {
			err := h.tell(ctx, watchers)
			if err != nil && healthy { // once, not every second
				h.Log.Warn("no statistics", logError, err)
			}
			healthy = err == nil
			rest.Reset(h.pace.stats)
			select {
			case <-ctx.Done():
				return
			case <-rest.C:
			}
		}
	}
}

func (h *Hub) watchers() []*socket {
	return slices.DeleteFunc(h.list(), func(s *socket) bool { return !s.watching.Load() })
}

// tell takes the statistics once and gives each session its view of them.
func (h *Hub) tell(ctx context.Context, watchers []*socket) error {
	ctx, cancel := context.WithTimeout(ctx, h.pace.call)
	defer cancel()
	view, err := h.Stats(ctx)
	if err != nil {
		return err
	}
	frames := make(map[string][]byte)
	for _, s := range watchers {
		frame, made := frames[s.session]
		if !made {
			if frame, err = statsFrame(view(s.session)); err != nil {
				return err
			}
			frames[s.session] = frame
		}
		s.queue.deliver(sessions.Message{Type: typeStats, Key: typeStats, Data: frame})
	}
	return nil
}
