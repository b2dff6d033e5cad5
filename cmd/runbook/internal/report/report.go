package report

import (
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Version is that of the form in which a report is written as JSON. It changes
// when a reader of the old form would be misled.
const Version = 1

// Kind says what a report is read for. It decides on the title, and on what is
// measured as recovery.
type Kind string

// Kinds of reports.
const (
	Deployment Kind = "deployment"
	Rollback   Kind = "rollback"
	Incident   Kind = "incident"
)

// Kinds returns all kinds.
func Kinds() []string { return []string{string(Deployment), string(Rollback), string(Incident)} }

// Report is one run, told. Times are UTC, durations seconds.
type Report struct {
	Version   int           `json:"version"`
	Kind      Kind          `json:"kind"`
	Made      time.Time     `json:"made"`
	Run       string        `json:"run"`
	Runbook   string        `json:"runbook"`
	Summary   string        `json:"summary,omitempty"` // what the runbook is for
	Script    string        `json:"script"`
	Env       string        `json:"env,omitempty"`
	Status    effect.Status `json:"status"`
	Ended     bool          `json:"ended"`
	Outcome   string        `json:"outcome"` // in a sentence
	Why       string        `json:"why,omitempty"`
	By        string        `json:"by"`
	Started   time.Time     `json:"started"`
	Last      time.Time     `json:"last"` // its end, or the newest event
	Took      float64       `json:"took"`
	Emergency string        `json:"emergency,omitempty"` // why it was begun outside of its calendar, and what people said
	Parent    string        `json:"parent,omitempty"`
	Successor string        `json:"successor,omitempty"`
	Params    []Pair        `json:"params"`
	Times     []Share       `json:"times"` // where the time went

	Recovery   *Recovery   `json:"recovery,omitempty"`
	Timeline   Timeline    `json:"timeline"`
	Levels     []Subject   `json:"levels"`
	Gates      []Gate      `json:"gates"`
	Approvals  []Approval  `json:"approvals"`
	Checklists []Checklist `json:"checklists"`
	Decisions  []Decision  `json:"decisions"`
	Failures   []Failure   `json:"failures"`
	Unknown    []Unknown   `json:"unknown"`
	Changes    []Change    `json:"changes"`
	Deviations []Deviation `json:"deviations"`
	Planned    bool        `json:"planned"` // the run was held to a plan
	Notes      []Note      `json:"notes"`
	Versions   []Versioned `json:"versions"`
	Record     Record      `json:"record"`
}

// Pair is a name and its value, as people read it.
type Pair struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Share is how long the run did one sort of thing, alone or beside others.
type Share struct {
	What    Activity `json:"what"`
	Seconds float64  `json:"seconds"`
}

// Recovery is how long it took until all was well again.
type Recovery struct {
	What    string    `json:"what"` // from what to what
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Seconds float64   `json:"seconds"`
	Target  float64   `json:"target,omitempty"` // 0 for none
	Done    bool      `json:"done"`             // all is well: the run succeeded, or took back what it had done
	Met     bool      `json:"met"`              // that, and in time; without a target, that alone
	// Verdict is "met" or "missed" by the target; "not reached" where the run ended
	// otherwise, and "open" where it may still come in time.
	Verdict string `json:"verdict,omitempty"`
}

// verdict holds a recovery against its target.
func (r *Recovery) verdict(ended bool) {
	late := r.Target > 0 && r.Seconds > r.Target
	r.Met = r.Done && !late
	switch {
	case ended && !r.Done:
		r.Verdict = "not reached"
	case late:
		r.Verdict = "missed"
	case !r.Done:
		r.Verdict = "open"
	case r.Target > 0:
		r.Verdict = "met"
	}
}

// Tone is how a verdict is marked: good, bad, or neither.
func (r *Recovery) Tone() string {
	switch r.Verdict {
	case "met", "":
		return "good"
	case "open":
		return "dim"
	}
	return "bad"
}

// Text says how long it took, and holds that against the target.
func (r *Recovery) Text() string {
	text := took(r.Seconds)
	if r.Target > 0 {
		text += " of " + took(r.Target)
	}
	if r.Verdict == "not reached" || r.Verdict == "open" {
		text += ", " + r.Verdict
	}
	return text
}

// Approval is a question to people, and what came of it.
type Approval struct {
	Place    effect.Place `json:"place"`
	Title    string       `json:"title"`
	Detail   string       `json:"detail,omitempty"`
	Asked    time.Time    `json:"asked"`
	Of       []string     `json:"of,omitempty"` // who may answer; anyone if empty
	Count    int          `json:"count"`
	Separate bool         `json:"separate"`
	Outcome  string       `json:"outcome"`
	Waited   float64      `json:"waited"`
	Answers  []Decision   `json:"answers"`
}

// Checklist is a list that people went through.
type Checklist struct {
	Place   effect.Place `json:"place"`
	Title   string       `json:"title"`
	Detail  string       `json:"detail,omitempty"`
	Asked   time.Time    `json:"asked"`
	Of      []string     `json:"of,omitempty"` // who may answer; anyone if empty
	Outcome string       `json:"outcome"`
	Waited  float64      `json:"waited"`
	Items   []Item       `json:"items"`
}

// Item is a line of a checklist with its answer, if it has one.
type Item struct {
	Text     string    `json:"text"`
	Outcome  string    `json:"outcome,omitempty"` // done, failed, not applicable
	At       time.Time `json:"at,omitzero"`
	By       string    `json:"by,omitempty"`
	User     string    `json:"user,omitempty"`
	Note     string    `json:"note,omitempty"`
	Evidence string    `json:"evidence,omitempty"` // the file's name
	SHA256   string    `json:"sha256,omitempty"`
}

// Decision is what somebody said about the run, or a backend about an outcome.
type Decision struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	User   string    `json:"user,omitempty"` // the account behind By, if it is another
	What   string    `json:"what"`
	Reason string    `json:"reason,omitempty"`
}

// Failure is an effect that failed, or a step that one ended.
type Failure struct {
	At    time.Time    `json:"at"`
	Place effect.Place `json:"place"`
	Step  string       `json:"step,omitempty"`
	What  string       `json:"what"`
	Where string       `json:"where,omitempty"`
	Code  effect.Code  `json:"code"`
	Text  string       `json:"text"`
}

// Unknown is an effect whose outcome nobody knew.
type Unknown struct {
	Place   effect.Place `json:"place"`
	What    string       `json:"what"`
	Where   string       `json:"where"`
	Began   time.Time    `json:"began"`
	Settled string       `json:"settled"` // how, or that it is open
	By      string       `json:"by,omitempty"`
	Reason  string       `json:"reason,omitempty"`
}

// Change is an effect that changed something, or may have.
type Change struct {
	At      time.Time    `json:"at"`
	Took    float64      `json:"took"`
	Place   effect.Place `json:"place"`
	Step    string       `json:"step,omitempty"`
	What    string       `json:"what"`
	Outcome string       `json:"outcome"`
	Attempt int          `json:"attempt"`
}

// Deviation is one thing in which the run was not as planned.
type Deviation struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
}

// Note is a line of the run's log.
type Note struct {
	At    time.Time `json:"at"`
	Level string    `json:"level"`
	Text  string    `json:"text"`
}

// Versioned is a thing that took part, as it was.
type Versioned struct {
	What    string `json:"what"`
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	SHA256  string `json:"sha256,omitempty"`
}

// Record says what the report rests on.
type Record struct {
	Events int      `json:"events"`
	Head   string   `json:"head"` // the hash of the newest event, in hex
	Intact bool     `json:"intact"`
	Faults []string `json:"faults,omitempty"`
	Export string   `json:"export,omitempty"` // the file that it was read from, in words; the journal otherwise
}
