package admin

import (
	"time"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/reference"
)

// writtenLine is a file that was written.
type writtenLine struct {
	Type string `json:"type"`
	Path string `json:"path"`
}

// tokenLine is a token that was made.
type tokenLine struct {
	Type    string    `json:"type"`
	Name    string    `json:"name" doc:"whose it is"`
	Token   string    `json:"token,omitempty" doc:"left out where it is in a file"`
	Digest  string    `json:"digest" doc:"as it stands in the configuration"`
	Expires time.Time `json:"expires,omitzero" doc:"left out where it does not"`
	Path    string    `json:"path,omitempty" doc:"the file"`
}

// runbookLine is a shipped runbook; Text is its script, where that was asked for.
type runbookLine struct {
	Type    string `json:"type"`
	Name    string `json:"name"`
	Summary string `json:"summary,omitempty" doc:"with list"`
	Text    string `json:"text,omitempty" doc:"the script, with show"`
}

// copiedLine is the copy of one.
type copiedLine struct {
	Type     string   `json:"type"`
	Name     string   `json:"name"`
	Path     string   `json:"path"`
	Required []string `json:"required,omitempty"` // files beside it that it requires, copied too
	Kept     []string `json:"kept,omitempty"`     // those that were there already
}

// backendLine is a backend that can be configured.
type backendLine struct {
	Type    string   `json:"type"`
	Name    string   `json:"name"`
	Module  string   `json:"module,omitempty" doc:"that it carries; of what is not built in, nobody knows before it is started"`
	Ops     []string `json:"ops,omitempty" doc:"of it that it carries; likewise"`
	Builtin bool     `json:"builtin"`
	Doc     string   `json:"doc,omitempty"`
	Path    string   `json:"path,omitempty" doc:"the executable of one that is not built in"`
	SHA256  string   `json:"sha256,omitempty" doc:"of that"`
	State   string   `json:"state,omitempty" doc:"whether that is pinned, in words"`
}

// verifiedLine is what a verification of backends has come to.
type verifiedLine struct {
	Type    string `json:"type"`
	Subject string `json:"subject" doc:"a plugin's file, a module and its backend, or a module of which it cannot be told what goes where"`
	OK      bool   `json:"ok"`
	Problem string `json:"problem" doc:"empty if it is ok"`
}

// missingLine is something that a backend misses in its system.
type missingLine struct {
	Type    string `json:"type"`
	Subject string `json:"subject" doc:"a module and its backend"`
	What    string `json:"what" doc:"in words"`
}

// versionLine is the program's version.
type versionLine struct {
	Type    string `json:"type"`
	Version string `json:"version"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

// schemaLine is the JSON schema of runbook.yaml.
type schemaLine struct {
	Type   string         `json:"type"`
	Schema map[string]any `json:"schema" doc:"the JSON schema of runbook.yaml"`
}

// Lines describes what these commands print with --json.
func Lines() []app.Line {
	entry := reference.Line{}
	notes := map[string]string{"value": "what a function returns, in words", "members": "of a module or backend", "backends": "that carry it", "config": "the keys of its configuration",
		"scenario": "what a scenario's world may say of it", "scenario_rest": "what other keys there take", "scenario_functions": "where a function of the world may stand",
		"faults": "kinds of fault, beside those of every effect", "invariants": "that are held in every rehearsal", "uses": "the effects of a loop", "usage": "how it is called",
		"kind": "of a member: argument, result, configuration key, scenario key"}
	docs := func(kind, doc string) app.Line {
		return app.Line{Type: kind, From: []string{"docs"}, Doc: doc, Shape: entry, Notes: notes}
	}
	return []app.Line{
		docs("function", "A function of the language."), docs("module", "A module."), docs("op", "An op of a module."),
		docs("loop", "A loop of effects that a module brings."), docs("backend", "A backend."),
		docs("explore", "What explorations try and hold, whatever the runbook."),
		docs("member", "An argument, a result, or a key of a configuration or of a scenario; args has its declaration."),
		{Type: "schema", From: []string{"docs"}, Doc: "The JSON schema of runbook.yaml, with --schema.", Shape: schemaLine{}},
		{Type: "written", From: []string{"docs", "init"}, Doc: "A file that was written.", Shape: writtenLine{}},
		{Type: "runbook", From: []string{"runbooks list", "runbooks show"}, Doc: "A shipped runbook.", Shape: runbookLine{}},
		{Type: "copied", From: []string{"runbooks copy"}, Doc: "The copy of a shipped runbook.", Shape: copiedLine{}},
		{Type: "backend", From: []string{"plugins list"}, Doc: "A backend that can be configured.", Shape: backendLine{}},
		{Type: "verified", From: []string{"plugins verify"}, Doc: "What became of the verification of a plugin or a backend.", Shape: verifiedLine{}},
		{Type: "missing", From: []string{"plugins verify"}, Doc: "Something that calls will ask of a system that answers, and that is not there.", Shape: missingLine{}},
		{Type: "left", From: []string{"import"}, Doc: "A part of the text that was not understood.", Shape: leftLine{}, Notes: map[string]string{
			"line": "of the text, from 1", "what": "what it is", "text": "how it begins"}},
		{Type: "imported", From: []string{"import"}, Doc: "What the import has come to; the last line.", Shape: importedLine{}},
		{Type: "pruned", From: []string{"prune"}, Doc: "A run that was deleted, or would be.", Shape: prunedLine{}},
		{Type: "pruned-all", From: []string{"prune"}, Doc: "What all came to; the last line.", Shape: prunedAllLine{}},
		{Type: "token", From: []string{"token new"}, Doc: "A token that was made.", Shape: tokenLine{}},
		{Type: "version", From: []string{"version"}, Doc: "The version of the program.", Shape: versionLine{}},
	}
}
