package effect

import (
	"encoding/json"
	"time"
)

// Kind names what an event of the journal says. Kinds are strings for ever:
// old journals keep theirs.
type Kind string

// Kinds of events. Those of effects stand at the effect's place; marks (steps,
// branches, checkpoints, registrations, log lines, gates) have places of their
// own; the others have none.
const (
	RunCreated         Kind = "run.created"         // the first; sources, parameters and locks stand beside the events
	StatusChanged      Kind = "status.changed"      // by a walk's beginning or end, or a person; why, where it failed
	SourceChanged      Kind = "source.changed"      // a file was pinned or replaced, or the environment was
	EffectIntended     Kind = "effect.intended"     // a write is about to leave: op, arguments, key, attempt
	EffectDone         Kind = "effect.done"         // its value; of a read or a value the only event
	EffectFailed       Kind = "effect.failed"       // its error; of a read the only event
	EffectObserved     Kind = "effect.observed"     // the backend's word on an unknown outcome
	EffectResolved     Kind = "effect.resolved"     // the operator's word, or the op's recovery
	TimerSet           Kind = "timer.set"           // the intent of a sleep
	QuestionAsked      Kind = "question.asked"      // the intent of an approve, a checklist, a choice
	QuestionAnswered   Kind = "question.answered"   // one person's word; the question's outcome follows by itself
	StepEntered        Kind = "step.entered"        // its name
	StepLeft           Kind = "step.left"           // its name, and whether it failed
	ParallelStarted    Kind = "parallel.started"    // its options; journals of earlier versions have none
	BranchLeft         Kind = "branch.left"         // with the outcome "stopped", if one beside it failed; "exhausted", of a rollback that took too much
	CheckpointReached  Kind = "checkpoint.reached"  // its name: a run can be forked from there
	RollbackRegistered Kind = "rollback.registered" // by on_rollback
	RollbackRequested  Kind = "rollback.requested"  // by a person; not carried out yet
	RollbackStarted    Kind = "rollback.started"    // once for each attempt
	CancelRequested    Kind = "cancel.requested"    // by a person; not carried out yet
	Logged             Kind = "logged"              // a line of the script's own: level and text
	Gated              Kind = "gated"               // what a gate measured and what that means
	Forked             Kind = "forked"              // a run was forked from this one
	RecordAccepted     Kind = "record.accepted"     // a person goes on from a record that was changed
)

// Kinds returns all kinds that this version of the program knows.
func Kinds() []Kind {
	return []Kind{RunCreated, StatusChanged, SourceChanged, EffectIntended, EffectDone, EffectFailed,
		EffectObserved, EffectResolved, TimerSet, QuestionAsked, QuestionAnswered, StepEntered, StepLeft,
		ParallelStarted, BranchLeft, CheckpointReached, RollbackRegistered, RollbackRequested, RollbackStarted,
		CancelRequested, Logged, Gated, Forked, RecordAccepted}
}

// Status says where a run stands.
type Status string

// Statuses of runs. The last five, those that Terminal reports, are ends.
const (
	StatusRunning        Status = "running"         // or its runner died, which the lease shows
	StatusWaiting        Status = "waiting"         // for people
	StatusUnknown        Status = "unknown"         // for an operator to resolve an outcome
	StatusInterrupted    Status = "interrupted"     // stopped in good order; resume goes on
	StatusRollingBack    Status = "rolling_back"    // on_rollback's functions run, newest first
	StatusSucceeded      Status = "succeeded"       // the script came to its end
	StatusFailed         Status = "failed"          // and nothing is rolled back
	StatusRolledBack     Status = "rolled_back"     // all rollbacks worked
	StatusRollbackFailed Status = "rollback_failed" // some rollbacks did not work
	StatusCanceled       Status = "canceled"        // by a person; nothing was rolled back
)

// Terminal reports whether a run in this status has ended; it holds no lease
// and no locks then.
func (s Status) Terminal() bool {
	switch s {
	case StatusSucceeded, StatusFailed, StatusRolledBack, StatusRollbackFailed, StatusCanceled:
		return true
	}
	return false
}

// Event is one row of a run's journal.
type Event struct {
	Seq   int64     // 1 for the first; given by the journal
	At    time.Time // UTC, nanoseconds
	Epoch int64     // which runner wrote it; given by the journal
	Kind  Kind
	Place Place // of effects and marks: where in the script's course
	Body  Body
}

// Body is what an event says, in the form that is stored as JSON. Which
// members are set depends on the kind.
type Body struct {
	Op       string          `json:"op,omitempty"`
	Args     json.RawMessage `json:"args,omitempty"` // canonical, secrets as digests
	Class    Class           `json:"class,omitempty"`
	Recovery Recovery        `json:"recovery,omitempty"`
	Key      string          `json:"key,omitempty"`
	Attempt  int             `json:"attempt,omitempty"`
	Where    Position        `json:"where,omitzero"`
	Value    json.RawMessage `json:"value,omitempty"` // canonical
	Error    *Error          `json:"error,omitempty"`
	Outcome  string          `json:"outcome,omitempty"` // applied, not_applied, unknown, forgone; approved, denied; stopped, exhausted
	Name     string          `json:"name,omitempty"`    // of a step, branch, checkpoint, source, lock; level of a log line
	Text     string          `json:"text,omitempty"`
	By       string          `json:"by,omitempty"`     // a person, as user@host
	User     string          `json:"user,omitempty"`   // the operating system's user behind By
	Via      string          `json:"via,omitempty"`    // how it is known that By answers: see Identity
	Roles    []string        `json:"roles,omitempty"`  // that By has
	Reason   string          `json:"reason,omitempty"` // in the person's words
	Status   Status          `json:"status,omitempty"`
	Run      string          `json:"run,omitempty"`    // the other run of a fork
	Origin   string          `json:"origin,omitempty"` // the id that the script sees, where that is not the run's own
	Hash     string          `json:"hash,omitempty"`
}
