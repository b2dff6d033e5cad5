package rehearse_test

import (
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/rehearse"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// TestDeclaredEffects: what a command says that it sets is what the world becomes,
// is not opaque, and is refused where no scenario could say it.
func TestDeclaredEffects(t *testing.T) {
	catalog := scenarioCatalog(t)
	for _, c := range []struct {
		effects, fails string
		opaque         int
		changes        string
	}{
		{`nil`, "", 1, ""},
		{`{}`, "", 1, ""},
		{`{ "traffic.weights.green = 30", "traffic.weights.blue = 70" }`, "", 0, "traffic.weights.blue from 100 to 70, traffic.weights.green from 0 to 30"},
		{`{ "exec.vars.n = 7", "deploy.envs.green.version = v2" }`, "", 0, "deploy.envs.green.version from v1 to v2, exec.vars.n from 0 to 7"},
		{`{ "traffic.weights.green = 30" }`, "the shares add up to 30, not 100", 0, ""},
		{`{ "traffic.wights.green = 30" }`, "traffic: wights", 0, ""},
		{`{ "trafic.weights.green = 30" }`, `there is no module "trafic" with a model`, 0, ""},
		{`{ "traffic" }`, "MODULE.PATH = VALUE", 0, ""},
	} {
		scenario, err := rehearse.LoadScenario(t.Context(), script.Source{Name: "world.lua", Text: []byte(ownWorld)}, nil, catalog)
		if err != nil {
			t.Fatal(err)
		}
		setup, err := scenario.Setup(catalog)
		if err != nil {
			t.Fatal(err)
		}
		x := simulate.Explorer{Setup: setup, Scripted: true, Alike: true, Runner: &rehearse.Runner{Catalog: catalog, Main: script.Source{Name: "own.lua",
			Text: []byte(`runbook { name = "own", on_failure = "stop" }
require("exec").run { argv = { "./unknown.sh" }, class = "write", recovery = "retry", effects = ` + c.effects + ` }`)}}}
		found, err := x.Explore(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		failed := ""
		if found.Baseline.Ending.Err != nil {
			failed = found.Baseline.Ending.Err.Error()
		}
		if (c.fails == "") != (failed == "") || !strings.Contains(failed, c.fails) {
			t.Errorf("%s: %q, want %q", c.effects, failed, c.fails)
			continue
		}
		var changes []string
		for _, e := range found.Baseline.Entries {
			for _, ch := range e.Changes {
				changes = append(changes, ch.String())
			}
		}
		if got := strings.Join(changes, ", "); got != c.changes || found.Opaque != c.opaque {
			t.Errorf("%s: changed %q, %d of %d opaque; want %q, %d", c.effects, got, found.Opaque, found.Writes, c.changes, c.opaque)
		}
	}
}

// TestDeclaredEffectsNameOneThing: what a command does not say of a thing of which
// it says something stays as it is.
func TestDeclaredEffectsNameOneThing(t *testing.T) {
	catalog := scenarioCatalog(t)
	scenario, err := rehearse.LoadScenario(t.Context(), script.Source{Name: "world.lua", Text: []byte(`return { world = {
  deploy = { envs = { web = { version = "v1", state = "active", instances = 4 } }, regions = { eu = { version = "e1", state = "active", envs = { api = { version = "a1", state = "active" } } } } },
  health = { web = { error_rate = "1%", p99_latency = "20ms", timeline = { { at = 0, error_rate = "3%" } } } },
  hosts = { hosts = { h1 = { groups = { "web" }, services = { nginx = "active", app = "active" } } } },
} }`)}, nil, catalog)
	if err != nil {
		t.Fatal(err)
	}
	setup, err := scenario.Setup(catalog)
	if err != nil {
		t.Fatal(err)
	}
	runner := &rehearse.Runner{Catalog: catalog, Main: script.Source{Name: "one.lua", Text: []byte(`runbook { name = "one" }
require("exec").run { argv = { "./ship.sh" }, class = "write", recovery = "retry", effects = { "deploy.envs.web.version = v2",
  "deploy.regions.eu.envs.api.version = a2", "health.web.p99_latency = 30ms", "hosts.hosts.h1.services.app = failed" } }`)}}
	w := simulate.NewWorld(setup)
	end, err := runner.Rehearse(t.Context(), w, nil)
	if err != nil || end.Err != nil {
		t.Fatal(err, end.Err)
	}
	var changes []string
	for _, e := range w.Entries() {
		for _, ch := range e.Changes {
			changes = append(changes, ch.String())
		}
	}
	const want = "deploy.envs.web.serving from v1 to v2, deploy.envs.web.version from v1 to v2, " +
		"deploy.regions.eu.envs.api.serving from a1 to a2, deploy.regions.eu.envs.api.version from a1 to a2, " +
		"health.web.p99_latency from 0.02 to 0.03, hosts.hosts.h1.services[\"app.service\"] from active to failed"
	if got := strings.Join(changes, ", "); got != want {
		t.Errorf("changed %s\nwant    %s", got, want)
	}
}
