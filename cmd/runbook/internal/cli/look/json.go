package look

import (
	"encoding/json"
	"time"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/report"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
)

// runLine is a run as --json prints it.
type runLine struct {
	Type      string          `json:"type"`
	ID        string          `json:"id"`
	Name      string          `json:"name" doc:"of the runbook"`
	Status    effect.Status   `json:"status" doc:"as it was recorded last"`
	Script    string          `json:"script,omitempty" doc:"the file"`
	Env       string          `json:"env,omitempty" doc:"the environment"`
	By        string          `json:"by,omitempty" doc:"who started it, as user@host"`
	Created   time.Time       `json:"created"`
	Updated   time.Time       `json:"updated"`
	Params    json.RawMessage `json:"params,omitempty" doc:"its parameters, secrets as references"`
	Parent    string          `json:"parent,omitempty" doc:"the run that it was forked from"`
	Successor string          `json:"successor,omitempty" doc:"the run that was forked from it last"`
	Holder    string          `json:"holder,omitempty" doc:"the process that took it"`
	Carried   bool            `json:"carried" doc:"whether a living runner holds it at this moment"`
	Ready     string          `json:"ready,omitempty" doc:"what people have said since it stopped for them: answered, resolved, expired; a resume goes on then"`
	Waits     []waitingLine   `json:"waits,omitempty" doc:"what it waits for people to say, with list"`
	Sleeps    []sleepingLine  `json:"sleeps,omitempty" doc:"the moments that it waits for, with list"`
}

func runLineOf(r journal.Run, ready string) runLine {
	line := runLine{Type: "run", ID: r.ID, Name: r.Name, Status: r.Status, Script: r.Script, Env: r.Env, By: r.By,
		Created: r.Created, Updated: r.Updated, Params: r.Params, Parent: r.Parent, Successor: r.Successor, Carried: app.Carried(r)}
	if !line.Carried {
		line.Ready = ready
	}
	if r.Holder != nil {
		line.Holder = r.Holder.String()
	}
	return line
}

// faultLine is a fault of a record.
type faultLine struct {
	Type string `json:"type"`
	Run  string `json:"run" doc:"its id"`
	Seq  int64  `json:"seq" doc:"of the event"`
	Line int    `json:"line,omitempty" doc:"of an export, from 1"`
	What string `json:"what"`
}

// auditLine ends the stream of a verification.
type auditLine struct {
	Type   string `json:"type"`
	Runs   int    `json:"runs" doc:"how many were looked at"`
	Events int    `json:"events" doc:"likewise"`
	Faults int    `json:"faults" doc:"how many were found"`
}

// replayLine is what a walk of the record has come to.
type replayLine struct {
	Type     string        `json:"type"`
	Run      string        `json:"run" doc:"its id"`
	Agrees   bool          `json:"agrees" doc:"true; where script and record part, the line is an error"`
	Replayed int           `json:"replayed" doc:"how many effects the record answered"`
	Status   effect.Status `json:"status"`
	Next     *nextLine     `json:"next,omitempty" doc:"what a resume would do first"`
}

// nextLine is an effect to come.
type nextLine struct {
	Op    string          `json:"op"`
	Place effect.Place    `json:"place"`
	Where effect.Position `json:"where"`
}

// reportLine is the report of a run.
type reportLine struct {
	Type string `json:"type"`
	*report.Report
}

// Lines describes what these commands print with --json.
func Lines() []app.Line {
	return []app.Line{
		{Type: "run", From: []string{"list", "show"}, Doc: "A run.", Shape: runLine{}},
		{Type: "finding", From: []string{"check"}, Doc: "What the static check found.", Shape: findingLine{}},
		{Type: "fault", From: []string{"audit verify"}, Doc: "A fault of a record.", Shape: faultLine{}},
		{Type: "audit", From: []string{"audit verify"}, Doc: "What was verified; the last line.", Shape: auditLine{}},
		{Type: "exported", From: []string{"audit export"}, Doc: "An export, with --out.", Shape: exportedLine{}},
		{Type: "replay", From: []string{"replay"}, Doc: "Script and record agree.", Shape: replayLine{}},
		{Type: "report", From: []string{"report"}, Doc: "The report of a run.", Shape: reportLine{}},
	}
}
