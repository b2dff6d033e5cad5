// Package script runs Lua and hands what leaves it, its effects, to an
// effect.Handler. It is the only importer of gopher-lua, and knows nothing of
// journals, plugins or people.
//
// # The machine in one page
//
//   - A [Script] is compiled source and one Lua state. Run takes it through its
//     main chunk; RunRollback later takes it through what it registered. Each
//     of these is an execution.
//   - An execution consists of branches: the main chunk, and what parallel{} starts.
//     A branch is a goroutine that runs Lua while it holds the turn and waits
//     for effects without it.
//   - The turn goes to whoever is first in line, and the line is ordered by
//     the outcomes of effects (Call.Settled). So what branches do to each
//     other's variables is a function of that order, and a replay that settles
//     in the recorded order sees the same.
//   - An effect has an effect.Place: "7", in a branch "7.a.2", in a composite
//     "7.3".
//     Places count effects where they are called, so they are the same in every
//     run that takes the same way. Marks (steps, log lines) count apart: "~3".
//   - A protected call (pcall, step, retry) runs on a Lua thread of its own,
//     which an error destroys. gopher-lua would otherwise cut variables off
//     from the closures that share them.
//   - A stop ends goroutines by runtime.Goexit, which no Lua construct can
//     catch, and every function of the host looks first whether there was one.
//   - A meter watches time and memory while Lua computes.
//
// Scripts see what library.go opens: no clock, no files, no code made at run
// time, no addresses, nothing that differs from one run to the next.
//
// Package check finds mistakes without running anything; internal/syntax reads
// text, and internal/language says what there is beyond Lua, for both.
package script
