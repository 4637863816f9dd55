// Package export writes results in the formats of other programs.
//
//	New(format) -> Export -- Add(Picture) ... --> names: a safe and unique stem a picture
//	                 |                               |
//	                 +-- Close                       v
//	        document: geojson, imagej  one picture, one document; several travel as a zip of documents
//	        archive:  yolo, masks, labels, all  a zip with files a picture
//	        whole:    coco, csv, xlsx  one document of all pictures
//
// Pictures are taken one at a time and none is kept. What a format wants at its head and only its end knows (how many channels the
// widest row has) waits in a file without a name.
//
// Outlines are walked along pixel corners. Where a format wants something else it is made from these: rings.go has polygons that touch
// themselves nowhere, centres.go the path through the outermost pixels' centres, columns of pixels for run lengths.
package export
