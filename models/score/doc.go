// Package score measures how well a segmentation agrees with one that people made: as foreground (Dice,
// IoU) and object by object (F1 and AP at an IoU). It also has what a model must beat, Otsu's threshold.
//
//	mask.Segmentation --LabelsOf--> Labels --+--Compare--> Overlap: Dice, IoU
//	                  what experts drew  ----+--Match--> Matching --At(0.5)--> Counts: F1, AP
//	grey image --Otsu--> mask.Probability, to be cut into objects as a model's is
//
// Where both sides are empty, they agree: every score is 1. The package runs no model and reads no file.
package score
