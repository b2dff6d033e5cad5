package rehearse_test

import (
	"os"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/rehearse"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
	"github.com/q-ecosystem/runbook/stdlib"
)

// blueGreen returns the shipped runbook, ready to be rehearsed in full length.
func blueGreen(tb testing.TB, params map[string]any) (*rehearse.Runner, simulate.Setup) {
	tb.Helper()
	text, err := os.ReadFile("../../runbooks/blue-green.lua")
	if err != nil {
		tb.Fatal(err)
	}
	catalog, err := effect.NewCatalog(append(stdlib.Modules(), effect.Control())...)
	if err != nil {
		tb.Fatal(err)
	}
	main := script.Source{Name: "blue-green.lua", Text: text}
	h, err := script.ReadHeader(tb.Context(), script.Options{Main: main, Catalog: catalog})
	if err != nil {
		tb.Fatal(err)
	}
	given := map[string]any{"version": "v1.2.0"}
	for k, v := range params {
		given[k] = v
	}
	values, err := effect.CheckFields(h.Params, nil, given)
	if err != nil {
		tb.Fatal(err)
	}
	setup, err := (&rehearse.Scenario{}).Setup(catalog)
	if err != nil {
		tb.Fatal(err)
	}
	return &rehearse.Runner{Main: main, Catalog: catalog, Params: values, Cache: script.NewCache()}, setup
}

// lab shortens the watching of the shipped runbook to what the lab's
// parameters have.
func lab() map[string]any {
	return map[string]any{"bake": "10s", "every": "2s", "stability": "10s", "keep": "5s"}
}

// BenchmarkExplore counts explored schedules on all cores, with the garbage
// collector set as the command sets it.
func BenchmarkExplore(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(1600))
	for _, bb := range []struct {
		name   string
		params map[string]any
		depth  int
		alike  bool
	}{{"lab", lab(), 1, true}, {"full", nil, 1, true}, {"full-exhaustive", nil, 1, false}, {"full-pairs", nil, 2, true}} {
		b.Run(bb.name, func(b *testing.B) {
			runner, setup := blueGreen(b, bb.params)
			b.ReportAllocs()
			schedules := 0
			for b.Loop() {
				ex := &simulate.Explorer{Runner: runner, Setup: setup, Depth: bb.depth, Alike: bb.alike, Workers: runtime.GOMAXPROCS(0)}
				found, err := ex.Explore(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				schedules += found.Schedules
			}
			b.ReportMetric(float64(schedules)/b.Elapsed().Seconds(), "schedules/s")
		})
	}
}

// BenchmarkDryRun rehearses the full-length deployment once and makes its
// plan, process start and real reads apart.
func BenchmarkDryRun(b *testing.B) {
	runner, setup := blueGreen(b, nil)
	b.ReportAllocs()
	for b.Loop() {
		w := simulate.NewWorld(setup)
		end, err := runner.Rehearse(b.Context(), w, nil)
		if err != nil {
			b.Fatal(err)
		}
		w.End(end)
		if _, err := simulate.NewPlan(end.Events, w.Entries()).Encode(); err != nil {
			b.Fatal(err)
		}
	}
}
