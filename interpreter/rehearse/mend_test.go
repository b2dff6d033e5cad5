package rehearse_test

import (
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/rehearse"
	"github.com/q-ecosystem/runbook/interpreter/script"
)

// TestARollbackMendsWhatTurnedBad: what turned bad after a run changed it is well
// once a rollback has put it back, and not before: a rollback may end in a check,
// and one that checks what it has not mended never completes.
func TestARollbackMendsWhatTurnedBad(t *testing.T) {
	inOneLine(t)
	catalog := scenarioCatalog(t)
	s, err := rehearse.LoadScenario(t.Context(), script.Source{Name: "s.lua", Text: []byte(`
return { world = {
  deploy = { envs = { shop = { version = "v1", state = "active", previous = "v0" } }, regions = { eu = { version = "v1", state = "active" } } },
  traffic = { weights = { shop = 50, other = 50 } },
  health = { shop = {}, eu = {}, web = {} },
  exec = { vars = { limit = 1, burst = 1 }, commands = { ["limit 2"] = { sets = { limit = 2, burst = 2 } }, ["limit 1"] = { sets = { limit = 1 } }, ["note"] = { sets = { noted = 1 } },
    ["pool 1"] = { sets = { pool = 1 } }, ["pool 2"] = { sets = { pool = 2 } } } } } }`)}, nil, catalog)
	if err != nil {
		t.Fatal(err)
	}
	const completes = "every rollback completes"
	to := func(at, version string) string {
		return `deploy.release { ` + at + `, version = "` + version + `" } deploy.activate { ` + at + ` } `
	}
	command := func(argv string) string {
		return `exec.run { argv = { ` + argv + ` }, class = "write", recovery = "retry" } `
	}
	shop, eu := `env = "shop"`, `region = "eu"`
	for _, tt := range []struct{ name, rollback, run, broken string }{
		{"a check after the version before is back", to(shop, "v1") + `health.check { env = "shop", timeout = "5m" }`, to(shop, "v2") + `health.watch { env = "shop", during = "5m", slo = slo }`, ""},
		{"a gate, too", to(shop, "v1") + `health.watch { env = "shop", during = "5m", slo = slo }`, to(shop, "v2") + `health.watch { env = "shop", during = "5m", slo = slo }`, ""},
		{"a region", to(eu, "v1") + `health.check { env = "eu" }`, to(eu, "v2") + `health.watch { env = "eu", during = "5m", slo = slo }`, ""},
		{"a share of the traffic that goes back later", to(shop, "v1") + `health.check { env = "shop" } traffic.split { shop = 50, other = 50 }`,
			to(shop, "v2") + `traffic.split { shop = 100, other = 0 } health.watch { env = "shop", during = "5m", slo = slo }`, ""},
		{"a check before anything is back", `health.check { env = "shop" } ` + to(shop, "v1"), to(shop, "v2") + `health.watch { env = "shop", during = "5m", slo = slo }`, completes},
		{"the version before is not in service again", `deploy.release { env = "shop", version = "v1" } health.check { env = "shop" } deploy.activate { env = "shop" }`,
			to(shop, "v2") + `health.watch { env = "shop", during = "5m", slo = slo }`, completes},
		{"another version than before", to(shop, "v3") + `health.check { env = "shop" }`, to(shop, "v2") + `health.watch { env = "shop", during = "5m", slo = slo }`, completes},
		{"another place is back", to(eu, "v1") + `health.check { env = "shop" }`, to(eu, "v2") + to(shop, "v2") + `health.watch { env = "shop", during = "5m", slo = slo }`, completes},
		{"bad before it was changed", to(shop, "v1") + `health.check { env = "shop" }`, `pcall(health.check, { env = "shop" }) ` + to(shop, "v2") + `health.check { env = "shop" }`, completes},
		{"what has no name is back", command(`"limit", "1"`) + `health.check { env = "web" }`, command(`"limit", "2"`) + `health.check { env = "web" }`, ""},
		{"customers are told only what is so", `health.check { env = "web" } notify.send { to = "all", text = "it is over" }`, `notify.send { to = "all", text = "work begins" } ` + command(`"reindex"`) + `health.check { env = "web" }`, ""},
		{"what the world knows of is not back", `health.check { env = "web" } notify.send { to = "all", text = "it is over" }`, `notify.send { to = "all", text = "work begins" } ` + command(`"limit", "2"`) + `health.check { env = "web" }`, completes},
		{"what nobody knows of is done the other way", command(`"./deploy.sh", "v1"`) + `health.check { env = "web" }`, command(`"./deploy.sh", "v2"`) + `health.check { env = "web" }`, ""},
		{"what nobody knows of is done afterwards", `health.check { env = "web" } ` + command(`"./deploy.sh", "v1"`), command(`"./deploy.sh", "v2"`) + `health.check { env = "web" }`, completes},
		{"what nobody said it was is set anew", command(`"pool", "1"`) + `health.check { env = "web" }`, command(`"pool", "2"`) + `health.check { env = "web" }`, ""},
		{"what has no name is not back", command(`"note"`) + `health.check { env = "web" }`, command(`"limit", "2"`) + `health.check { env = "web" }`, completes},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := `runbook { name = "in-place", on_failure = "rollback", locks = { "deploy/shop" } }
				local deploy, health, exec, traffic, notify = require "deploy", require "health", require "exec", require "traffic", require "notify"
				local slo = { error_rate = "< 1%" }
				on_rollback(function() ` + tt.rollback + ` end)
				` + tt.run
			r, err := rehearse.New(t.Context(), rehearse.Options{Main: script.Source{Name: "in-place.lua", Text: []byte(text)}, Catalog: catalog, Scenario: s})
			if err != nil {
				t.Fatal(err)
			}
			x := r.Explorer(nil)
			x.Depth, x.Workers = 1, 2
			found, err := x.Explore(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			struck, got := false, ""
			for outcome := range found.Outcomes {
				struck = struck || strings.HasPrefix(outcome, "rolled_back") || strings.HasPrefix(outcome, "rollback_failed")
				if strings.Contains(outcome, completes) {
					got = completes
				}
			}
			if base := found.Baseline.Ending.Status; !struck || base != "succeeded" || got != tt.broken {
				t.Errorf("without a fault %s; broken is %q, want %q, of %v", base, got, tt.broken, found.Outcomes)
			}
		})
	}
}
