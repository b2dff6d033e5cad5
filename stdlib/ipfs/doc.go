// Package ipfs declares the care of content on IPFS nodes. Content is named by
// its hash (CID), so that all writes may safely be said twice.
//
// # The model
//
// Content can be had as long as somebody provides all of it; nodes pin it, archives
// hold it. What nobody declared is assumed to be provided by others.
//
//   - ops.go         what backends keep to
//   - restore.go     the composite ipfs.restore
//   - model.go       Model
//   - invariants.go  what has to hold: the last copy of content is kept
package ipfs
