// Package client speaks to a SegHub: it uploads images, follows what happens to them and fetches what was made of them. It
// knows the public API alone, so that it can be copied into or imported by any program.
//
//	hub, err := client.Open(ctx, client.Config{URL: "http://127.0.0.1:8080", Name: "Ada"})
//	sent, err := hub.Upload(ctx, client.Upload{Model: "unet_nuclei", Files: []client.File{client.FromDisk("cells.tif")}})
//	for event, err := range hub.Events(ctx, client.Follow{}) {
//		switch e := event.(type) {
//		case client.JobChanged:
//			// e.Job.State
//		}
//	}
//
// What lies between the program and the hub may fail at any moment; a call hides it for as long as Config.GiveUp:
//   - A call that got no answer, or was told to come back later, is made again after a wait with full jitter, not before the
//     hub's Retry-After.
//   - An upload travels with an Idempotency-Key. When its answer is lost the hub is asked what became of it, and only what
//     it does not know is sent again: no file becomes two jobs.
//   - Events go on after a break where they stopped, each once and in order; where the hub no longer knows what was missed, a
//     Snapshot takes their place.
//
// A Client may be used by several goroutines.
package client
