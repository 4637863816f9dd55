// Package bench measures the hub beside the limit of the machine it runs on, and beside the way it was before:
//
//	bare  ONNX Runtime in a loop, one engine a session: the limit
//	lock  one engine a model with one lock around it, two requests at once: the Python service that the hub replaced
//	pool  gpuexec.Pool fed from memory: decoding, fitting, segmenting and encoding, but nobody to talk to
//	hub   all of it, over HTTP and socket
//
// Each path is a process of its own, so that its processor time and its memory are what the kernel says of it. All of them
// stay up for the whole run and take short turns, so that a machine that becomes slower becomes so for all alike.
//
//	Run (parent) -- orders: open, round --> Part.Run: bare, lock, pool
//	             -- HTTP, socket ---------> Part.Run: hub --- "inference of job J ended at T" --> parent
//
// A part owns its engines; it ends when its standard input does, so that none outlives its parent.
package bench
