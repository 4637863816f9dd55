package people

import "testing"

// TestLog holds logs to the promise that breaks in their last frame, if at all.
func TestLog(t *testing.T) {
	first := []Frame{{Type: "welcome", Seq: 3, Epoch: "a"}, {Type: "snapshot", Seq: 3, Epoch: "a"}, {Type: "job", Seq: 4}}
	for name, test := range map[string]struct {
		frames []Frame
		broken bool
		gaps   int
	}{
		"one socket":                 {append(first, Frame{Type: "progress"}, Frame{Type: "job", Seq: 5}), false, 0},
		"an event twice":             {append(first, Frame{Type: "job", Seq: 4}), true, 0},
		"an event left out":          {append(first, Frame{Type: "job", Seq: 6}), true, 0},
		"an event before all":        {[]Frame{{Type: "welcome", Epoch: "a"}, {Type: "job", Seq: 1}}, true, 0},
		"a resume":                   {append(first, Frame{Type: "welcome", Seq: 5, Epoch: "a", Resumed: true}, Frame{Type: "job", Seq: 5}), false, 0},
		"a resume that skips":        {append(first, Frame{Type: "welcome", Seq: 6, Epoch: "a", Resumed: true}, Frame{Type: "job", Seq: 6}), true, 0},
		"a resume of less":           {append(first, Frame{Type: "welcome", Seq: 2, Epoch: "a", Resumed: true}), true, 0},
		"a resume of another epoch":  {append(first, Frame{Type: "welcome", Seq: 4, Epoch: "b", Resumed: true}), true, 0},
		"a gap":                      {append(first, Frame{Type: "welcome", Seq: 1, Epoch: "b", Gap: true}, Frame{Type: "snapshot", Seq: 1, Epoch: "b"}, Frame{Type: "job", Seq: 2}), false, 1},
		"a gap that is not said":     {append(first, Frame{Type: "welcome", Seq: 1, Epoch: "b"}), true, 0},
		"another epoch meanwhile":    {append(first, Frame{Type: "snapshot", Seq: 1, Epoch: "b"}, Frame{Type: "job", Seq: 2}), false, 1},
		"a snapshot of the same one": {append(first, Frame{Type: "snapshot", Seq: 4, Epoch: "a"}), true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var l Log
			for i, f := range test.frames {
				err := l.Hear(f)
				if last := i == len(test.frames)-1; (err != nil) != (last && test.broken) {
					t.Fatalf("frame %d: %v", i, err)
				}
			}
			if l.Gaps != test.gaps {
				t.Errorf("%d gaps", l.Gaps)
			}
		})
	}
}
