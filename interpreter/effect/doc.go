// Package effect holds the words that every other package speaks: what an
// effect is, how it is declared, and the one interface through which all
// effects pass.
//
// # The machine in one page
//
// A runbook is a Lua script. Whatever it does beyond computing (moving
// traffic, reading a metric, sleeping, asking a person) is an effect, and
// every effect travels the same way:
//
//	Lua script ─ script binding ─ replay.Recorder ⇄ journal
//	                                   │ not recorded yet
//	                                   ├─ control   (sleep, now, approve: the engine itself)
//	                                   └─ plugins/host ─ plugin process ─ real system
//	                                or    simulate.World (faults, virtual clock)
//
// Each box in that picture is a [Handler]. A live run, a replay, a dry run
// and an exploration differ only in which Handlers are stacked; the script
// cannot tell which.
//
//   - [Op] declares an effect: its module and name, its arguments, its class
//     and its recovery. It is data; argument checks, documentation, dry-run
//     behaviour and crash behaviour all come from it.
//   - [Class] says what an effect may do to the world: read, write, or
//     something that cannot be taken back.
//   - [Recovery] says what to do when an effect was begun and nobody knows
//     whether it happened.
//   - [Call] is one effect under way: an op, checked arguments, and its place
//     in the run.
//   - [Result] and [Error] are its two recorded outcomes. A [Stop] is no
//     outcome: it ends the script where it stands, and no Lua construct can
//     catch it.
//   - [Composite] is a loop of effects that looks like one op to the script.
//
// # Values
//
// Arguments and results are plain data: nil, bool, float64, string, []any,
// map[string]any, and [Secret]. Durations are seconds, percentages are
// percent (0.1 means 0.1%), sizes are bytes; the texts "15m", "0.1%" and
// "10MiB" are parsed where the declared [Type] of a [Field] says so.
// [Encode] and [Decode] carry values to canonical JSON and back: equal values
// give equal bytes, which is what replay compares.
//
// This package imports the standard library only.
package effect
