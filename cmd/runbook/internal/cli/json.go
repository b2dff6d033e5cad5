package cli

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
)

// streamVersion stands in the first line of every JSON stream. It changes when
// a reader of the old form would be misled.
const streamVersion = 1

// jsonHead prints the first line of a stream. It may be called again, which
// does nothing.
func (a *app) jsonHead(command string) {
	a.jsonMu.Lock()
	first := !a.jsonBegun
	a.jsonBegun = true
	a.jsonMu.Unlock()
	if first {
		a.jsonLine(struct {
			Type    string `json:"type"`
			Version int    `json:"version"`
			Command string `json:"command"`
		}{"stream", streamVersion, command})
	}
}

// jsonLine prints one line, whole. Several goroutines of a run call it.
func (a *app) jsonLine(v any) {
	data, err := json.Marshal(v)
	if err != nil {
		a.note("runbook: encode output: %v\n", err)
		return
	}
	a.jsonMu.Lock()
	defer a.jsonMu.Unlock()
	_, _ = fmt.Fprintf(a.stdout, "%s\n", data)
}

// eventLine is an event as --json prints it. Seq is missing from events that a
// run reports before they are on disk.
type eventLine struct {
	Type  string      `json:"type"`
	Run   string      `json:"run"`
	Seq   int64       `json:"seq,omitempty"`
	At    time.Time   `json:"at"`
	Kind  effect.Kind `json:"kind"`
	Place string      `json:"place,omitempty"`
	effect.Body
	// OtherRun is the Body's run, the other one of a fork: "run" is the run
	// that the event belongs to.
	OtherRun string `json:"other_run,omitempty"`
}

func (a *app) jsonEvent(run string, ev effect.Event) {
	a.jsonLine(eventLine{Type: "event", Run: run, Seq: ev.Seq, At: ev.At, Kind: ev.Kind, Place: ev.Place, Body: ev.Body,
		OtherRun: ev.Body.Run})
}

// callLine tells of an effect under way; it is not recorded.
type callLine struct {
	Type  string    `json:"type"` // "started" or "progress"
	Run   string    `json:"run"`
	At    time.Time `json:"at"`
	Place string    `json:"place"`
	Op    string    `json:"op"`
	Text  string    `json:"text,omitempty"`
}

// runLine is a run as --json prints it.
type runLine struct {
	Type      string          `json:"type"`
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Status    effect.Status   `json:"status"`
	Script    string          `json:"script,omitempty"`
	Env       string          `json:"env,omitempty"`
	By        string          `json:"by,omitempty"`
	Created   time.Time       `json:"created"`
	Updated   time.Time       `json:"updated"`
	Params    json.RawMessage `json:"params,omitempty"`
	Parent    string          `json:"parent,omitempty"`
	Successor string          `json:"successor,omitempty"`
	Holder    string          `json:"holder,omitempty"`
	// Carried says whether a living runner holds the run at this moment.
	Carried bool `json:"carried"`
}

func lineOf(r journal.Run) runLine {
	line := runLine{Type: "run", ID: r.ID, Name: r.Name, Status: r.Status, Script: r.Script, Env: r.Env, By: r.By,
		Created: r.Created, Updated: r.Updated, Params: r.Params, Parent: r.Parent, Successor: r.Successor, Carried: carried(r)}
	if r.Holder != nil {
		line.Holder = r.Holder.String()
	}
	return line
}

// outcomeLine ends the stream of a run.
type outcomeLine struct {
	Type     string        `json:"type"`
	Run      string        `json:"run"`
	Status   effect.Status `json:"status"`
	Exit     int           `json:"exit"`
	Replayed int           `json:"replayed"`
	Live     int           `json:"live"`
	Error    *failureLine  `json:"error,omitempty"`
	Next     string        `json:"next,omitempty"` // what to do now, as a person is told
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
	Type    string `json:"type"` // "answer", "resolution", "cancellation", "rollback"
	Run     string `json:"run"`
	Place   string `json:"place,omitempty"`
	Title   string `json:"title,omitempty"`
	Op      string `json:"op,omitempty"`
	By      string `json:"by"`
	Outcome string `json:"outcome,omitempty"`
	// Changed is false if the same was said before.
	Changed bool `json:"changed"`
	// Carried says that a living runner was told.
	Carried bool `json:"carried"`
}

// errorLine ends a stream that an error has cut short.
type errorLine struct {
	Type  string `json:"type"`
	Error string `json:"error"`
	Hint  string `json:"hint,omitempty"`
	Exit  int    `json:"exit"`
}
