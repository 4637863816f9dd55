// Package models knows what a segmentation model is: it reads the spec that every model file carries
// in its ONNX metadata, keeps the registry, which follows the models folder, and turns pixels into input
// tensors and output tensors into probability maps of the image's own size.
//
//	models/weights/*.onnx --ReadSpec--> Spec --Registry--> app, gpuexec
//	imageio.Image --Fit--> Tensor [1,H,W,C] uint8 --engine--> Tensor [1,H,W,1] uint8 --Unfit--> mask.Probability
//
// Fit and Unfit share their arithmetic with the previews of imageio through models/resample; models/sample
// draws pictures to try it all with. It imports nothing of the hub, and runs no model.
package models
