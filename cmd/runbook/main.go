// Runbook carries operations runbooks out: Lua scripts whose effects are
// journaled, replayed and proven.
package main

import (
	"math"
	"os"
	"runtime/debug"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli"
)

// softMemory is from how many bytes on the collector works harder rather than
// let the process grow, unless GOMEMLIMIT says otherwise. What scripts keep is
// bounded by themselves; this is for what they drop.
const softMemory = 192 << 20

// garbage is how much may be dropped, in percent of what is kept, before the
// collector starts: a command is short, and softMemory bounds it. GOGC sets
// another.
const garbage = 400

func main() {
	if debug.SetMemoryLimit(-1) == math.MaxInt64 {
		debug.SetMemoryLimit(softMemory)
	}
	if plugin := len(os.Args) > 1 && os.Args[1] == "plugin"; !plugin && os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
	os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
