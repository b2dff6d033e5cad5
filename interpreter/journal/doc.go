// Package journal keeps the append-only record of runs in one SQLite file. It
// is the only importer of database/sql.
//
// # What stands where
//
// Each run has a chain of events. A row's hash is SHA-256 over the hash before
// it and its own columns, so a row that is edited, removed or moved shows. The
// runs table beside it is what is needed at once: status, lease, epoch, and the
// newest event when the row was written, which shows a tail that was cut off.
// Rows that change (runs, locks) are sealed with a keyed digest instead; the
// key stands beside the database in PATH.key. [DB.Verify] checks all of it.
//
// # Who may write
//
// One process carries a run on: it holds the lease, for [LeaseTTL] after each
// [Writer.Renew]. Taking the run over raises its epoch. The statement that
// inserts an event checks the epoch and the lease itself, so a runner that lost
// its run, or slept past its lease, writes nothing more. People do not need the
// lease to be heard: [DB.Post] appends an answer or a cancellation, and the
// runner receives it through [Writer.News].
//
// # When it is on disk
//
// What a method has returned is on disk: WAL with synchronous=FULL, one fsync a
// commit. Writes do not stop when their context is canceled, since what has
// happened must be recorded while a run is being stopped; they wait at most
// [busyTimeout] for another process's commit. Reads do stop.
package journal
