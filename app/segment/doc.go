// Package segment is `seghub segment` and `seghub watch`: files go to a hub, and what was made of them comes back to a folder.
//
//	Files -> Run: upload, a few at once -> jobs
//	               ^                         |
//	   sent again: |                    events of the hub
//	   lost log ---+                         v
//	                              all jobs of a file ended -> fetch -> OUT/cells.geojson, ...
//	                              all files ended ----------> fetch -> OUT/results.csv, ...
//
// A connection that breaks is client's to mend. A hub that was restarted without its memory knows neither session nor jobs: a new
// session is begun, and what is not here yet is sent again.
package segment
