// Package files declares looking at the runner's files and keeping copies of
// them, as after an incident.
//
// # The model
//
// It holds the files that a scenario names, with their text or hash, and what dry
// runs have read of real ones. Archives are remembered by their path and the key
// of the call, so that nobody's file is taken for one's own.
//
//   - ops.go         what backends keep to
//   - line.go        lines as a search returns them, and their times
//   - model.go       Model
//   - invariants.go  what has to hold: what is removed was archived whole
package files
