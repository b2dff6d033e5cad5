// Package notify declares telling people. A message whose outcome is unknown
// is neither repeated nor asked about: the run goes on. A page is known to its
// service by a key, so that saying it twice wakes nobody twice. What is published
// on a status page is asked for there: customers are not told twice.
//
// # The model
//
// It keeps what was sent, and answers pages as the scenario says. What is said in
// a message is held against what became of the run.
//
//   - ops.go         what backends keep to
//   - publish.go     the op for status pages
//   - escalate.go    the composite notify.escalate
//   - model.go       Model
//   - status_page.go the same of status pages
//   - invariants.go  what has to hold: what is announced is true
//   - published.go   the same of status pages
package notify
