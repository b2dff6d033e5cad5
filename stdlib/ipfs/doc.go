// Package ipfs declares the care of content on IPFS nodes. Content is named by
// its hash (CID), so that all writes may safely be said twice.
//
// # The model
//
// Content can be had as long as somebody holds all of it; nodes pin it, archives
// hold it. What a node unpins it still holds, and does not keep: nothing may rely
// on that. Where a scenario says nothing at all, content is assumed to be provided
// by others; where it says something, content of which it says nothing is not.
//
//   - ops.go         what backends keep to
//   - restore.go     the composite ipfs.restore
//   - model.go       Model
//   - invariants.go  what has to hold: the last copy of content is kept
package ipfs
