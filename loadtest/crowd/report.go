package main

import (
	"fmt"
	"io"
)

// Report is what a crowd cost. What was not measured is 0.
type Report struct {
	Waiting           int     `json:"waiting"`
	SocketBytes       float64 `json:"socket_resident_bytes"`     // by which the hub's process grew for one socket
	ReconnectSeconds  float64 `json:"reconnect_seconds"`         // from the start of the new process until the last has heard all
	OutOfOrder        int     `json:"events_lost_or_twice"`      // of all sockets, over the restart too
	ChangeP50         float64 `json:"change_p50_ms"`             // from the call by which the first in line leaves until somebody hears of it
	ChangeP99         float64 `json:"change_p99_ms"`             //
	ChangeUnheard     int     `json:"change_unheard"`            // how many did not hear of a change at all
	AloneImages       float64 `json:"alone_images_per_second"`   // of those who work, before the crowd came
	CrowdedImages     float64 `json:"crowded_images_per_second"` // beside the crowd
	Alone             Spent   `json:"alone"`                     // on those images
	Crowded           Spent   `json:"crowded"`                   //
	Connect           Spent   `json:"connect"`                   // until the first socket of each has told everything
	Rest              Spent   `json:"rest"`                      // while nothing changes
	Changes           Spent   `json:"changes"`                   // with rests in between
	Told              int     `json:"positions_told"`            // to those who wait, while the others work beside them
	Reconnect         Spent   `json:"reconnect"`                 // without what a hub's start takes
	enterSeconds      float64
	changes, images   int
	firstOrderProblem error
}

// change is the processor time of one change of places, beside what the rests around it take.
func (r *Report) change() (hub, driver float64) {
	rests := r.Changes.Seconds / r.Rest.Seconds
	return (r.Changes.Hub - rests*r.Rest.Hub) / float64(r.changes), (r.Changes.Driver - rests*r.Rest.Driver) / float64(r.changes)
}

// cost is which part of their images those who work have less of.
func (r *Report) cost() float64 { return 1 - r.CrowdedImages/r.AloneImages }

// promise is one of the numbers.
type promise struct {
	kept bool
	says string
}

func (r *Report) promises() []promise {
	all := []promise{
		{r.OutOfOrder == 0, fmt.Sprintf("every event once: %d lost or twice", r.OutOfOrder)},
		{r.ChangeP99 <= 250 && r.ChangeUnheard == 0, fmt.Sprintf("a change of places within 250 ms at p99: p50 %.0f ms, p99 %.0f ms, %d unheard", r.ChangeP50, r.ChangeP99, r.ChangeUnheard)},
		{r.cost() < 0.05, fmt.Sprintf("less than 5 %% of the active users' images: %.2f images/s alone, %.2f beside the crowd, %.1f %%", r.AloneImages, r.CrowdedImages, 100*r.cost())},
	}
	if r.SocketBytes != 0 {
		all = append(all,
			promise{r.SocketBytes <= 14<<10, fmt.Sprintf("at most 14 KiB a socket: %.1f KiB", r.SocketBytes/1024)},
			promise{r.ReconnectSeconds <= 20, fmt.Sprintf("all connected again within 20 s: %.1f s", r.ReconnectSeconds)})
	}
	return all
}

func (r *Report) broken() (n int) {
	for _, p := range r.promises() {
		if !p.kept {
			n++
		}
	}
	return n
}

func (r *Report) print(w io.Writer) {
	fmt.Fprintf(w, "%d wait; they came within %.1f s and connected within %.1f s\n", r.Waiting, r.enterSeconds, r.Connect.Seconds)
	waiting, images := float64(r.Waiting), float64(r.images)
	hub, driver := r.change()
	fmt.Fprintf(w, "%-56s %8s %8s\n", "processor time", "hub", "driver")
	for _, row := range []struct {
		of          string
		hub, driver float64
	}{
		{"a socket's first connection, ms", 1000 * r.Connect.Hub / waiting, 1000 * r.Connect.Driver / waiting},
		{"a socket's connection after a restart, ms", 1000 * r.Reconnect.Hub / waiting, 1000 * r.Reconnect.Driver / waiting},
		{"a change of places, for 1,000 who wait, ms", 1e6 * hub / waiting, 1e6 * driver / waiting},
		{"at rest, of a core, %", 100 * r.Rest.Hub / r.Rest.Seconds, 100 * r.Rest.Driver / r.Rest.Seconds},
		{"an image alone, ms", 1000 * r.Alone.Hub / images, 1000 * r.Alone.Driver / images},
		{"an image beside the crowd, ms", 1000 * r.Crowded.Hub / images, 1000 * r.Crowded.Driver / images},
	} {
		fmt.Fprintf(w, "%-56s %8.2f %8.2f\n", row.of, row.hub, row.driver)
	}
	fmt.Fprintf(w, "each who waits hears of his place or estimate %.2f times a minute while the others work\n", 60*float64(r.Told)/waiting/r.Crowded.Seconds)
	for _, p := range r.promises() {
		verdict := "kept  "
		if !p.kept {
			verdict = "BROKEN"
		}
		fmt.Fprintln(w, verdict, p.says)
	}
	if r.firstOrderProblem != nil {
		fmt.Fprintln(w, "the first out of order:", r.firstOrderProblem)
	}
}
