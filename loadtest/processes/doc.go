// Package processes starts what load tests need: hubs, and a Redis. They are real processes, so that signals, limits and restarts
// are those of a real machine.
package processes
