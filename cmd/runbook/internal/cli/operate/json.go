package operate

import (
	"encoding/json"
	"time"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
)

// callLine tells of an effect under way; it is not recorded.
type callLine struct {
	Type  string       `json:"type"` // "started", "progress", "note"
	Run   string       `json:"run" doc:"its id"`
	At    time.Time    `json:"at"`
	Place effect.Place `json:"place,omitempty" doc:"of the effect"`
	Op    string       `json:"op,omitempty" doc:"of the effect"`
	Text  string       `json:"text,omitempty" doc:"what it says"`
}

// beginLine tells the id of a run that is carried on.
type beginLine struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// outcomeLine ends the stream of a run.
type outcomeLine struct {
	Type     string        `json:"type"`
	Run      string        `json:"run" doc:"its id"`
	Status   effect.Status `json:"status" doc:"succeeded, failed, rolled_back, rollback_failed, canceled, waiting, unknown, interrupted"`
	Exit     int           `json:"exit" doc:"the exit code"`
	Replayed int           `json:"replayed" doc:"how many effects the record answered"`
	Live     int           `json:"live" doc:"how many were carried out"`
	Error    *failureLine  `json:"error,omitempty" doc:"why it did not succeed"`
	Left     []standLine   `json:"left,omitempty" doc:"what a run that stopped half way has set"`
	Next     string        `json:"next,omitempty" doc:"what to do now; commands stand at the end of a line"`
}

// standLine is a write that nothing has followed.
type standLine struct {
	Op      string          `json:"op"`
	Args    json.RawMessage `json:"args,omitempty"`
	Place   effect.Place    `json:"place"`
	Where   effect.Position `json:"where,omitzero"`
	Outcome string          `json:"outcome" doc:"done, failed, unknown"`
	At      time.Time       `json:"at"`
}

func standLines(list []history.Stand) []standLine {
	var lines []standLine
	for _, w := range list {
		how, at := view.StandOutcome(w)
		lines = append(lines, standLine{w.Op, w.Args, w.Place, w.Where, how, at})
	}
	return lines
}

// failureLine is why a run did not succeed.
type failureLine struct {
	Message string          `json:"message"`
	Code    effect.Code     `json:"code,omitempty"`
	Op      string          `json:"op,omitempty"`
	Where   effect.Position `json:"where,omitzero"`
	Hint    string          `json:"hint,omitempty"`
}

// decisionLine is what a person's word has come to.
type decisionLine struct {
	Type     string       `json:"type"` // "answer", "resolution", "cancellation", "rollback"
	Run      string       `json:"run" doc:"its id"`
	Place    effect.Place `json:"place,omitempty" doc:"of the question or the effect"`
	Title    string       `json:"title,omitempty" doc:"of the question"`
	Op       string       `json:"op,omitempty" doc:"of the effect"`
	By       string       `json:"by" doc:"who said it"`
	Item     int          `json:"item,omitempty" doc:"the number of the checklist's item"`
	Outcome  string       `json:"outcome,omitempty" doc:"approved, denied; done, failed, not_applicable; a choice; applied, not_applied, failed; requested, canceled, or the run's status"`
	Changed  bool         `json:"changed" doc:"false if the same was said before"`
	Carried  bool         `json:"carried" doc:"whether a living runner was told"`
	WaitsFor []waitLine   `json:"waits_for,omitempty" doc:"what that runner finishes first"`
}

// waitLine is an effect under way. Until is when its own time is up, and Cut when
// it is cut short if it shows no sign of life.
type waitLine struct {
	Place effect.Place    `json:"place"`
	Op    string          `json:"op"`
	Where effect.Position `json:"where,omitzero"`
	Since time.Time       `json:"since"`
	Until time.Time       `json:"until,omitzero" doc:"when its own time is up"`
	Cut   time.Time       `json:"cut,omitzero" doc:"when it is cut short if it shows no sign of life"`
}

// Lines describes what these commands print with --json.
func Lines() []app.Line {
	live := app.Carrying()
	return []app.Line{
		{Type: "run", From: live, Doc: "The run that is carried on.", Shape: beginLine{}},
		{Type: "started", From: live, Doc: "An effect is about to leave. It is not recorded by this line.", Shape: callLine{}},
		{Type: "progress", From: live, Doc: "A line of an effect under way. It is not recorded.", Shape: callLine{}},
		{Type: "note", From: live, Doc: "What the run waits for.", Shape: callLine{}},
		{Type: "outcome", From: live, Doc: "What became of the run; the last line.", Shape: outcomeLine{}},
		{Type: "answer", From: []string{"approve", "deny", "check-off", "decide"}, Doc: "An answer to what a run asks.", Shape: decisionLine{}},
		{Type: "resolution", From: []string{"resolve"}, Doc: "What happened to an effect whose outcome was unknown.", Shape: decisionLine{}},
		{Type: "cancellation", From: []string{"cancel"}, Doc: "A run was told to end where it stands.", Shape: decisionLine{}},
		{Type: "rollback", From: []string{"rollback"}, Doc: "A run that a living runner carries was told to roll back.", Shape: decisionLine{}},
	}
}
