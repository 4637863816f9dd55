package main

import "testing"

// What a hub does unless it is told otherwise is no option's absence: each can be said both ways.
func TestOptionsOfObjectsCanBeSaidBothWays(t *testing.T) {
	for _, want := range []bool{true, false} {
		no := map[bool]string{true: "--", false: "--no-"}[want]
		c, _, err := parse(t, "segment", "cells.tif", "--model=unet_nuclei", no+"exclude-border", no+"detect-holes", no+"split-touching")
		if err != nil {
			t.Fatal(err)
		}
		for name, got := range map[string]*bool{"exclude-border": c.Segment.ExcludeBorder, "detect-holes": c.Segment.DetectHoles, "split-touching": c.Segment.SplitTouching} {
			if got == nil || *got != want {
				t.Errorf("%s%s is read as %v", no, name, got)
			}
		}
	}
}
