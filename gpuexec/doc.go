// Package gpuexec runs batches of images on the workers behind the slots. It knows slots and jobs, not
// people.
//
// Slot i is always worker i. A worker is three goroutines in a row, so that the stream never waits for a file or a PNG. What goes from one to the
// next is a band: a row of the tiles of one image, all of it where the model sees it as a whole.
//
//	Source.Next -> read, cut into tiles -> run (locked to its OS thread, owns the Engine) -> join, segment -> Sink.Piece, Sink.Finish
//	             tiles for the next runs, on the stream: tiles of whichever image,         a run behind;
//	             a band at least, ahead   as many at once as a run takes                    rows that are finished leave
//
// Runs are kept full: where what is left of a batch does not fill one, tiles of the batch behind it do, if it is of the same model and its first
// tiles are there. Nobody waits for that: else the run is padded. A job that must run alone is one beside which the Source gives its worker no
// other.
//
// So there is one path for images of all sizes, and what is in memory of one is a few bands: the samples of the rows whose objects are not
// complete (original), their probabilities (mask.Segmenter), both up to a bound however high an object is, and the objects, of which there may be
// Config.MaxObjects. The probability map goes to Job.Keep while it is made. All but the objects comes out of Config.Decoded, of which a job takes
// its share before it is read, and has it until it is over: nothing waits for memory that holds some. An image too large to be held that a model
// sees as a whole is read twice: once to be scaled, once to measure the light of its objects; so is one with an object that is higher than the
// samples that are kept. Tiles that are there do not wait, to fill a run, for those of an image that waits for memory.
//
// A model that knows a diameter is first shown a few tiles of the image made smaller: bands that decoding waits for (models.Cutter.ScaleTo). While
// one waits, inference runs what is there instead of filling up its run.
//
// Nothing is locked around a model: each worker's Engine has ONNX Runtime sessions of its own.
//
// On a CPU, where a run is a tile or a few and a worker has its share of the cores, tiles that wait behind a run are given to workers that have
// nothing to do, a run each, while there are cores for as many. Who helps opens nothing and waits for nothing, and lets go when its own
// batch comes; tiles that were given in vain run where they came from. The batch stays its worker's, and so do its objects.
//
// # Who may finish a job
//
// A job is in the ledger from the moment that the Source gives it until somebody claims it: the stage in which it failed,
// the postprocessing that completed it, or Cancel. Only the claimant calls Sink.Finish, so each job is finished exactly once.
//
//	given --> decoding --+--> inferring --+--> postprocessing --> done
//	            |        +<-- next band --+          |
//	          failed, or cancelled by Cancel or Stop, at any time
//
// The stages are at work on one job at the same time, on different bands. A claim ends what each does for the job: its decoding and
// postprocessing at once; the running inference only when no job is left that has tiles in it. Its other tiles never run. Finish does
// not wait for that.
//
// # When a model is replaced
//
// A batch runs on the model as the registry has it when its first run begins. The engine's owner loads that, in place of the version
// before it, between two batches, which then share no run; when it takes another input than the one that the batch is decoded for, the
// batch is decoded anew. A batch whose model is gone by then fails as ErrNoModel.
//
// # One shape of work
//
// A run of a model always has the same number of rows, which the batch table gives: a device plans its convolutions and takes
// its memory for one shape, once. A row is an image, or a tile of one; a run for which there are not enough is padded with zeros. Beside
// it a session for one row is open where memory has room, for single images.
//
// # When memory is short
//
// budget.Budget owns the policy; a worker owns its sessions. A session is opened, and run, when its memory is booked:
//
//	holds nothing --open: book weights + run--> warm --5 s of rest of all, or others need it: shrink--> weights alone
//	      ^                                      |                                                          |
//	      +------ unload, longest ago first -----+-------------------- run: book run <---------------------+
//
// While memory is short, or a worker waits for some, every worker first gives back what its runs hold, then models, those that
// ran longest ago first, down to one. Who waits in vain opens the model with half as many rows, down to one, which is let try
// in any case. Where a run finds no memory for all that, everything else makes room, the rows are halved, and it is tried once
// more; then its job fails alone, with ErrOutOfMemory. After a rest without want the rows are whole again.
//
// # When the device is lost
//
// A run that takes ten times as long as the slowest before it, and 30 s at least, ten minutes on the CPU, is terminated. One that does not end
// then, as a hung kernel does not, an engine or a model that does not open within ten minutes, and an error that poisons a CUDA context
// lose the device: no worker calls it again, the jobs in hand are left unfinished, and Config.Lost is told.
//
// # Stopping
//
// Three contexts, one after the other. The first ends when Stop is called: nothing more is fetched, what is in hand runs to
// its end. The second ends with the context that Stop was given: the running inference is terminated, the rest is finished
// as ErrStopped. The third is that of Sink.Finish and outlives the second by a few seconds.
//
// # Percent
//
// Of a whole job, reading is a fifth, inference three, postprocessing one; each counts tiles. The stage that is told is the one that
// the tiles have still to go through: decoding until one runs, inference until all have.
package gpuexec
