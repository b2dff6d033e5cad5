// Package journal keeps the append-only record of runs in one SQLite file. It
// is the only importer of database/sql.
//
// # What stands where
//
// Each run has a chain of events. A row's hash is SHA-256 over the hash before
// it and its own columns, so a row that is edited, removed or moved shows. The
// runs table beside it is what is needed at once: status, lease, epoch, and the
// newest event, which shows a tail that was cut off. Rows that change (runs,
// locks) carry a keyed digest instead (column seal); the key stands beside the
// database in PATH.key. [DB.Verify] checks all of it.
//
// # Who may write
//
// One process carries a run on: it holds the lease, for [LeaseTTL] after each
// append and each [Writer.Renew]. Taking the run over raises its epoch. An
// append advances the run's row from the state that the writer last saw, by its
// digest, in the same transaction: a runner that lost its run changes nothing
// more, and one whose lease ran out while nobody took the run goes on. People
// do not need the lease to be heard: [DB.Send] appends an answer or a
// cancellation, and the runner receives it through [Writer.Inbox].
//
// # What is trusted
//
// Nothing new vouches for what was changed. Whoever comes to a run anew
// ([DB.Acquire], [DB.Send], a fork) holds its whole record against its chain
// first; who holds it verifies each row that others added, up to the one that
// the run's row names. A record that is not as it was written is a
// [TamperedError]; [DB.Accept] records a person's word to go on, which
// [DB.Verify] repeats for ever.
//
// # When it is on disk
//
// What a method has returned is on disk: WAL with synchronous=FULL, one fsync a
// commit. Appends to several runs of one process that come while a commit waits
// for the disk share the next one; where one of them fails, each gets its own.
// Writes do not stop when their context is canceled, since what has
// happened must be recorded while a run is being stopped; they wait at most
// [busyTimeout] for another process's commit, or as long as [Writer.WhenBusy]
// lets them. Reads do stop. Before each write the files are compared with those
// that were opened: SQLite itself goes on with a deleted one.
package journal
