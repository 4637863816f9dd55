// Package replay makes a result again from its receipt, and says whether it is the same.
//
//	receipt, image -> is it the file? -> a job with the receipt's options -> its edits, one after the other -> label map
//	                                                                                                  |
//	                    the label map that the receipt came with ------------------------------> compare, pixel by pixel
package replay
