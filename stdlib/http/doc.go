// Package http declares one request. What it may do to the world follows from
// its method, unless the caller knows better: GET, HEAD and OPTIONS read; PUT
// and DELETE may be sent twice, POST and PATCH may not; what DELETE and POST
// do cannot be taken back.
//
// # The model
//
// It sends nothing. A response is what the scenario says of the longest beginning
// of method and URL; a request may be accepted and come to nothing (a fault kind).
//
//   - ops.go         what backends keep to
//   - json.go        JSON as it goes on the wire
//   - model.go       Model
//   - invariants.go  what has to hold: a request that is sent again says that it is the same
package http
