// Package secrets declares the use and the exchange of secrets in a store. The
// store keeps versions: rotating makes a new one and leaves the old valid,
// revoking ends one. A value reaches the script as an object that can be
// passed on and not be looked at.
//
// # The model
//
// A store of secrets with their versions. Values are made up, and never in State.
//
//   - ops.go         what backends keep to
//   - model.go       Model
//   - invariants.go  what has to hold: some version is valid, and an exchanged secret in
//     one version
package secrets
