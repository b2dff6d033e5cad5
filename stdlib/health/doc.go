// Package health declares looking at services: single reads, and the
// composites that wait for health or watch it. What was not measured is never
// healthy.
//
// # The model
//
// A target measures what the scenario says: constants, a timeline, or functions of
// the world; of one that nobody declared it is assumed that it is well. It may turn
// bad, or not be measurable any more (fault kinds). In a what-if it measures what
// the record has of that time since the start.
//
//   - ops.go    what backends keep to
//   - metric.go, threshold.go, compare.go  what a gate holds, and how
//   - silence.go  silences of alerts
//   - gate.go   the composite health.wait
//   - watch.go  the composite health.watch
//   - model.go  Model
//   - past.go   what a finished run has seen
package health
