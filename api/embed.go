// Package api holds the contract in machine-readable form: openapi.yaml for the HTTP calls, asyncapi.yaml for
// the socket. apitest checks what a running server says against them.
package api

import _ "embed" // the documents

// OpenAPI is openapi.yaml, OpenAPI 3.1.
//
//go:embed openapi.yaml
var OpenAPI []byte

// AsyncAPI is asyncapi.yaml, AsyncAPI 3.0. Its references lead into openapi.yaml.
//
//go:embed asyncapi.yaml
var AsyncAPI []byte
