// Package deploy declares bringing versions to environments and regions. A
// release takes no traffic before it is activated, and stays until it is
// decommissioned; what served before goes on serving until then. All writes are
// observed by asking for the status.
//
// # The model
//
// Each environment of each region has at most one release, the one before it and
// the one that serves, and goes from absent to released to active. What a call would have to invent
// (a version that nobody declared) is assumed, and said.
//
//   - ops.go         what backends keep to
//   - model.go       Model; fleet.go, a place of several hosts
//   - invariants.go  what has to hold: a failed run leaves in service what was
package deploy
