package rehearse_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/rehearse"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// happened carries a script out in a scenario and takes the record for a world.
func happened(t *testing.T, text string, s *rehearse.Scenario) *rehearse.Past {
	t.Helper()
	main := script.Source{Name: "did.lua", Text: []byte(text)}
	r, err := rehearse.New(t.Context(), rehearse.Options{Main: main, Catalog: scenarioCatalog(t), Scenario: s})
	if err != nil {
		t.Fatal(err)
	}
	faults, err := r.Schedule(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	res, err := r.Run(t.Context(), faults)
	if err != nil {
		t.Fatal(err)
	}
	p, err := rehearse.NewPast(interpreter.Walk{Main: main, History: res.Ending.Events, Params: r.Params,
		Run: journal.Run{ID: "past", Name: r.Header.Name, Script: main.Name, Status: res.Ending.Status}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const recordHead = `runbook { name = "w", on_failure = "stop", params = { token = { type = "secret" } } }
local exec = require "exec"
local function said(...) local ok, r = pcall(exec.run, { argv = { ... }, class = "read" }) return ok and r.output or "no" end
`

// TestTheRecordAnswers what the run asked, the last answer that it had by then:
// commands that worked and that failed, the environment, people, and how long
// all of it took. The world of the other script says otherwise.
func TestTheRecordAnswers(t *testing.T) {
	s := &rehearse.Scenario{Env: map[string]string{"REGION": "eu"},
		World: map[string]map[string]any{"exec": {"commands": map[string]any{
			"uptime": map[string]any{"output": "up\n", "takes": "7s"}, "probe": map[string]any{"code": 3.0}}}},
		Answers: map[string]simulate.Answer{"go?": {Deny: true, By: []string{"ana"}}, "late?": {Never: true}},
		Faults:  []rehearse.FaultAt{{Op: "exec.run", Nth: 3, Kind: simulate.TimedOut}}}
	did := recordHead + `assert(env "REGION" == "eu" and env "NONE" == nil)
assert(said("uptime") == "up\n" and said("probe") == "no" and said("uptime", "-a") == "no")
assert(not pcall(approve, { title = "go?" }) and not pcall(approve, { title = "late?", timeout = "90s" }))
approve { title = "yes?" }`
	p := happened(t, did, s)
	if p.Run.Status != effect.StatusSucceeded {
		t.Fatalf("the run %s", p.Run.Status)
	}
	w := whatIf(t, p, did+"\nlog.info \"done\"")
	if w.Would.Status != effect.StatusSucceeded || w.Would.Took != w.Did.Took || len(w.Differences) != 0 {
		t.Errorf("again it would have %s after %gs, not %gs: %+v", w.Would.Status, w.Would.Took, w.Did.Took, w.Differences)
	}
	if len(w.Assumed) != 0 {
		t.Errorf("assumed: %q", w.Assumed)
	}
	want := []string{"exec.run probe", "exec.run uptime", "exec.run uptime -a"}
	if !slices.Equal(w.Independent, want) {
		t.Errorf("taken not to depend on the script: %q, want %q", w.Independent, want)
	}
	for i, e := range w.Would.Effects {
		if d := w.Did.Effects[i]; (e.Error == nil) != (d.Error == nil) || e.Error != nil && e.Error.Code != d.Error.Code || e.Took != d.Took {
			t.Errorf("%s took %gs and came to %v; again %gs, %v", d.Op, d.Took, d.Error, e.Took, e.Error)
		}
	}
}

// TestWhatTheRecordDoesNotTell is assumed as where nobody said anything, and
// named.
func TestWhatTheRecordDoesNotTell(t *testing.T) {
	p := happened(t, recordHead+`said("uptime")`, nil)
	w := whatIf(t, p, recordHead+`said("uptime") said("uptime", "-s")`)
	for _, text := range []string{"exec.run with arguments that the run never used", "the result of uptime -s"} {
		if !slices.Contains(w.Assumed, text) {
			t.Errorf("assumed: %q, want %q", w.Assumed, text)
		}
	}
	if w.Would.Status != effect.StatusSucceeded || len(w.Differences) != 1 || w.Differences[0].Kind != simulate.DiffAdded {
		t.Errorf("it would have %s, with %+v", w.Would.Status, w.Differences)
	}
}

// TestTheLastAnswerCounts: a command that came to say something else says that
// at the same time.
func TestTheLastAnswerCounts(t *testing.T) {
	text := recordHead + `for n = 1, 3 do if said("cat", "flag") ~= "no" then break end sleep "1m" end`
	p := happened(t, text, &rehearse.Scenario{World: map[string]map[string]any{"exec": {"commands": map[string]any{
		"cat flag": map[string]any{"code": effect.Func(func(m effect.Moment) (any, error) {
			if m.Now.Sub(m.Start).Seconds() > 100 {
				return 0.0, nil
			}
			return 1.0, nil
		})}}}}})
	w := whatIf(t, p, strings.Replace(text, `sleep "1m"`, `sleep "30s"`, 1)) // looks at 0, 30 and 60 s: never up
	if w.Would.Took != 93 || w.Did.Took >= 125 || w.Did.Took < 120 {
		t.Errorf("it took %gs, and would have taken %gs", w.Did.Took, w.Would.Took)
	}
}

// TestASecretOfTheRecordIsNotNeeded: it has a made-up value, and its name.
func TestASecretOfTheRecordIsNotNeeded(t *testing.T) {
	text := recordHead + `exec.run { argv = { "login" }, secrets = { TOKEN = params.token } }`
	p := happened(t, text, &rehearse.Scenario{Params: map[string]any{"token": "env:TOKEN"}})
	for name, v := range map[string]any{"the token": p.Params["token"]} {
		if s, ok := v.(effect.Secret); !ok || s.Name() != "env:TOKEN" {
			t.Errorf("%s is %v", name, v)
		}
	}
	if w := whatIf(t, p, text); w.Would.Status != effect.StatusSucceeded || len(w.Differences) > 0 {
		t.Errorf("it would have %s: %+v", w.Would.Status, w.Differences)
	}
}

// TestASecretThatTheRunReadIsNotNeeded: what the run read of a store is answered
// with a made-up value, and the version that it had.
func TestASecretThatTheRunReadIsNotNeeded(t *testing.T) {
	text := recordHead + `local secrets = require "secrets"
local old = secrets.get { name = "db/password" }
local new = secrets.rotate { name = "db/password" }
local now = secrets.get { name = "db/password", version = new.version }
assert(old.version == "1" and now.version == "2")
exec.run { argv = { "login" }, secrets = { OLD = old.value, NEW = now.value } }`
	p := happened(t, text, &rehearse.Scenario{})
	w := whatIf(t, p, text)
	if w.Would.Status != effect.StatusSucceeded || len(w.Differences) > 0 {
		t.Errorf("it would have %s: %+v", w.Would.Status, w.Differences)
	}
	for _, e := range w.Would.Effects {
		if e.Error != nil {
			t.Errorf("%s: %v", e.Op, e.Error)
		}
	}
	if w := whatIf(t, happened(t, text, &rehearse.Scenario{}), strings.Replace(text, "NEW = now.value", "NEW = old.value", 1)); w.Would.Status != effect.StatusSucceeded {
		t.Errorf("another script would have %s", w.Would.Status)
	}
}
