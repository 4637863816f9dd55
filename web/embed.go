// Package web is the browser client and its embedding. The client is TypeScript and Svelte under src, is
// built by Vite into dist, and talks to the hub over its public API alone.
//
//	src/lib    the client library: HTTP calls, the socket, the state that its frames add up to
//	src/view   what a person sees of that state
//	test       a hub of a few hundred lines, for the tests of both
//	e2e        the page in a browser, against the real hub
package web

import "embed"

// dist is what Vite built. In a fresh clone it holds its .gitignore alone, so that the package compiles
// without Node.
//
//go:embed all:dist
var dist embed.FS
