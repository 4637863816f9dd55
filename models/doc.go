// Package models knows what a segmentation model is: it reads the spec that every model file carries
// in its ONNX metadata, keeps the registry, which follows the models folder, and turns pixels into input
// tensors and output tensors into probability maps of the image's own size.
//
//	models/weights/*.onnx --ReadSpec--> Spec --Registry--> app, gpuexec
//	imageio.Reader --Cutter--> Tensor [rows,H,W,C] uint8 --engine--> Tensor [rows,H,W,outputs] uint8 --Assembler--> mask.Probability
//
// Both go through an image in bands; Fit and Unfit are the same of a whole one.
//
// The engine gives the tensor to the graph as it is, or, where the spec has a Codec, what that encodes of it in float32, and
// decodes the answer.
//
// An image is one row, scaled as a whole, or one row a tile at its own resolution. A model may know objects of one Diameter; Cutter.ScaleTo
// then looks at the image through the model itself, and has it cut at a scale that brings its objects to that.
//
// Cutter and Assembler share their arithmetic with the previews of imageio through models/resample; models/sample
// draws pictures to try it all with; models/pixels lends the memory. It imports nothing of the hub, and runs no model.
package models
