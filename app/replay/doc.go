// Package replay makes a result again from its receipt, and says whether it is the same.
//
//	receipt, image -> is it the file? -> a job with the receipt's options -> its edits, one after the other -> label map
//	                                                                                                  |
//	                    the receipt's digest, or the label map that it came with --------------> compare
package replay
