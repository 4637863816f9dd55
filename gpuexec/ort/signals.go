package ort

/*
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { SIGNALS = 32 }; // the classic ones; libraries leave the real-time signals alone

static struct sigaction *current(void) {
	struct sigaction *all = calloc(SIGNALS, sizeof *all);
	for (int s = 1; all && s < SIGNALS; s++) sigaction(s, NULL, &all[s]);
	return all;
}

// Puts back what was there before for each signal whose handler would run on the stack of the goroutine that it interrupts.
// Go's own handlers always have SA_ONSTACK, so whatever Go has changed since is left alone.
static int restore(const struct sigaction *before) {
	int restored = 0;
	for (int s = 1; before && s < SIGNALS; s++) {
		struct sigaction now;
		if (sigaction(s, NULL, &now) != 0) continue;
		if (now.sa_handler == SIG_DFL || now.sa_handler == SIG_IGN || (now.sa_flags & SA_ONSTACK)) continue;
		if (sigaction(s, &before[s], NULL) == 0) restored++;
	}
	return restored;
}
*/
import "C"

// signalHandlers are the process's signal handlers at one moment. CUDA's libraries replace some when they are loaded or first
// used, in a way that kills a Go program at its next signal (onnxruntime_go issue 140).
type signalHandlers struct{ saved *C.struct_sigaction }

// currentSignalHandlers remembers the handlers for the rest of the process.
func currentSignalHandlers() signalHandlers { return signalHandlers{saved: C.current()} }

// restore puts the remembered handlers back where a library has put one that Go cannot live with. It returns how many.
func (h signalHandlers) restore() int { return int(C.restore(h.saved)) }
