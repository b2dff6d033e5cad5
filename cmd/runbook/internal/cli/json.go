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

// jsonHead prints the first line of a stream.
func (a *app) jsonHead(command string) {
	a.jsonLine(map[string]any{"type": "stream", "version": streamVersion, "command": command})
}

func (a *app) jsonLine(v any) {
	data, err := json.Marshal(v)
	if err != nil {
		a.note("runbook: encode output: %v\n", err)
		return
	}
	_, _ = fmt.Fprintln(a.stdout, string(data))
}

// eventLine is an event as --json prints it.
type eventLine struct {
	Type  string      `json:"type"`
	Run   string      `json:"run"`
	Seq   int64       `json:"seq,omitempty"`
	At    time.Time   `json:"at"`
	Kind  effect.Kind `json:"kind"`
	Place string      `json:"place,omitempty"`
	effect.Body
}

func (a *app) jsonEvent(run string, ev effect.Event) {
	line := eventLine{Type: "event", Run: run, Seq: ev.Seq, At: ev.At, Kind: ev.Kind, Place: ev.Place, Body: ev.Body}
	// Body has a member "run" of its own, for forks; the outer one counts.
	a.jsonLine(line)
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
}

func lineOf(r journal.Run) runLine {
	line := runLine{Type: "run", ID: r.ID, Name: r.Name, Status: r.Status, Script: r.Script, Env: r.Env, By: r.By,
		Created: r.Created, Updated: r.Updated, Params: r.Params, Parent: r.Parent, Successor: r.Successor}
	if r.Holder != nil {
		line.Holder = r.Holder.String()
	}
	return line
}
