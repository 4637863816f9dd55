// Package budget owns all policy on the memory that models run in: a GPU's, or without one the host's.
//
// It has two sources of truth. The books: whoever is about to take memory reserves it first, waits when there is no room, and
// gives it back. The gauge: what is really in use, by everybody, sampled in the background. What the gauge shows beyond the books belongs to
// others (a desktop, another program, CUDA's own context) and leaves less room for reservations.
//
//	reserve --> room: High level - booked - others'         sample (every second)
//	   |  none                                                  |
//	   v                                                        v
//	wait, in order of asking <-- release         normal --High--> high --Critical--> critical
//	   |                                            ^              |  ^                  |
//	   +--> Relief is wanted: workers shrink,       +-- below Low -+  +-- below High ----+
//	        unload                                  (the breaker closes below Low alone)
//
// At the level high nothing is borrowed, workers shrink their arenas and unload what they do not run. At critical the breaker
// opens as well: Admit refuses new work until the use is below Low; what runs goes on.
package budget
