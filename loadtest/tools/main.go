// Command k6 is k6 with a wire: connections that are read and written byte by byte, as those of peers who keep to no protocol.
package main

import (
	"go.k6.io/k6/cmd"

	_ "seghub/loadtest/tools/wire" // registers itself
)

func main() { cmd.Execute() }
