package rehearsal

import (
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// effectLine is an effect of a plan.
type effectLine struct {
	Type string `json:"type"`
	*simulate.Planned
}

// planLine is a plan without its effects, each of which had its line.
type planLine struct {
	Type string `json:"type"`
	*simulate.Plan
	Effects int `json:"effects" doc:"how many; each had its line"`
	Exit    int `json:"exit" doc:"the exit code: that of the run, or 1 if an invariant was broken"`
}

// differenceLine is a difference of two plans.
type differenceLine struct {
	Type string `json:"type"`
	*simulate.Difference
}

// whatIfLine ends the JSON stream of a backtest.
type whatIfLine struct {
	Type            string        `json:"type"`
	Run             string        `json:"run" doc:"its id"`
	Verdict         string        `json:"verdict" doc:"in words"`
	Did             effect.Status `json:"did" doc:"how the run ended"`
	Would           effect.Status `json:"would" doc:"how the script would have ended"`
	DidTake         float64       `json:"did_take" doc:"seconds"`
	WouldTake       float64       `json:"would_take" doc:"seconds"`
	DidRollBackAt   *float64      `json:"did_roll_back_at,omitempty" doc:"seconds after the start"`
	WouldRollBackAt *float64      `json:"would_roll_back_at,omitempty" doc:"likewise"`
	Assumed         []string      `json:"assumed,omitempty" doc:"what the record does not tell, in words"`
	Independent     []string      `json:"independent,omitempty" doc:"answers of the record, given again whatever the script had done"`
}

// exploredLine ends the JSON stream of an exploration.
type exploredLine struct {
	Type          string         `json:"type"`
	Schedules     int            `json:"schedules" doc:"how many were tried"`
	Alike         int            `json:"alike,omitempty" doc:"how many were not tried because others stand for them"`
	Outcomes      map[string]int `json:"outcomes" doc:"how many of them ended how"`
	Broken        int            `json:"broken" doc:"schedules that broke an invariant"`
	Accepted      []acceptedLine `json:"accepted,omitempty" doc:"findings that the runbook accepts"`
	Writes        int            `json:"writes" doc:"without a fault"`
	Opaque        int            `json:"opaque,omitempty" doc:"of them, those of which nobody said what they change"`
	Unseen        []string       `json:"unseen,omitempty" doc:"ops that some schedule came to and that could not be simulated"`
	Truncated     bool           `json:"truncated" doc:"not all was explored"`
	Left          int            `json:"left,omitempty" doc:"schedules that were not tried"`
	LeftPairs     bool           `json:"left_pairs,omitempty" doc:"nor any further pair of faults"`
	LeftWhy       string         `json:"left_why,omitempty" doc:"limit, time, interrupted"`
	Took          float64        `json:"took" doc:"seconds"`
	WorstRecovery float64        `json:"worst_recovery,omitempty" doc:"seconds"`
	WorstSchedule string         `json:"worst_schedule,omitempty" doc:"of that"`
}

// trialLine is one schedule as --json prints it.
type trialLine struct {
	Type     string               `json:"type"`
	Schedule string               `json:"schedule" doc:"its id, as --schedule takes it"`
	Status   effect.Status        `json:"status"`
	Took     float64              `json:"took" doc:"seconds"`
	Recovery float64              `json:"recovery,omitempty" doc:"seconds"`
	Broken   []brokenLine         `json:"broken" doc:"invariants that did not hold"`
	Accepted []brokenLine         `json:"accepted,omitempty" doc:"findings that the runbook accepts"`
	Again    string               `json:"again" doc:"the command that runs it again"`
	Timeline []simulate.TimedFact `json:"timeline" doc:"what the world saw"`
}

type brokenLine struct {
	Invariant string       `json:"invariant"`
	Message   string       `json:"message,omitempty"`
	Where     string       `json:"where,omitempty" doc:"the effect after which it did not hold"`
	Place     effect.Place `json:"place,omitempty"`
}

// pairedLine ends the JSON stream of an exploration of two runs at once.
type pairedLine struct {
	Type      string         `json:"type"`
	Orders    int            `json:"orders" doc:"how many were tried"`
	Conflicts int            `json:"conflicts" doc:"pairs of effects that touch the same"`
	Outcomes  map[string]int `json:"outcomes" doc:"how many orders ended how"`
	Broken    int            `json:"broken" doc:"orders that broke an invariant"`
	Accepted  []acceptedLine `json:"accepted,omitempty" doc:"findings that a runbook accepts"`
	Locks     []string       `json:"locks,omitempty" doc:"that both runs take"`
	Opaque    int            `json:"opaque,omitempty" doc:"writes of which nobody said what they change"`
	Apart     int            `json:"apart,omitempty" doc:"orders in which what both change was not compared, for at another time they end otherwise"`
	Truncated bool           `json:"truncated" doc:"not all was explored"`
	Left      int            `json:"left,omitempty" doc:"orders that are known and were not tried"`
	LeftWhy   string         `json:"left_why,omitempty" doc:"limit, time, interrupted"`
}

// pairLine is one order of two runs as --json prints it.
type pairLine struct {
	Type     string         `json:"type"`
	After    float64        `json:"after" doc:"seconds from the beginning of the first run to that of the second"`
	Outcome  string         `json:"outcome" doc:"how both ended, in words"`
	Took     float64        `json:"took" doc:"seconds"`
	Broken   []brokenLine   `json:"broken" doc:"invariants that did not hold"`
	Accepted []brokenLine   `json:"accepted,omitempty" doc:"findings that the runbook accepts"`
	Again    string         `json:"again" doc:"the command that runs it again"`
	Timeline []pairFactLine `json:"timeline" doc:"what both changed, and what failed"`
}

type pairFactLine struct {
	Run int `json:"run" doc:"1 or 2"`
	simulate.TimedFact
}

// Lines describes what these commands print with --json.
func Lines() []app.Line {
	plans := map[string]string{"at": "seconds since the start", "took": "seconds", "fact": "what its outcome rests on", "changes": "what the world makes of it", "fault": "that struck it",
		"step": "the steps that it stands in", "args": "secrets as digests"}
	return []app.Line{
		{Type: "effect", From: []string{"run", "simulate"}, Doc: "An effect of a rehearsed run (of run with --dry-run).", Shape: effectLine{}, Notes: plans},
		{Type: "plan", From: []string{"run", "simulate"}, Doc: "The rehearsed run; the last line.", Shape: planLine{}, Notes: map[string]string{
			"version": "of the plan's form", "script": "the main file", "sources": "SHA-256 by file", "took": "seconds", "rollback_at": "seconds since the start",
			"touches": "what of which module is touched", "approvals": "what people are asked", "assumed": "what nobody said, in words", "unread": "reads of real systems that failed", "broken": "invariants that did not hold"}},
		{Type: "difference", From: []string{"diff", "replay"}, Doc: "In what two plans, or a run and a script, differ.", Shape: differenceLine{}, Notes: map[string]string{
			"kind": "head, added, removed, changed, shifted", "text": "of the plan as a whole", "shift": "by how many seconds all moves from here on"}},
		{Type: "what-if", From: []string{"replay"}, Doc: "What a script would have done in the world that a run met; the last line.", Shape: whatIfLine{}},
		{Type: "schedule", From: []string{"explore"}, Doc: "A schedule that broke an invariant.", Shape: trialLine{}},
		{Type: "explored", From: []string{"explore"}, Doc: "What was explored; the last line.", Shape: exploredLine{}},
		{Type: "order", From: []string{"explore"}, Doc: "An order of two runs at once (explore with --with) that broke an invariant.", Shape: pairLine{}},
		{Type: "explored_pair", From: []string{"explore"}, Doc: "What was explored of two runs at once; the last line.", Shape: pairedLine{}},
		{Type: "test", From: []string{"test"}, Doc: "A test.", Shape: testLine{}},
		{Type: "test_error", From: []string{"test"}, Doc: "Why a file of tests could not be run to its end.", Shape: testErrorLine{}},
		{Type: "coverage", From: []string{"test"}, Doc: "What of a file the tests came to.", Shape: coverageLine{}},
		{Type: "tests", From: []string{"test"}, Doc: "What became of all; the last line.", Shape: testsLine{}},
	}
}
