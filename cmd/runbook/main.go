// Runbook carries operations runbooks out: Lua scripts whose effects are
// journaled, replayed and proven.
package main

import (
	"os"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
