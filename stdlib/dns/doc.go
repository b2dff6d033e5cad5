// Package dns declares changes of records. A record set is all values of one
// name and type; writes are about the whole set and absolute. Values are
// written as in a zone file, names whole, with or without the dot at their end;
// they are compared and returned in one form, see Canonical.
//
// # The model
//
// Zones hold record sets with their history, so that a resolver sees what it was
// told until its time to live has passed, negative answers too. Nothing stands
// beside a CNAME. Somebody else may change a set between a read and a write (a
// fault kind).
//
//   - ops.go         what backends keep to
//   - wait.go        the composite dns.wait
//   - failover.go    the composite dns.failover
//   - value.go       values in the one form in which they are compared
//   - model.go       Model; others.go is the fault kind
//   - invariants.go  what has to hold: changes under a lock, no race of branches
package dns
