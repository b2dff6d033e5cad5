// Package db declares the care of databases: backups, restores beside the live
// data, replication and schema. A database is one name of the configuration,
// with a primary and perhaps replicas; each of these is a node.
//
// A restore never touches live data: it makes a copy beside it, which can be
// validated and then swapped in. Swapping keeps what was live as a copy, so
// that it can be swapped back.
//
// # The model
//
// A database in the simulated world has nodes that lag, backups with logs that
// reach to a moment, a schema with a version, copies that hold what their backup
// held, and committed writes, which a promotion can lose. A copy may turn out to
// be damaged (a fault kind).
//
//   - ops.go         what backends keep to
//   - model.go       Model: databases by name
//   - database.go    one database; data.go restores it, content.go says what it holds
//   - damage.go      the fault kind
//   - invariants.go  what has to hold: no committed write lost, one primary, …
//   - time.go        moments as scripts write them
package db
