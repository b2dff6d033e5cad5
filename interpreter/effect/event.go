package effect

import (
	"encoding/json"
	"time"
)

// Kind names what an event of the journal says. Kinds are strings for ever:
// old journals keep theirs.
type Kind string

const (
	RunCreated         Kind = "run.created"
	StatusChanged      Kind = "status.changed"
	SourceChanged      Kind = "source.changed"
	EffectIntended     Kind = "effect.intended"
	EffectDone         Kind = "effect.done"
	EffectFailed       Kind = "effect.failed"
	EffectObserved     Kind = "effect.observed" // the backend's word on an unknown outcome
	EffectResolved     Kind = "effect.resolved" // the operator's word, or the op's recovery
	TimerSet           Kind = "timer.set"       // the intent of a sleep
	QuestionAsked      Kind = "question.asked"  // the intent of an approve
	QuestionAnswered   Kind = "question.answered"
	StepEntered        Kind = "step.entered"
	StepLeft           Kind = "step.left"
	BranchLeft         Kind = "branch.left"
	CheckpointReached  Kind = "checkpoint.reached"
	RollbackRegistered Kind = "rollback.registered"
	RollbackRequested  Kind = "rollback.requested"
	RollbackStarted    Kind = "rollback.started"
	CancelRequested    Kind = "cancel.requested"
	Logged             Kind = "logged"
	Gated              Kind = "gated"
	Forked             Kind = "forked" // a run was forked from this one
)

// Kinds returns all kinds that this version of the program knows.
func Kinds() []Kind {
	return []Kind{RunCreated, StatusChanged, SourceChanged, EffectIntended, EffectDone, EffectFailed,
		EffectObserved, EffectResolved, TimerSet, QuestionAsked, QuestionAnswered, StepEntered, StepLeft,
		BranchLeft, CheckpointReached, RollbackRegistered, RollbackRequested, RollbackStarted,
		CancelRequested, Logged, Gated, Forked}
}

// Status says where a run stands.
type Status string

const (
	StatusRunning        Status = "running"
	StatusWaiting        Status = "waiting"     // for people
	StatusUnknown        Status = "unknown"     // for an operator to resolve an outcome
	StatusInterrupted    Status = "interrupted" // stopped in good order; resume goes on
	StatusRollingBack    Status = "rolling_back"
	StatusSucceeded      Status = "succeeded"
	StatusFailed         Status = "failed"
	StatusRolledBack     Status = "rolled_back"
	StatusRollbackFailed Status = "rollback_failed" // some rollbacks did not work
	StatusCanceled       Status = "canceled"
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
	Place string // of effects and marks: where in the script's course
	Body  Body
}

// Body is what an event says, in the form that is stored as JSON. Which
// members are set depends on the kind.
type Body struct {
	Op       string          `json:"op,omitempty"`
	Args     json.RawMessage `json:"args,omitempty"` // canonical, secrets sealed
	Class    Class           `json:"class,omitempty"`
	Recovery Recovery        `json:"recovery,omitempty"`
	Key      string          `json:"key,omitempty"`
	Attempt  int             `json:"attempt,omitempty"`
	Where    Position        `json:"where,omitzero"`
	Value    json.RawMessage `json:"value,omitempty"` // canonical
	Error    *Error          `json:"error,omitempty"`
	Outcome  string          `json:"outcome,omitempty"` // applied, not_applied, unknown, forgone; approved, denied
	Name     string          `json:"name,omitempty"`    // of a step, branch, checkpoint, source, lock; level of a log line
	Text     string          `json:"text,omitempty"`
	By       string          `json:"by,omitempty"`     // a person, as user@host
	Reason   string          `json:"reason,omitempty"` // in the person's words
	Status   Status          `json:"status,omitempty"`
	Run      string          `json:"run,omitempty"` // the other run of a fork
	Hash     string          `json:"hash,omitempty"`
}
