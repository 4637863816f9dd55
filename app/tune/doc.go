// Package tune measures how many rows a run of each model should have on this machine, and writes that down as the batch table
// that the workers go by.
//
//	for each model, for 1 to 4 workers, for N = 1, 2, 3, 4, 6, 8, ...:
//	    open, warm, run side by side for a while --> a Point: images a second, p50, p95, memory
//	Points --> Rows: the smallest N that is within 3 % of the best, the largest that fitted, what both take
package tune
