package imageio

import (
	"cmp"
	"iter"
	"slices"
	"strconv"
	"strings"

	"seghub/models/imageio/refusal"
)

// Choice is which planes of a file are wanted. The zero value is all of them.
type Choice struct {
	Pages   string // "" and "all", "first", or numbers from 1 and ranges of them: "1-5,8"
	Channel string // a channel's name or its number from 0; "" is every one, and of a pixel's samples the first
	// Max is the brightest over all depths, one plane for each channel and time. Pages chooses of these: all pages of one, or none; a single
	// page stands for the one that it is in.
	Max bool
}

// Planes are those that a choice is of, in the order of the pages. The error is a Refusal, in words about the choice.
func (f *File) Planes(c Choice) ([]Plane, error) {
	wanted, err := c.pages(len(f.Pages))
	if err != nil {
		return nil, err
	}
	sample, is, err := f.channel(c.Channel)
	if err != nil {
		return nil, err
	}
	single := countPages(len(f.Pages), wanted) == 1
	var planes []Plane
	projected := make(map[[3]int]bool)
	for i, p := range f.Pages {
		if !wanted(i) || is != nil && !is(p) {
			continue
		}
		plane := Plane{Page: i, Sample: sample, Max: c.Max}
		if c.Max {
			of := [3]int{p.Image, p.Channel, p.T}
			if projected[of] {
				continue
			}
			projected[of] = true
			depths, err := f.pagesOf(plane)
			if err != nil {
				return nil, err
			}
			if !single && slices.ContainsFunc(depths, func(page int) bool { return !wanted(page) }) {
				return nil, refusal.Unsupported("A projection is of all depths, and pages %s are only some of the %d from page %d to page %d: choose all "+
					"of these, or leave pages out.", c.Pages, len(depths), depths[0]+1, depths[len(depths)-1]+1)
			}
		}
		planes = append(planes, plane)
	}
	if len(planes) == 0 {
		return nil, refusal.Unsupported("None of the %d pages of this file is of the pages and the channel that were chosen.", len(f.Pages))
	}
	return planes, nil
}

func countPages(count int, wanted func(page int) bool) (n int) {
	for page := range count {
		if wanted(page) {
			n++
		}
	}
	return n
}

// pages tells of each page, from 0, whether it is wanted.
func (c Choice) pages(count int) (wanted func(page int) bool, err error) {
	switch c.Pages {
	case "", "all":
		return func(int) bool { return true }, nil
	case "first":
		return func(page int) bool { return page == 0 }, nil
	}
	ranges, err := c.ranges()
	if err != nil {
		return nil, err
	}
	for _, r := range ranges {
		if r[1] > count {
			return nil, refusal.Unsupported("There is no page %d: the file has %d.", r[1], count)
		}
	}
	return func(page int) bool {
		for _, r := range ranges {
			if r[0] <= page+1 && page+1 <= r[1] {
				return true
			}
		}
		return false
	}, nil
}

// ranges are the first and the last page of each part of Pages, from 1.
func (c Choice) ranges() (ranges [][2]int, err error) {
	for part := range strings.SplitSeq(c.Pages, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			last = first
		}
		a, errA := strconv.Atoi(strings.TrimSpace(first))
		b, errB := strconv.Atoi(strings.TrimSpace(last))
		if errA != nil || errB != nil || a < 1 || b < a {
			return nil, refusal.Unsupported("Pages are chosen as all, first or numbers such as 1-5,8, not as %q.", c.Pages)
		}
		ranges = append(ranges, [2]int{a, b})
	}
	return ranges, nil
}

// Validate says whether the choice is well-formed, before there is a file to choose from.
func (c Choice) Validate() error {
	switch c.Pages {
	case "", "all", "first":
		return nil
	}
	_, err := c.ranges()
	return err
}

// Channels are the names of the channels beside a page, by their numbers; empty where the file does not say. Each of several series has its own.
func (f *File) Channels(page int) []string {
	names, samples := make([]string, 1), 1
	for _, p := range f.Pages {
		if p.Image != f.Pages[page].Image {
			continue
		}
		samples = max(samples, p.Samples)
		if p.Channel >= len(names) {
			names = append(names, make([]string, p.Channel+1-len(names))...)
		}
		names[p.Channel] = cmp.Or(names[p.Channel], p.ChannelName)
	}
	if len(names) == 1 && samples > 1 {
		return make([]string, samples)
	}
	return names
}

// ChannelsAreSamples tells whether the channels of the file are the samples of its pixels, and none has pages of its own.
func (f *File) ChannelsAreSamples() bool {
	return !slices.ContainsFunc(f.Pages, func(p Page) bool { return p.Channel > 0 })
}

// Beside is the plane of a channel at the depth and the time of a page, of which it has the size; an empty name is the page's own.
// The error is a Refusal, in words about the choice.
func (f *File) Beside(page int, name string) (Plane, error) {
	sample, is, err := f.channel(name)
	if err != nil {
		return Plane{}, err
	}
	plane, there := f.beside(page, sample, is)
	if !there {
		return Plane{}, refusal.Unsupported("There is no channel %q beside page %d.", name, page+1)
	}
	return plane, nil
}

// Together are the planes of all channels at the depth and the time of a page, by the numbers of the channels.
func (f *File) Together(page int) iter.Seq2[int, Plane] {
	return func(yield func(int, Plane) bool) {
		samples := f.Pages[page].Samples
		for number := range f.Channels(page) {
			sample, is := 0, numbered(number)
			if samples > 1 {
				sample, is = number, nil
			}
			if plane, there := f.beside(page, sample, is); there && !yield(number, plane) {
				return
			}
		}
	}
}

// beside is a plane at the depth and the time of a page: of a channel among the pages, or where that is nil, of a sample of its pixels.
func (f *File) beside(page, sample int, is ofChannel) (plane Plane, there bool) {
	own := f.Pages[page]
	if is == nil || is(own) {
		return Plane{Page: page, Sample: sample}, sample < own.Samples
	}
	for i, p := range f.Pages {
		if p.Image == own.Image && is(p) && p.Z == own.Z && p.T == own.T && p.Width == own.Width && p.Height == own.Height {
			return Plane{Page: i}, true
		}
	}
	return Plane{}, false
}

// ofChannel tells whether a page is of a channel.
type ofChannel func(Page) bool

func numbered(channel int) ofChannel { return func(p Page) bool { return p.Channel == channel } }

// called is the channel of a name; nil where there is none. Of several series each may have it elsewhere, or not at all: an overview, two places
// that were set up otherwise.
func (f *File) called(name string) ofChannel {
	at := make(map[int]int) // of a series, the first channel of that name
	for _, p := range f.Pages {
		if _, known := at[p.Image]; !known && strings.EqualFold(p.ChannelName, name) {
			at[p.Image] = p.Channel
		}
	}
	if len(at) == 0 {
		return nil
	}
	return func(p Page) bool {
		channel, known := at[p.Image]
		return known && p.Channel == channel
	}
}

// channel finds a channel by its name or number: among the pages, or where those are of one, among the samples of a pixel. is is nil
// when any is meant.
func (f *File) channel(name string) (sample int, is ofChannel, err error) {
	if name == "" {
		return 0, nil, nil
	}
	last, samples := 0, 1
	var names []string
	for _, p := range f.Pages {
		if p.ChannelName != "" && !slices.Contains(names, p.ChannelName) {
			names = append(names, p.ChannelName)
		}
		last, samples = max(last, p.Channel), max(samples, p.Samples)
	}
	number, err := strconv.Atoi(name)
	isNumber := err == nil && number >= 0
	byName := f.called(name)
	switch {
	case isNumber && last == 0 && 1 < samples && number < samples:
		return number, nil, nil // samples have no names, whatever their page is called
	case byName != nil:
		return 0, byName, nil
	case isNumber && last > 0 && number <= last:
		return 0, numbered(number), nil
	case isNumber && last == 0 && number < samples:
		return number, nil, nil
	case len(names) > 0:
		return 0, nil, refusal.Unsupported("There is no channel %q in this file: it has %s.", name, strings.Join(names, ", "))
	}
	return 0, nil, refusal.Unsupported("There is no channel %q in this file: it has %d, counted from 0.", name, max(last+1, samples))
}
