package rehearse_test

import (
	"context"
	"fmt"
	"reflect"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/rehearse"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
	"github.com/q-ecosystem/runbook/stdlib"
)

// watched returns the shipped runbook with the lab's short gates, in which run
// stands in front of each of them.
func watched(t *testing.T, run func(ctx context.Context, p effect.Performer, args map[string]any) error) (*rehearse.Runner, simulate.Setup) {
	t.Helper()
	runner, setup := blueGreen(t, lab())
	modules := stdlib.Modules()
	for i := range modules {
		for k := range modules[i].Composites {
			c := &modules[i].Composites[k]
			if c.String() != "health.watch" {
				continue
			}
			watch := c.Run
			c.Run = func(ctx context.Context, p effect.Performer, args map[string]any) (any, error) {
				if err := run(ctx, p, args); err != nil {
					return nil, err
				}
				return watch(ctx, p, args)
			}
		}
	}
	catalog, err := effect.NewCatalog(append(modules, effect.Control())...)
	if err != nil {
		t.Fatal(err)
	}
	runner.Catalog, setup.Catalog = catalog, catalog
	return runner, setup
}

func filmOf(t *testing.T, runner *rehearse.Runner, setup simulate.Setup) simulate.Film {
	t.Helper()
	film, err := runner.Film(t.Context(), simulate.NewWorld(setup), func(effect.Place) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	return film
}

// TestWhatNoFaultTouchesIsNotDoneAnew: gates before the fault are not run at all, and
// those behind it without the engine, as long as they find what the film did.
func TestWhatNoFaultTouchesIsNotDoneAnew(t *testing.T) {
	var by []string
	runner, setup := watched(t, func(_ context.Context, p effect.Performer, args map[string]any) error {
		if args["during"] != args["every"] { // that is the one in a branch
			by = append(by, fmt.Sprintf("%T", p))
		}
		return nil
	})
	film := filmOf(t, runner, setup)
	const engine, again, prompted = "*script.performer", "*rehearse.repeated", "*rehearse.prompted"
	for _, tt := range []struct {
		schedule string
		want     []string
	}{
		{"15:refused", nil},
		{"15:killed-before", nil},
		{"8:timeout", []string{again, again}},
		{"8:killed-after", []string{again, again}},
		{"10.6:unhealthy", []string{prompted}},
		{"7.3:killed-before", []string{prompted, engine, again, again}},
		{"7.3:refused", []string{prompted}},
		{"6:down", []string{prompted, prompted, prompted}}, // messages cannot be sent meanwhile
	} {
		s, err := simulate.ParseSchedule(tt.schedule, setup.Catalog)
		if err != nil {
			t.Fatal(err)
		}
		by = nil
		if _, _, ok, err := film.Rehearse(t.Context(), setup, s); err != nil || !ok {
			t.Fatalf("%s: %v, %v", s, ok, err)
		}
		if len(by)+len(tt.want) > 0 && !reflect.DeepEqual(by, tt.want) {
			t.Errorf("%s: the gates were run by %q, want %q", s, by, tt.want)
		}
	}
}

// TestWhatGoesAnotherWayIsDoneAnew: a composite that asks for something else once it
// is later is run by the engine, and leaves what it leaves in a run from the start.
func TestWhatGoesAnotherWayIsDoneAnew(t *testing.T) {
	first, extra := map[any]float64{}, 0
	runner, setup := watched(t, func(ctx context.Context, p effect.Performer, args map[string]any) error {
		v, err := p.Perform(ctx, effect.OpNow, nil)
		if err != nil {
			return err
		}
		at, key := v.(float64), args["during"]
		if _, known := first[key]; !known {
			first[key] = at
		}
		if at-first[key] < 60 && at != first[key] {
			extra++
			_, err = p.Perform(ctx, "health.check", map[string]any{"env": args["env"]})
		}
		return err
	})
	film := filmOf(t, runner, setup)
	s := simulate.Schedule{{Place: "5", Kind: simulate.KilledBefore}}
	extra = 0
	w, got, ok, err := film.Rehearse(t.Context(), setup, s)
	if err != nil || !ok || extra == 0 {
		t.Fatalf("%v, %v, %d gates went another way", ok, err, extra)
	}
	whole := simulate.NewWorld(setup)
	want, err := runner.Rehearse(t.Context(), whole, s)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.Events, want.Events) || !reflect.DeepEqual(w.Entries(), whole.Entries()) || !reflect.DeepEqual(w.State(), whole.State()) {
		t.Errorf("another run comes out from the film\n%s", firstOther(got.Events, want.Events))
	}
}

// TestUndoOfWhatIsNotDoneAnew: a composite that is not run again has written
// nevertheless, so that what takes it back is registered.
func TestUndoOfWhatIsNotDoneAnew(t *testing.T) {
	runner, setup := blueGreen(t, lab())
	runner.Params, runner.Main = nil, script.Source{Name: "move.lua", Text: []byte(`
runbook { name = "move", on_failure = "rollback" }
local notify, files = require "notify", require "files"
notify.escalate { levels = { { to = "on-call" } }, text = "it burns", severity = "critical",
  undo = function() files.archive { paths = { "/var/log/app" }, to = "/srv/undone.tar.gz" } end }
files.archive { paths = { "/var/log/app" }, to = "/srv/before.tar.gz" }
files.archive { paths = { "/var/log/app" }, to = "/srv/app.tar.gz" }
`)}
	film := filmOf(t, runner, setup)
	s := simulate.Schedule{{Place: "3", Kind: simulate.Refused}}
	w, got, ok, err := film.Rehearse(t.Context(), setup, s)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	whole := simulate.NewWorld(setup)
	want, err := runner.Rehearse(t.Context(), whole, s)
	if err != nil {
		t.Fatal(err)
	}
	if want.Status == effect.StatusFailed || !reflect.DeepEqual(got.Events, want.Events) || !reflect.DeepEqual(w.State(), whole.State()) {
		t.Errorf("it ends as %s, and from the start as %s\n%s", got.Status, want.Status, firstOther(got.Events, want.Events))
	}
}
