// Package program is runbook itself, for those who build one with modules and
// backends of their own:
//
//	func main() { program.Main(program.Parts{Modules: []effect.Module{flags.Module()}}) }
//
// A module that is built in can do all that the standard ones can: it has a model
// in rehearsals, invariants, faults, composites, a reference page. A module that
// only a plugin brings has its ops, and what its backend predicts.
package program

import (
	"math"
	"os"
	"runtime/debug"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

// Parts are what a program has beside the standard modules and backends.
type Parts struct {
	Modules []effect.Module
	// Backends are served by the program itself, each in a process of its own.
	// One that is a plugin need not stand here.
	Backends []plugins.Backend
}

// softMemory is from how many bytes on the collector works harder rather than
// let the process grow, unless GOMEMLIMIT says otherwise. What scripts keep is
// bounded by themselves; this is for what they drop.
const softMemory = 192 << 20

// garbage is how much may be dropped, in percent of what is kept, before the
// collector starts: a command is short, and softMemory bounds it. GOGC sets
// another.
const garbage = 400

// Main runs the command that the program was called with, and exits.
func Main(more Parts) {
	if debug.SetMemoryLimit(-1) == math.MaxInt64 {
		debug.SetMemoryLimit(softMemory)
	}
	if plugin := len(os.Args) > 1 && os.Args[1] == "plugin"; !plugin && os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
	os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, app.Parts(more)))
}
