package sessions

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"
)

// TestAnImagesJobsHaveOnePixelSize is of a stack, a page of which is done, one in hand and others wait: more than one script tells.
func TestAnImagesJobsHaveOnePixelSize(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		s, _ := joined(t, testConfig(client))
		session := create(t, s)
		files := 0.5
		both := newJobs(2)
		image, other := both[0], both[1]
		image.PixelSize, other.PixelSize = &files, &files
		pages := slices.Repeat([]NewJob{image}, calibrateChunk+1)
		made, err := s.Submit(t.Context(), session, "", append(pages, other))
		must(t, err)
		finishAll(t, s, 0, claimNow(t, s, 0), nil)
		running := claimNow(t, s, 0)

		sizes := func() (of map[string]int) {
			of = map[string]int{}
			page, err := s.Jobs(t.Context(), session, JobQuery{Limit: maxPage})
			must(t, err)
			for _, job := range page.Jobs {
				by := ""
				if job.Calibration != nil {
					by = job.Calibration.By
				}
				of[fmt.Sprint(job.ImageID, " ", *job.PixelSize, by)]++
			}
			return of
		}
		want := func(when string, sizes, want map[string]int) {
			t.Helper()
			if fmt.Sprint(sizes) != fmt.Sprint(want) {
				t.Errorf("%s: %v, want %v", when, sizes, want)
			}
		}
		said := 0.123456789012345678
		must(t, s.Calibrate(t.Context(), session, image.ImageID, &said))
		must(t, s.Calibrate(t.Context(), session, image.ImageID, &said)) // sent again after a lost reply
		want("once it is said", sizes(), map[string]int{fmt.Sprint("image0 ", said, "Ada"): len(pages), "image1 0.5": 1})
		var told struct{ Job Job }
		messages := eventsAfter(t, s, session, eventCount(t, s, session)-1)
		must(t, json.Unmarshal(messages[len(messages)-1].Data, &told))
		if told.Job.ID != made[len(pages)-1].ID || *told.Job.PixelSize != said {
			t.Errorf("the last that is told is %s", messages[len(messages)-1].Data)
		}
		finishAll(t, s, 0, running, nil)
		first, err := s.Image(t.Context(), session, image.ImageID)
		must(t, err)
		again := image
		again.Calibration = first.Calibration
		queued, err := s.Submit(t.Context(), session, "", []NewJob{again})
		must(t, err)
		if *queued[0].PixelSize != said {
			t.Errorf("one that is made later has %v", *queued[0].PixelSize)
		}
		want("with one that is made later", sizes(), map[string]int{fmt.Sprint("image0 ", said, "Ada"): len(pages) + 1, "image1 0.5": 1})

		// Two say it at once.
		begun, err := s.ask(t.Context(), calibrateScript, session, image.ImageID, "2", "", calibrateChunk)
		must(t, err)
		said = 3
		must(t, s.Calibrate(t.Context(), session, image.ImageID, &said))
		_, err = s.ask(t.Context(), calibrateScript, session, image.ImageID, "2", begun[0], calibrateChunk)
		must(t, err)
		want("said by two", sizes(), map[string]int{"image0 3Ada": len(pages) + 1, "image1 0.5": 1})

		must(t, s.Calibrate(t.Context(), session, image.ImageID, nil))
		want("taken back", sizes(), map[string]int{"image0 0.5Ada": len(pages) + 1, "image1 0.5": 1})
		if err := s.Calibrate(t.Context(), session, "none", &said); !errors.Is(err, ErrNotFound) {
			t.Errorf("of an image that is not there: %v", err)
		}
		if err := s.Calibrate(t.Context(), create(t, s), image.ImageID, &said); !errors.Is(err, ErrNotFound) {
			t.Errorf("of somebody else's: %v", err)
		}
	})
}
