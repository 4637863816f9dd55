package people

import "fmt"

// Mark is how far somebody has heard the log of a session.
type Mark struct {
	Seq   int64
	Epoch string // of the log that Seq counts in; empty before anything was heard
}

// Log holds the frames of a session's sockets, one socket after the other, to the promise: each event once and in order, or a
// gap that is said.
type Log struct {
	Mark
	Gaps int  // how often the log began anew
	lost bool // a snapshot must come before any event
}

// Hear takes the next frame. Its error is a broken promise; what follows is held against what was heard.
func (l *Log) Hear(f Frame) error {
	switch f.Type {
	case "welcome":
		return l.welcome(f)
	case "snapshot":
		if !l.lost && f.Epoch == l.Epoch {
			return fmt.Errorf("a snapshot of the epoch %s, which goes on", f.Epoch)
		}
		if !l.lost { // of another epoch, in the middle of a connection
			l.Gaps++
		}
		l.Mark, l.lost = Mark{f.Seq, f.Epoch}, false
		return nil
	}
	if f.Seq == 0 {
		return nil // nothing that is kept
	}
	before := l.Mark
	l.Seq = f.Seq
	switch {
	case l.lost:
		return fmt.Errorf("event %d before the snapshot", f.Seq)
	case f.Seq != before.Seq+1:
		return fmt.Errorf("event %d after %d of epoch %s", f.Seq, before.Seq, before.Epoch)
	}
	return nil
}

func (l *Log) welcome(f Frame) error {
	first := l.Epoch == ""
	l.lost = !f.Resumed
	if f.Gap {
		l.Gaps++
	}
	switch {
	case f.Resumed && (first || f.Gap):
		return fmt.Errorf("a welcome that resumes, first %t, gap %t", first, f.Gap)
	case f.Resumed && f.Epoch != l.Epoch:
		return fmt.Errorf("a welcome that resumes epoch %s, heard was %s", f.Epoch, l.Epoch)
	case f.Resumed && f.Seq < l.Seq:
		return fmt.Errorf("a welcome that resumes, of %d events where %d were heard", f.Seq, l.Seq)
	case !f.Resumed && !first && !f.Gap:
		return fmt.Errorf("a welcome that neither resumes nor tells of a gap after %d", l.Seq)
	}
	return nil
}
