// Package secrets declares the use and the exchange of secrets in a store. The
// store keeps versions: rotating makes a new one and leaves the old valid,
// revoking ends one. A value reaches the script as an object that can be
// passed on and not be looked at.
//
// Of what ends by itself a store issues one more at each request: secrets.issue
// returns the lease by which its fields can be had until it is released, also by a
// run that goes on after a crash.
//
// # The model
//
// A store of secrets with their versions. Values are made up, and never in State.
//
//   - ops.go         what backends keep to
//   - model.go       Model
//   - lease.go       what it knows of what was issued
//   - invariants.go  what has to hold: some version is valid, and an exchanged secret in
//     one version; left.go, stale.go and turn.go hold more
package secrets
