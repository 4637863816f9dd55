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
	AloneCPU          float64 `json:"alone_core_ms_per_image"`   // processor time of hub and Redis
	CrowdedCPU        float64 `json:"crowded_core_ms_per_image"` //
	enterSeconds      float64
	connectSeconds    float64
	firstOrderProblem error
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
	fmt.Fprintf(w, "%d wait; they came within %.1f s and connected within %.1f s\n", r.Waiting, r.enterSeconds, r.connectSeconds)
	if r.AloneCPU != 0 {
		fmt.Fprintf(w, "processor time of the hub for an image: %.0f ms alone, %.0f ms beside the crowd\n", r.AloneCPU, r.CrowdedCPU)
	}
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
