// Package results keeps what was found in each page, revision by revision: it measures again, corrects, and says what made it.
//
//	a job is done     result.json, labels.bands, receipt.json       the first revision
//	an edit           <id>.edit, <id>.change                        what was asked for; the objects that are not as they were
//	measured anew     <id>.edit, <id>.result, <id>.labels           a new beginning, that later changes build on
//
// A revision is named by its content: what it begins with and the changes since. Changes are kept as a binary counter counts: each
// time that two cover the same number of edits, one is written that covers both. So a revision is read from few blobs however many
// came before it, and an edit writes no more than the objects that changed lately.
//
// Blobs are never changed. Those of a revision are stored before sessions makes it the newest, in one compare-and-set: a revision
// that somebody has heard of is whole, also after a crash; what loses is deleted, here or by the janitor.
package results
