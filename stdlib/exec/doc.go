// Package exec declares running a program that a team already has. Its class
// is what the caller says; a program about which nothing is said counts as
// irreversible and is never repeated without asking.
//
// # The model
//
// It runs nothing. What a command returns is what the scenario says of the longest
// beginning of its line; of one that nobody declared it is assumed that it works.
// What such a write changes, nobody knows: explorations count it as opaque.
//
//   - ops.go         what backends keep to
//   - model.go       Model
//   - invariants.go  what has to hold: a command that may run twice says what is to be
package exec
