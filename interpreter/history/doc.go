// Package history reads the journal of a run: one fold of its events, for
// everybody who asks what happened in it.
//
// Events are a log; a question is about what they come to. Of folds a run's
// events into its effects (each with its intent, its attempts and its outcome,
// by place and in the order in which they settled), the steps that they stand
// in, what is open, the questions that nobody has answered, and how the run
// stands: its status, rollbacks that were asked for, registered and begun.
//
//	events ── Of ──► History ─► Effects, At, Order   a replay answers from these
//	                        ├─► Open, Questions      what people are asked about
//	                        ├─► Request, Attempts    what a walk goes on with
//	                        └─► Steps                where in the runbook it is
//
// A run that is under way is followed with Add. Tell folds in full, for readers: an
// Account also has when steps were left, what gates measured, who said what. What one event says alone, such
// as a line of the log, needs no fold.
package history
