// Package simulate gives runbooks a world to be rehearsed in.
//
// A [World] is a Handler that carries effects out on models instead of real
// systems; a [Timeline] is the virtual clock by which they take time, so that
// a deployment of a day is rehearsed in milliseconds; a [Striker] is the
// Handler above both that lets faults happen at named places. The script
// cannot tell the difference.
//
// An [Explorer] runs a script under many schedules of faults, resumes it as
// an operator would, and holds invariants against what became of the world.
//
// # Determinism
//
// Everything here is a function of the script, the starting world, the
// schedule and the seed. Parallel branches wait in the Timeline; when all of
// them wait, the one that is due first (by time, then by place) goes on.
package simulate
