// Package gpuexec runs batches of images on the workers behind the slots. It knows slots and jobs, not
// people.
//
// Slot i is always worker i. A worker is three goroutines in a row, so that the stream never waits for
// a PNG:
//
//	Source.Next -> decode and resize -> infer (locked to its OS thread, owns the Engine) -> postprocess -> Sink.Finish
//	              one batch ahead        on the stream                                     one batch behind
//
// Nothing is locked around a model: each worker's Engine has ONNX Runtime sessions of its own.
package gpuexec
