package simulate_test

import (
	"context"
	"slices"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// ledger is a backend that notes what it is asked.
type ledger struct{ asked []string }

func (l *ledger) Do(_ context.Context, call effect.Call) (effect.Result, error) {
	l.asked = append(l.asked, string(call.Verb)+" "+call.Op.String())
	return effect.Result{Value: map[string]any{}}, nil
}

func lamps(t *testing.T) *effect.Catalog {
	t.Helper()
	c, err := effect.NewCatalog(effect.Module{Name: "lamp", Ops: []effect.Op{
		{Module: "lamp", Name: "lit", Class: effect.Read},
		{Module: "lamp", Name: "light", Class: effect.Write},
		{Module: "lamp", Name: "smash", Class: effect.Irreversible},
		{Module: "lamp", Name: "undeclared"},
		{Module: "lamp", Name: "do", Class: effect.Write, ClassArg: "class",
			Args: []effect.Field{{Name: "class", Type: effect.Enum, Enum: []string{"read", "write", "irreversible"}}}},
	}}, effect.Control())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestReadOnlyLetsNothingButReadsPass(t *testing.T) {
	catalog := lamps(t)
	for _, tt := range []struct {
		op     string
		class  effect.Class // as the call says
		verb   effect.Verb
		passes bool
	}{
		{"lit", effect.Read, effect.VerbInvoke, true},
		{"light", effect.Write, effect.VerbPreview, true},
		{"light", effect.Write, effect.VerbInvoke, false},
		{"light", effect.Read, effect.VerbInvoke, false}, // the call's word does not count
		{"light", effect.Write, effect.VerbObserve, false},
		{"smash", effect.Irreversible, effect.VerbInvoke, false},
		{"undeclared", effect.Read, effect.VerbInvoke, false},
		{"do", effect.Read, effect.VerbInvoke, false}, // nor does the script's
		{"unheard_of", effect.Read, effect.VerbInvoke, false},
	} {
		backend := &ledger{}
		call := effect.Call{Verb: tt.verb, Class: tt.class, Op: &effect.Op{Module: "lamp", Name: tt.op, Class: effect.Read}}
		_, err := simulate.NewReadOnly(catalog, backend).Do(t.Context(), call)
		if passed := len(backend.asked) > 0; passed != tt.passes {
			t.Errorf("%s %s as %s: reached the backend: %v, want %v", tt.verb, tt.op, tt.class, passed, tt.passes)
		}
		if stopped := effect.AsStop(err) != nil; stopped == tt.passes {
			t.Errorf("%s %s as %s: %v", tt.verb, tt.op, tt.class, err)
		}
	}
}

func TestGuardAsksAboutWhatThePlanDoesNotShow(t *testing.T) {
	catalog := lamps(t)
	approve, _ := catalog.Op(effect.OpApprove)
	light, _ := catalog.Op("lamp.light")
	lit, _ := catalog.Op("lamp.lit")
	terms := func() map[string]any { return map[string]any{"by": []any{"lead"}, "timeout": 60.0} }
	plan := &simulate.Plan{Effects: []simulate.Planned{{Place: "3", Op: "lamp.light", Args: []byte(`{"room":"hall"}`)}}}
	call := func(place effect.Place, op *effect.Op, args map[string]any) effect.Call {
		return effect.Call{Place: place, Op: op, Args: args, Class: op.ClassFor(args)}
	}
	hall, attic := map[string]any{"room": "hall"}, map[string]any{"room": "attic"}
	for _, tt := range []struct {
		name   string
		call   effect.Call
		denied bool
		want   []string // places that reach the recorder
	}{
		{"shown", call("3", light, hall), false, []string{"3"}},
		{"other arguments", call("3", light, attic), false, []string{"p3", "3"}},
		{"another place", call("4", light, hall), false, []string{"p4", "4"}},
		{"a branch", call("8.b.1", light, hall), false, []string{"8.b.p1", "8.b.1"}},
		{"denied", call("4", light, hall), true, []string{"p4"}},
		{"a read", call("9", lit, nil), false, []string{"9"}},
		{"a rollback", call("r1.1.1", light, attic), false, []string{"r1.1.1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			recorder := effect.HandlerFunc(func(_ context.Context, c effect.Call) (effect.Result, error) {
				got = append(got, string(c.Place))
				if by, _ := c.Args["by"].([]any); c.Op == approve && (len(by) != 1 || by[0] != "lead" || c.Args["timeout"] != 60.0 || c.Args["count"] != 1.0) {
					t.Errorf("asked with %v", c.Args)
				}
				if tt.denied && c.Op == approve {
					return effect.Result{}, effect.Errorf(effect.CodeDenied, "alice said no")
				}
				return effect.Result{}, nil
			})
			_, err := simulate.NewGuard(plan, approve, terms, recorder).Do(t.Context(), tt.call)
			if !slices.Equal(got, tt.want) {
				t.Errorf("reached the recorder: %v, want %v", got, tt.want)
			}
			if denied := err != nil && effect.AsError(err).Code == effect.CodeDenied; denied != tt.denied {
				t.Errorf("got %v", err)
			}
		})
	}
}
