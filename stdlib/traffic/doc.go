// Package traffic declares how requests are divided among the servers of a
// pool, which are named as the configuration of the backend names them: blue,
// green. Weights are percentages. All writes are absolute, so that saying them
// twice is harmless, and are observed by reading the proxy.
//
// # The model
//
// A proxy keeps weights as whole numbers, takes servers out when they are down,
// drains them, lets them come up slowly, and is reloaded behind the run's back (the
// fault kind drift). Backups share requests only when nobody else can. What a run
// has set has to stay so: the module declares it as its desired state, which gates
// hold against what they read. In a what-if the shares begin as the record has
// them, and others set what they set then.
//
//   - ops.go         what backends keep to
//   - desired.go     what a run has set, and in what traffic is not that
//   - model.go       Model: pools by name; pool.go is one pool
//   - sessions.go    connections that are still under way at a server
//   - foreign.go     what somebody else sets meanwhile
//   - past.go        what a finished run has read and set
//   - invariants.go  what has to hold; taken.go and places.go are what they look at
package traffic
