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
//
// # Who may finish a job
//
// A job is in the ledger from the moment that the Source gives it until somebody claims it: the stage in which it failed,
// the postprocessing that completed it, or Cancel. Only the claimant calls Sink.Finish, so each job is finished exactly once.
//
//	given --> decoding --> decoded --> inferring --> inferred --> postprocessing --> done
//	            |   \________|____________|   \___________|____________/   |
//	            |            Cancel, Stop     |                           |
//	          failed         cancelled      failed                      failed
//
// A claim ends the stage that the job is in: its decoding or postprocessing at once; the running inference only when no job
// of the batch is left that wants its result. Finish does not wait for that.
//
// # When a model is replaced
//
// A batch runs on the model as the registry has it when the run begins. The engine's owner loads that, in place of the version
// before it, between two batches; when it takes another input than the one that the batch was decoded for, the batch is
// decoded again. A batch whose model is gone by then fails as ErrNoModel.
//
// # When memory is short
//
// A model stays loaded until memory is short. Then each worker unloads those that it ran longest ago, until memory is short no
// more or one is left: before a batch that batch's model, while there is no work the one that ran last. The next batch
// that needs another loads it again, though it was a warm one. Of several workers that need the same model, one at a time
// loads it.
//
// # Stopping
//
// Three contexts, one after the other. The first ends when Stop is called: nothing more is fetched, what is in hand runs to
// its end. The second ends with the context that Stop was given: the running inference is terminated, the rest is finished
// as ErrStopped. The third is that of Sink.Finish and outlives the second by a few seconds.
//
// # Percent
//
// Of a whole job, decoding is 0 to 20, inference 20 to 80, postprocessing 80 to 100. Decoding counts rows in hundredths,
// postprocessing its steps. One run of a model tells nothing of how far it is, so that inference is one step.
package gpuexec
