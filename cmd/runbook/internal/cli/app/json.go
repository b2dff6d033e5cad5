package app

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// streamVersion stands in the first line of every JSON stream. It changes when
// a reader of the old form would be misled.
const streamVersion = 1

// streamLine is the first line of a stream.
type streamLine struct {
	Type    string `json:"type"`
	Version int    `json:"version" doc:"of the stream's form: it changes when a reader of the old one would be misled; members may be added without that"`
	Command string `json:"command" doc:"that prints it"`
}

// JSONHead prints the first line of a stream. It may be called again, which
// does nothing.
func (a *App) JSONHead(command string) {
	a.jsonMu.Lock()
	first := !a.jsonBegun
	a.jsonBegun = true
	a.jsonMu.Unlock()
	if first {
		a.JSONLine(streamLine{"stream", streamVersion, command})
	}
}

// JSONLine prints one line, whole. Several goroutines of a run call it.
func (a *App) JSONLine(v any) {
	data, err := json.Marshal(v)
	if err != nil {
		a.Note("runbook: encode output: %v\n", err)
		return
	}
	a.jsonMu.Lock()
	defer a.jsonMu.Unlock()
	_, _ = fmt.Fprintf(a.exact, "%s\n", data)
}

// eventLine is an event of a record as --json prints it.
type eventLine struct {
	Type  string       `json:"type"`
	Run   string       `json:"run" doc:"the id of the run that the event belongs to"`
	Seq   int64        `json:"seq" doc:"its number in the record"`
	At    time.Time    `json:"at"`
	Kind  effect.Kind  `json:"kind" doc:"effect.intended, effect.done, status.changed, …"`
	Place effect.Place `json:"place,omitempty" doc:"in the run, as show prints it"`
	effect.Body
	// OtherRun is the Body's run, the other one of a fork: "run" is the run
	// that the event belongs to.
	OtherRun string `json:"other_run,omitempty" doc:"the other run of a fork"`
}

// JSONEvent prints an event of a record.
func (a *App) JSONEvent(run string, ev effect.Event) {
	a.JSONLine(eventLine{Type: "event", Run: run, Seq: ev.Seq, At: ev.At, Kind: ev.Kind, Place: ev.Place, Body: ev.Body,
		OtherRun: ev.Body.Run})
}

// errorLine ends a stream that an error has cut short.
type errorLine struct {
	Type  string `json:"type"`
	Error string `json:"error"`
	Hint  string `json:"hint,omitempty" doc:"what to do now; commands stand at the end of a line"`
	Exit  int    `json:"exit" doc:"the exit code"`
}
