// Package deploy declares bringing versions to environments and regions. A
// release takes no traffic before it is activated, and stays until it is
// decommissioned; what served before goes on serving until then. All writes are
// observed by asking for the status.
//
// A job runs once, to its end, beside what serves. A node is a machine that a
// scheduler puts instances on: cordon keeps new ones away, drain moves those that
// run there elsewhere, and uncordon opens it again. drain wants a node that is
// cordoned, so that each op changes one thing, and one that fails leaves the node as
// it was.
//
// # The model
//
// Each environment of each region has at most one release, the one before it and
// the one that serves, and goes from absent to released to active. What a call would have to invent
// (a version that nobody declared) is assumed, and said.
//
//   - ops.go         what backends keep to
//   - model.go       Model; fleet.go, a place of several hosts
//   - scaled.go      how many instances run
//   - nodes.go       machines, and what runs on them
//   - job.go         jobs
//   - invariants.go  what has to hold: a failed run leaves in service what was;
//     stopped.go     nothing is stopped that is needed
package deploy
