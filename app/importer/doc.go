// Package importer brings other people's models into the models folder: `seghub models import FILE`.
//
//	model.onnx + model.yaml ---- sidecar ----\
//	package.zip (BioImage Model Zoo) - rdf ---+--> candidate --> install: write, read, try in ONNX Runtime, rename
//	checkpoint.pth -- models/training --------/
//
// A candidate is a graph and the spec that the hub shall run it by. It is installed under a name that the registry does not look
// at, and gets its own only after it was read as the registry reads it, ran, gave probabilities and, where it came with a test,
// gave what that demands. Nothing of a package is written to a path that the package names.
package importer
