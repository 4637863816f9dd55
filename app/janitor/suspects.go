package janitor

import "time"

// suspects are what was found to be of nobody, by when each was first.
type suspects map[string]time.Time

// due takes what a look has found: those that were not found any more are free of suspicion, those that have been at every
// look for a whole grace are due.
func (s *suspects) due(found []string, now time.Time, grace time.Duration) []string {
	still := make(suspects, len(found))
	var due []string
	for _, name := range found {
		since, known := (*s)[name]
		if !known {
			since = now
		}
		still[name] = since
		if known && now.Sub(since) >= grace {
			due = append(due, name)
		}
	}
	*s = still
	return due
}
