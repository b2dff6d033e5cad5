// Package interpreter is the engine: it starts runs, carries them on, rolls
// them back, and takes the decisions of people.
//
// # The machine
//
// A run is a script walked from the top by one goroutine (and one more for
// each parallel branch). Every effect of the script passes through a stack of
// Handlers:
//
//	script ─ replay.Recorder ─ watching ─┬─ control          sleep, now, approve
//	             ⇅                       └─ redacting ─ world plugins/host, or a simulation
//	          journal
//
// Engine.Start creates the run and walks it; Engine.Resume walks it again,
// answered by the journal as far as that goes. They differ in nothing else. A
// walk ends with an Outcome: the status that was recorded, why, and what goes
// on from there.
//
// A program of one's own embeds it: the example of package rehearse declares a
// module, dry-runs a script, starts it and resumes it.
//
// A Walk takes its Stack: the ledger that it is recorded in, the Handler for
// the world, the clock, what hears of it. A run, a read-only replay and a
// rehearsal (package rehearse) are walks with other stacks.
//
//   - engine.go    Engine, Options, Start, Resume
//   - stack.go     Walk, Stack, Ledger, Lease
//   - walk.go      one walk through one script
//   - rollback.go  the functions that on_rollback registered, newest first
//   - heartbeat.go the lease, renewed while a run is under way
//   - inbox.go     what others send to it meanwhile
//   - control.go   the effects that the engine itself carries out
//   - decide.go    answers, resolutions, cancellation: the operator's word
//   - fork.go, inspect.go  new runs from old ones; read-only walks
//   - pin.go       the script's files, recorded with the run
//   - redact.go, watch.go  Handlers of the stack
//
// # Stopping
//
// A run stops in good order when Options.Stopping is closed: writes under way
// are left to finish and are recorded, waits and reads are cut short. Ending
// the context stops at once; a write under way then has an unknown outcome,
// which the resume settles. So it is when another runner has taken the run
// over: what is under way here must not be applied behind its back.
package interpreter
