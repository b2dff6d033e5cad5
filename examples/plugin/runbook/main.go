// This is runbook with the module flags built in, so that rehearsals know it.
package main

import (
	"example.org/flagdir/flags"
	"github.com/q-ecosystem/runbook/cmd/runbook/program"
	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func main() { program.Main(program.Parts{Modules: []effect.Module{flags.Module()}}) }
