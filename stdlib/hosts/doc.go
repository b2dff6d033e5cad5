// Package hosts declares work on machines: commands, files and services, on
// one host or on many, which are named by an inventory.
//
// # The model
//
// A set of hosts with files and services; commands do what the scenario says of
// them. The first of the hosts of a call may be out of reach, be lost after the
// request was sent, or fail and stay down (fault kinds).
//
//   - ops.go         what backends keep to
//   - choose.go      which hosts a call is about: by name, group and label
//   - model.go       Model; acts.go carries ops out on one host
//   - learn.go       what a dry run asks the real ones
//   - faults.go      the fault kinds
//   - invariants.go  what has to hold: no two hosts of a group are without service at once
package hosts
