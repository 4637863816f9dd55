package segment

import (
	"slices"
	"testing"

	"seghub/client"
)

func TestFoldersThatSomeSystemsTakeForOne(t *testing.T) {
	s := newStems()
	list := []File{{"Ä/a.tif", "Ä/a.tif"}, {"ä/a.tif", "ä/a.tif"}, {"a\u0308/a.tif", "a\u0308/a.tif"}}
	s.expect(list)
	for i, want := range []string{"Ä/a", "ä/a-2", "a\u0308/a-3"} {
		if got := s.of(list[i], client.Job{Pages: 1}); got != want {
			t.Errorf("%s: %s, want %s", list[i].Name, got, want)
		}
	}
}

func TestTwinsAreCalledByTheirOrderNotByWhichIsDoneFirst(t *testing.T) {
	s := newStems()
	list := []File{{"day/a.png", "a.png"}, {"day/a.tif", "a.tif"}, {"day/a-2.png", "a-2.png"}, {"day/b/a.tif", "b/a.tif"}, {"day/.tif", ".tif"}}
	s.expect(list[:2])
	s.expect(list)
	for i, want := range slices.Backward([]string{"a", "a-2", "a-2-2", "b/a", "tif"}) {
		if got := s.of(list[i], client.Job{Pages: 1}); got != want {
			t.Errorf("%s: %s, want %s", list[i].Name, got, want)
		}
	}
	if got := s.of(list[1], client.Job{Page: 1, Pages: 2}); got != "a-2-page-2" {
		t.Errorf("a page: %s", got)
	}
}
