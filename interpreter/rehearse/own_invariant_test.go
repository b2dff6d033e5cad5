package rehearse_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/rehearse"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// examples returns the invariants that docs/rehearse.md shows, by name.
func examples(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/rehearse.md")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	name, body := "", ""
	for _, line := range strings.Split(string(text), "\n") {
		line, indented := strings.CutPrefix(line, "    ")
		if indented && strings.HasPrefix(line, "invariant") {
			name, body = strings.Split(line, `"`)[1], ""
		}
		if name == "" {
			continue
		}
		if body += line + "\n"; line == "end)" {
			out[name], name = body, ""
		}
	}
	return out
}

// ownWorld is the world of these tests.
const ownWorld = `return { world = {
  traffic = { weights = { blue = 100, green = 0 } },
  dns = { records = { { name = "db.example.org", type = "A", values = { "192.0.2.1" }, ttl = "1m" } } },
  db = { nodes = { a = { primary = true }, b = { lag = "0s" } }, statements = { ["SELECT id"] = { rows = { { id = "a" }, { id = "b" } } } } },
  deploy = { envs = { green = { version = "v1", state = "released" } } },
  notify = {},
  exec = { vars = { page = "normal", n = 0 }, commands = {
    ["./page.sh sorry"] = { sets = { page = "sorry" } },
    ["./page.sh normal"] = { sets = { page = "normal" } },
    ["./add.sh"] = { apply = function(world) return { n = world.exec.vars.n + 1 } end },
  } },
} }`

// try runs a script in ownWorld under one schedule.
func try(t *testing.T, text, schedule string) simulate.Trial {
	t.Helper()
	catalog := scenarioCatalog(t)
	scenario, err := rehearse.LoadScenario(t.Context(), script.Source{Name: "world.lua", Text: []byte(ownWorld)}, nil, catalog)
	if err != nil {
		t.Fatal(err)
	}
	setup, err := scenario.Setup(catalog)
	if err != nil {
		t.Fatal(err)
	}
	s, err := simulate.ParseSchedule(schedule, catalog)
	if err != nil {
		t.Fatal(err)
	}
	x := simulate.Explorer{Setup: setup, Scripted: true, Runner: &rehearse.Runner{Catalog: catalog, Main: script.Source{Name: "own.lua", Text: []byte(text)}}}
	trial, err := x.Reproduce(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return trial
}

func brokenIn(trial simulate.Trial, invariant string) string {
	for _, v := range trial.Broken {
		if v.Invariant == invariant {
			return fmt.Sprintf("%s: %s", v.Place, v.Message)
		}
	}
	return ""
}

const ownHeader = `runbook { name = "own", locks = { "traffic/web", "dns/example.org", "db/x" }, on_failure = "rollback" }
local db, deploy, dns, exec, notify, traffic = require "db", require "deploy", require "dns", require "exec", require "notify", require "traffic"
local function page(says) exec.run { argv = { "./page.sh", says }, class = "write", recovery = "retry" } end
`

// TestDocumentedInvariants: each example of the documentation holds where it
// should, and is broken where it should be.
func TestDocumentedInvariants(t *testing.T) {
	list := examples(t)
	if len(list) != 6 {
		t.Errorf("the documentation has %d examples", len(list))
	}
	for name, c := range map[string]struct{ good, bad, schedule, says string }{
		"blue keeps a tenth":                            {`traffic.split { blue = 10, green = 90 }`, `traffic.switch { to = "green" }`, "none", "1: blue has 0%"},
		"the name leads to a node that takes writes":    {`db.promote { node = "b" } dns.set { name = "db.example.org", values = { "192.0.2.2" } }`, `dns.set { name = "db.example.org", values = { "192.0.2.2" } }`, "none", "1: b only reads"},
		"no share grows by more than 50 points at once": {`traffic.split { blue = 50, green = 50 } traffic.switch { to = "green" }`, `traffic.switch { to = "green" }`, "none", "1: own.lua:8 moved 100 points"},
		"nothing is released while the page says sorry": {`deploy.release { env = "green", version = "v2" } page "sorry" page "normal"`, `page "sorry" deploy.release { env = "green", version = "v2" }`, "none", "2: "},
		"the page is back":                              {`on_rollback(function() page "normal" end) page "sorry" db.migrate {} page "normal"`, `page "sorry" db.migrate {} page "normal"`, "2:refused", ": visitors still read sorry"},
		"a failure is told":                             {`on_rollback(function() notify.send { to = "ops", text = "it failed" } end) db.migrate {}`, `db.migrate {}`, "1:refused", ": it ended failed"},
	} {
		if list[name] == "" {
			t.Errorf("there is no example %q", name)
			continue
		}
		if got := brokenIn(try(t, ownHeader+list[name]+c.good, c.schedule), name); got != "" {
			t.Errorf("%s: broken by the good version: %s", name, got)
		}
		got := brokenIn(try(t, ownHeader+list[name]+c.bad, c.schedule), name)
		if got == "" || !strings.HasPrefix(got, c.says) {
			t.Errorf("%s: the bad version says %q, want %q", name, got, c.says)
		}
	}
}

// TestStepsAreAskedOnce: each effect that is carried out is asked about once, also
// where the runner dies before it knows and where the effect is sent again; one that
// a resume replays is not. What is told is what the last runner asked.
func TestStepsAreAskedOnce(t *testing.T) {
	const text = `runbook { name = "own", on_failure = "stop" }
local exec = require "exec"
local asked = {}
invariant.step("step", function(before, after, effect)
  asked[#asked + 1] = effect.place .. " " .. before.exec.vars.n .. "→" .. after.exec.vars.n .. (effect.again and " again" or "")
end)
invariant.finally("told", function() return false, table.concat(asked, ", ") end)
exec.run { argv = { "./add.sh" }, class = "write", recovery = "retry" }
exec.run { argv = { "./page.sh", "sorry" }, class = "write", recovery = "retry" }`
	for schedule, want := range map[string]string{
		"none":            "1 0→1, 2 1→1",
		"1:killed-after":  "1 0→1, 1 1→2 again, 2 2→2",
		"1:timeout":       "1 0→1, 1 1→2 again, 2 2→2",
		"2:killed-after":  "2 1→1, 2 1→1 again",
		"2:killed-before": "2 1→1",
		"1:refused":       "",
	} {
		if got := brokenIn(try(t, text, schedule), "told"); got != ": "+want {
			t.Errorf("%s: asked about %q, want %q", schedule, got, want)
		}
	}
}

func TestInvariantOfTheEndThatCannotBeEvaluated(t *testing.T) {
	for text, want := range map[string]string{
		`invariant.finally("end", function(world) return world.traffic.wights.blue == 100 end)`: "could not be evaluated",
		`invariant.finally("end", function() require("traffic").weights {} end)`:                "may not be called in an invariant",
		`invariant.step("end", function(before, after, effect) return effect.arg.to end)`:       "could not be evaluated",
		`invariant.finally("end", function() while true do end end)`:                            "could not be evaluated",
	} {
		trial := try(t, `runbook { name = "own", locks = { "traffic/web" } }
`+text+`
require("traffic").switch { to = "green" }`, "none")
		if got := brokenIn(trial, "end"); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	trial := try(t, `runbook { name = "own" }
invariant.always("end", function() end)`, "none")
	if trial.Ending.Err == nil || !strings.Contains(trial.Ending.Err.Error(), "invariant.always does not exist") {
		t.Errorf("a kind that is not there: %v", trial.Ending.Err)
	}
}

// TestAnswerHeldAgainstOneInvariant: an answer that need not be possible breaks the one
// invariant that asks for it, and nothing else, of the runbook's own neither.
func TestAnswerHeldAgainstOneInvariant(t *testing.T) {
	const text = `runbook { name = "own", locks = { "db/x" } }
local db, exec, http = require "db", require "exec", require "http"
invariant.finally("the page says sorry", function(world) return world.exec.vars.page == "sorry" end)
local ids = json.list()
for _, row in ipairs(db.query { sql = "SELECT id FROM customers" }.rows) do
  ids[#ids + 1] = row.id
  exec.run { argv = { "./page.sh", "sorry" }, class = "write", recovery = "retry" }
end
`
	const put = `http.request { url = "https://fwd.example/customers", method = "PUT", json = { ids = ids }, recovery = "retry" }`
	for script, want := range map[string]int{text: 0, text + put: 1} {
		if got := try(t, script, "1:no-rows").Broken; len(got) != want {
			t.Errorf("broken: %v", got)
		}
	}
	if brokenIn(try(t, text, "1:refused"), "the page says sorry") == "" {
		t.Error("the runbook's own invariant is not held where another fault strikes")
	}
}
