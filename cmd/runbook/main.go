// Runbook carries operations runbooks out: Lua scripts whose effects are
// journaled, replayed and proven.
package main

import "github.com/q-ecosystem/runbook/cmd/runbook/program"

func main() { program.Main(program.Parts{}) }
