// Package rehearse walks runbooks through simulated worlds: for the program's
// commands, for `runbook test`, and for whoever embeds the engine.
//
// # The machine
//
// A rehearsal is an interpreter.Walk with another stack: the memory of the
// Runner in place of a journal, a simulate.World in place of plugins, a
// simulate.Timeline in place of the wall clock, and the fault injector above
// both.
//
//	Scenario ─┐ what the run meets: the starting state, answers, faults
//	Live     ─┼─ Rehearsal ─ Runner ─ simulate.World
//	Past     ─┘      └─ Result ─ simulate.Plan
//
// New makes a Rehearsal of a script and a Scenario; with Live it is a dry run,
// whose world is first read from real systems. Past takes the record of a
// finished run for a world: another script in it is a WhatIf. The Runner
// carries a run from its start to its end: it resumes it after a crash,
// resolves for the operator and tries a failed rollback again.
//
//   - rehearsal.go  Rehearsal, Options, Live, Result
//   - runner.go     Runner and the memory that it keeps for a journal
//   - film.go       runs that go on from moments of another; scene.go and passing.go its gates
//   - pair.go       two runs at once, in one world
//   - scenario.go   Scenario; parse.go and faults.go read one
//   - whatif.go     WhatIf
//   - past.go       Past; past_recall.go is the model of a module that
//     does not remember by itself
package rehearse
