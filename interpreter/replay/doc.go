// Package replay makes a run survive its runner. Its Recorder is the Handler
// that stands between the script and the world: an effect that the journal
// already holds is answered from there; a new one is recorded, carried out by
// the next Handler, and its outcome recorded.
//
// # Rules
//
//   - A read is recorded once, after. A write is recorded twice: its intent
//     before the next Handler is called, its outcome after.
//   - Nothing leaves the process before what it may depend on is on disk.
//   - Values (the time, random numbers), marks (steps, log lines) and outcomes
//     wait for the next commit, as below.
//   - An effect is recognised by its place. Op and canonical arguments must
//     agree with what is recorded there, or the run has diverged and stops.
//   - No new effect starts before every recorded outcome has been claimed by
//     the script: a divergence is found before anything is done.
//   - An intent without an outcome is settled by the op's recovery: sent again
//     with the same key, asked of the backend, asked of the operator, or
//     forgone.
//   - A rollback that is asked for cuts the main chunk, in each branch before
//     the first effect that had not begun: see [Recorder.Cut]. Writes that were
//     begun are settled; one that was not applied is not sent then. Sleeps and
//     questions under way end.
//   - A secret is in the journal as its digest, and so is it for a script that
//     is replayed. What is carried out with it needs it: then, and before anything
//     else is carried out, the read is made once more (effect.VerbRecall), of the
//     version that was read (effect.Op.Recall). A secret that is needed and
//     cannot be had is a [SecretError]; so is one that could be shown, unless it was
//     ended (effect.CodeGone). The effects of a rollback are carried out with
//     their texts withheld then (effect.Call.Withhold).
//   - Outcomes settle in the journal's order, live and in replay, which makes
//     the schedule of parallel branches the same in both.
package replay
