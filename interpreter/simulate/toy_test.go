package simulate_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// street is the model of the toy module "street": lamps that are on or off.
type street struct {
	lit  map[string]bool
	dark map[string]bool // broken by a fault: they can be switched, and give no light
	walk time.Duration   // how long the way to a lamp is
}

func newStreet() effect.Model {
	return &street{lit: map[string]bool{}, dark: map[string]bool{}, walk: time.Second}
}

func (s *street) Load(state map[string]any) error {
	for name, on := range state {
		s.lit[name] = on == true
	}
	return nil
}

func (s *street) Do(m effect.Moment, op string, args map[string]any) (any, error) {
	lamp, _ := args["lamp"].(string)
	switch op {
	case "look":
		if s.dark[lamp] {
			return nil, effect.Errorf(effect.CodeUnhealthy, "%s is dark", lamp)
		}
		return map[string]any{"on": s.lit[lamp], "key": m.Key}, nil
	case "light":
		s.lit[lamp] = true
	case "toggle":
		s.lit[lamp] = !s.lit[lamp]
	case "burn":
		return nil, effect.Errorf(effect.CodeFailed, "%s is out of oil", lamp)
	}
	return map[string]any{}, nil
}

func (s *street) State(effect.Moment) map[string]any {
	out := map[string]any{"assumed": true}
	for name, on := range s.lit {
		out[name] = on
	}
	return out
}

func (s *street) Clone() effect.Model {
	c := *s
	c.lit, c.dark = maps.Clone(s.lit), maps.Clone(s.dark)
	return &c
}

func (s *street) Takes(op string, _ map[string]any) time.Duration {
	if op == "slow" {
		return time.Hour
	}
	return s.walk
}

func (s *street) Break(kind, _ string, args map[string]any) string {
	lamp, _ := args["lamp"].(string)
	if kind == "outage" {
		s.dark[lamp] = true
	}
	return lamp
}

func (s *street) Assumes(op string, _ map[string]any) string {
	if op == "assume" {
		return "what nobody said"
	}
	return ""
}

// streets is the toy module.
func streets(invariants ...effect.Invariant) effect.Module {
	lamp := []effect.Field{{Name: "lamp", Type: effect.String}}
	op := func(name string, class effect.Class, recovery effect.Recovery) effect.Op {
		return effect.Op{Module: "street", Name: name, Doc: "Do it", Class: class, Recovery: recovery, Args: lamp}
	}
	slow := op("slow", effect.Write, effect.Retry)
	slow.Timeout = time.Minute
	return effect.Module{Name: "street", Model: newStreet, Invariants: invariants,
		Ops: []effect.Op{op("look", effect.Read, ""), op("light", effect.Write, effect.Retry), op("toggle", effect.Write, effect.Retry),
			op("burn", effect.Irreversible, effect.Ask), op("assume", effect.Write, effect.Retry), slow},
		Faults: []effect.FaultKind{{Name: "outage", Doc: "the lamp gives no light any more", Ops: []string{"look"}}}}
}

// foreign is a toy module that nobody can simulate.
func foreign() effect.Module {
	return effect.Module{Name: "moon", Ops: []effect.Op{{Module: "moon", Name: "phase", Class: effect.Read},
		{Module: "moon", Name: "shine", Class: effect.Write, Recovery: effect.Retry}}}
}

func toys(t testing.TB, invariants ...effect.Invariant) *effect.Catalog {
	t.Helper()
	c, err := effect.NewCatalog(streets(invariants...), foreign(), effect.Control())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// begin is when toy worlds begin.
var begin = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

// toySetup is a street with one lamp, a, which is off.
func toySetup(t testing.TB, invariants ...effect.Invariant) simulate.Setup {
	t.Helper()
	c := toys(t, invariants...)
	models := c.Models()
	if err := models["street"].Load(map[string]any{"a": false}); err != nil {
		t.Fatal(err)
	}
	return simulate.Setup{Models: models, Catalog: c, Start: begin, Invariants: simulate.Standard(c)}
}

// call is one effect of a toy run.
func call(t testing.TB, c *effect.Catalog, n int, name, lamp string) effect.Call {
	t.Helper()
	op, ok := c.Op(name)
	if !ok {
		t.Fatalf("there is no op %s", name)
	}
	args := map[string]any{}
	if lamp != "" {
		args["lamp"] = lamp
	}
	out := effect.Call{Run: "toy", Key: "key" + strconv.Itoa(n), Op: op, Args: args, Class: op.ClassFor(args),
		Recovery: op.RecoveryFor(args), Where: effect.Position{File: "toy", Line: n}}
	if _, err := fmt.Sscan(strconv.Itoa(n), &out.Place); err != nil {
		t.Fatal(err)
	}
	return out
}

// toy is a Runner: it carries out effects one after another, "street.light a",
// and resumes behind those that it knows to be done. An effect whose outcome it
// does not know it sends again. A failure ends the run, and lights nothing.
type toy struct {
	t     testing.TB
	steps []string
	// bold runs go on after failures.
	bold bool
	// back is what a run that fails does to roll back, its first step last.
	back []string
}

func (r toy) Rehearse(ctx context.Context, w *simulate.World, s simulate.Schedule) (simulate.Ending, error) {
	in := simulate.NewInjector(s, w)
	end := simulate.Ending{Status: effect.StatusSucceeded, Events: []effect.Event{{At: w.Timeline().Now(), Kind: effect.RunCreated}}}
	end.Status, end.Err = r.carry(ctx, w, in, &end, r.steps, "")
	if end.Status != effect.StatusFailed || len(r.back) == 0 {
		return end, nil
	}
	end.Events = append(end.Events, effect.Event{At: w.Timeline().Now(), Kind: effect.RollbackStarted})
	status, err := r.carry(ctx, w, in, &end, r.back, effect.RollbackPlace(1, 1))
	switch status {
	case effect.StatusSucceeded:
		end.Status = effect.StatusRolledBack
	case effect.StatusFailed:
		end.Status, end.Rollbacks = effect.StatusRollbackFailed, []error{err}
	default:
		end.Status, end.Err = status, err
	}
	end.Events = append(end.Events, effect.Event{At: w.Timeline().Now(), Kind: effect.StatusChanged, Body: effect.Body{Status: end.Status}})
	return end, nil
}

// carry carries out steps whose effects stand below a place.
func (r toy) carry(ctx context.Context, w *simulate.World, in *simulate.Injector, end *simulate.Ending, steps []string, below effect.Place) (effect.Status, error) {
	for n := 0; n < len(steps); {
		w.Timeline().Restart()
		w.Timeline().Idle(1)
		handler := in.Above(w, func() {})
		name, lamp, _ := strings.Cut(steps[n], " ")
		c := call(r.t, toys(r.t), n+1, name, lamp)
		c.Began, c.Place = w.Timeline().Now(), below.Effect(n+1)
		c.Key += string(below)
		_, err := handler.Do(ctx, c)
		failure := effect.AsError(err)
		switch stop := effect.AsStop(err); {
		case stop != nil && stop.Cause == simulate.Killed:
			w.Timeline().Skip(10 * time.Second)
			continue
		case stop != nil:
			return effect.StatusInterrupted, stop
		case failure != nil && failure.Code == effect.CodeUnknown:
			continue
		case failure != nil:
			end.Events = append(end.Events, effect.Event{At: w.Timeline().Now(), Kind: effect.EffectFailed, Place: c.Place,
				Body: effect.Body{Op: c.Op.String(), Error: failure}})
			if !r.bold {
				return effect.StatusFailed, failure
			}
		default:
			end.Events = append(end.Events, effect.Event{At: w.Timeline().Now(), Kind: effect.EffectDone, Place: c.Place,
				Body: effect.Body{Op: c.Op.String()}})
		}
		n++
	}
	return effect.StatusSucceeded, nil
}

// told shows entries for comparison: "1 street.light a ⚡timeout".
func told(entries []simulate.Entry) []string {
	var out []string
	for _, e := range entries {
		text := fmt.Sprintf("%s %s %v", e.Place, e.Op, e.Args["lamp"])
		if e.Err != nil {
			text += " ✗" + string(e.Err.Code)
		}
		if e.Fault != "" {
			text += " ⚡" + string(e.Fault)
		}
		for _, c := range e.Changes {
			text += " " + c.String()
		}
		out = append(out, text)
	}
	return out
}

func same(t testing.TB, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n  %s\nwant\n  %s", what, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}
