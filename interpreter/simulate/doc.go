// Package simulate gives runbooks a world to be rehearsed in.
//
// A [World] is a Handler that carries effects out on models instead of real
// systems; a [Timeline] is the virtual clock by which they take time, so that
// a deployment of a day is rehearsed in milliseconds; an [Injector] puts a
// Handler above both that lets faults happen at named places. The script
// cannot tell the difference.
//
// An [Explorer] runs a script under many schedules of faults, resumes it as
// an operator would, and holds invariants against what became of the world.
//
// A [PairExplorer] lets two runs take place at once, in two views of one World
// ([World.Beside]) on one clock, in every order of what touches the same.
//
// No module is known by name here: its model, the kinds of faults that the
// model knows of and the invariants that have to hold come with the
// [effect.Module], whoever wrote it.
//
// # Determinism
//
// Everything here is a function of the script, the starting world, the
// schedule and the seed. Parallel branches wait in the Timeline; when all of
// them wait, the one that is due first (by time, then by place) goes on.
package simulate
