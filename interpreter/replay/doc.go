// Package replay makes a run survive its runner. Its Recorder is the Handler
// that stands between the script and the world: an effect that the journal
// already holds is answered from there; a new one is recorded, carried out by
// the next Handler, and its outcome recorded.
//
// # Rules
//
//   - A read is recorded with one commit, after. A write is recorded twice:
//     its intent before the next Handler is called, its outcome after.
//   - Values (the time, random numbers) and marks (steps, log lines) wait for
//     the next commit. Nothing leaves the process before the values that it
//     may depend on are on disk.
//   - An effect is recognised by its place. Op and canonical arguments must
//     agree with what is recorded there, or the run has diverged and stops.
//   - No new effect starts before every recorded outcome has been claimed by
//     the script: a divergence is found before anything is done.
//   - An intent without an outcome is settled by the op's recovery: sent again
//     with the same key, asked of the backend, asked of the operator, or
//     forgone.
//   - A walk that ends where a rollback was asked for settles the writes that
//     were begun first; one that was not applied is not sent then. Sleeps and
//     questions under way are left.
//   - Outcomes settle in the journal's order, live and in replay, which makes
//     the schedule of parallel branches the same in both.
package replay
