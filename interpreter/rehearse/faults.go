package rehearse

import (
	"context"
	"fmt"
	"slices"
	"sort"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

func parseFaults(v any, catalog *effect.Catalog) ([]FaultAt, error) {
	list, _ := v.([]any)
	kind := effect.Field{Name: "kind", Type: effect.Enum, Required: true, Doc: "what happens"}
	for _, k := range simulate.Kinds(catalog) {
		kind.Enum = append(kind.Enum, string(k))
	}
	fields := []effect.Field{{Name: "at", Type: effect.String, Doc: `the effect's place: "5"`}, {Name: "op", Type: effect.String, Doc: `"traffic.split"`},
		{Name: "step", Type: effect.String, Doc: "the step's name"}, {Name: "nth", Type: effect.Int, Default: 1.0, Min: effect.Bound(1), Doc: "which effect of the op"}, kind}
	var out []FaultAt
	for i, e := range list {
		path := fmt.Sprintf("faults[%d]", i+1)
		table, ok := e.(map[string]any)
		if !ok {
			return nil, &effect.FieldError{Path: path, Problem: "wants a table", Hint: `write { op = "traffic.split", nth = 2, kind = "timeout" }`}
		}
		values, err := effect.CheckFields(fields, nil, table)
		if err != nil {
			return nil, below(path, err)
		}
		f := FaultAt{Nth: int(values["nth"].(float64)), Kind: simulate.Kind(values["kind"].(string))}
		if at, ok := values["at"].(string); ok {
			if f.Place, err = effect.ParsePlace(at); err != nil {
				return nil, &effect.FieldError{Path: path + ".at", Problem: err.Error()}
			}
		}
		f.Op, _ = values["op"].(string)
		f.Step, _ = values["step"].(string)
		if err := f.check(catalog, table["nth"] != nil); err != nil {
			return nil, below(path, err)
		}
		out = append(out, f)
	}
	return out, nil
}

// check wants exactly one way to name the effect.
func (f FaultAt) check(catalog *effect.Catalog, nth bool) error {
	ways := 0
	for _, way := range []string{string(f.Place), f.Op, f.Step} {
		if way != "" {
			ways++
		}
	}
	switch {
	case ways != 1:
		return &effect.FieldError{Problem: "wants one of at, op and step, to say where", Hint: `write at = "5", op = "traffic.split" or step = "deploy"`}
	case nth && f.Op == "":
		return &effect.FieldError{Path: "nth", Problem: "goes with op"}
	case f.Op == "" || catalog == nil:
		return nil
	}
	if _, ok := catalog.Op(f.Op); ok {
		return nil
	}
	if _, ok := catalog.Composite(f.Op); ok {
		return &effect.FieldError{Path: "op", Problem: fmt.Sprintf("%s is made of other effects", f.Op), Hint: "name one of those, as the timeline shows them"}
	}
	return &effect.FieldError{Path: "op", Problem: fmt.Sprintf("there is no op %q", f.Op), Hint: effect.DidYouMean(f.Op, opNames(catalog))}
}

func opNames(catalog *effect.Catalog) []string {
	var names []string
	for _, module := range append(catalog.Names(), effect.ControlModule) {
		m, _ := catalog.Module(module)
		for i := range m.Ops {
			names = append(names, m.Ops[i].String())
		}
	}
	sort.Strings(names)
	return names
}

// Schedule turns the scenario's faults into a schedule. Faults that are named
// by op or step are found in a run without faults, which is carried out for
// it. The error is a *effect.FieldError if the run has no such effect.
func (s *Scenario) Schedule(ctx context.Context, runner simulate.Runner, setup simulate.Setup) (simulate.Schedule, error) {
	var effects []effect.Call
	var events []effect.Event
	if slices.ContainsFunc(s.Faults, func(f FaultAt) bool { return f.Place == "" }) {
		w := simulate.NewWorld(setup)
		end, err := runner.Rehearse(ctx, w, nil)
		if err != nil {
			return nil, fmt.Errorf("rehearse without faults: %w", err)
		}
		effects, events = w.Effects(), end.Events
	}
	var out simulate.Schedule
	for i, f := range s.Faults {
		place, err := f.find(effects, events, setup.Catalog)
		if err != nil {
			return nil, below(fmt.Sprintf("faults[%d]", i+1), err)
		}
		out = append(out, simulate.Fault{Place: place, Kind: f.Kind})
	}
	return out, nil
}

// find returns the place of the fault's effect.
func (f FaultAt) find(effects []effect.Call, events []effect.Event, catalog *effect.Catalog) (effect.Place, error) {
	switch {
	case f.Place != "":
		return f.Place, nil
	case f.Step != "":
		return f.findInStep(effects, events, catalog)
	}
	n := 0
	for _, call := range effects {
		if call.Op.String() != f.Op {
			continue
		}
		if n++; n == f.Nth {
			return call.Place, f.fits(call, catalog)
		}
	}
	return "", &effect.FieldError{Path: "op", Problem: fmt.Sprintf("without faults the run has %d effects %s, not %d", n, f.Op, f.Nth)}
}

// findInStep returns the place of the first effect in the step that changes
// something, or else of its first, among those that the fault can strike.
func (f FaultAt) findInStep(effects []effect.Call, events []effect.Event, catalog *effect.Catalog) (effect.Place, error) {
	h := history.Of(events)
	inside := func(place effect.Place) bool {
		e := h.At(place)
		return e != nil && slices.Contains(e.Steps, f.Step)
	}
	if names := h.Steps.All(); !slices.Contains(names, f.Step) {
		return "", &effect.FieldError{Path: "step", Problem: fmt.Sprintf("without faults the run enters no step %q", f.Step), Hint: effect.DidYouMean(f.Step, names)}
	}
	var first effect.Place
	for _, call := range effects {
		if !inside(call.Place) || f.fits(call, catalog) != nil {
			continue
		}
		if call.Class.Writes() && call.Op.Module != effect.ControlModule {
			return call.Place, nil
		}
		if first == "" {
			first = call.Place
		}
	}
	if first == "" {
		return "", &effect.FieldError{Path: "step", Problem: fmt.Sprintf("the step %q has no effect that can be %s", f.Step, f.Kind)}
	}
	return first, nil
}

// fits reports whether the fault makes sense at an effect.
func (f FaultAt) fits(call effect.Call, catalog *effect.Catalog) error {
	kinds := append(simulate.Faults(call, catalog), simulate.Twists(call, catalog)...)
	if slices.Contains(kinds, f.Kind) {
		return nil
	}
	return &effect.FieldError{Path: "kind", Problem: fmt.Sprintf("%s cannot be %q", call.Op, f.Kind), Hint: fmt.Sprintf("it can be %v", kinds)}
}
