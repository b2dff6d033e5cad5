package host_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/host"
	"github.com/q-ecosystem/runbook/stdlib"
)

// bulb carries what of the lamp's module changes something.
type bulb struct{ lamp }

func (b *bulb) Describe() plugins.Description {
	d := b.lamp.Describe()
	d.Name, d.Ops = "bulb", d.Ops[1:]
	return d
}

func (*bulb) Observe(context.Context, plugins.Request) (plugins.Observation, error) {
	return plugins.Observation{State: effect.NotApplied}, nil
}

func (*bulb) Preview(context.Context, plugins.Request) (effect.Prediction, error) {
	return effect.Prediction{Target: "bulb"}, nil
}

// liar says something else of the lamp's module than the lamp.
type liar struct{ lamp }

func (l *liar) Describe() plugins.Description {
	d := l.lamp.Describe()
	d.Name, d.Ops[0].Class, d.Ops[0].Recovery = "liar", effect.Write, effect.Retry
	return d
}

// quarter carries another op of the module traffic than half.
type quarter struct{ lamp }

func (*quarter) Describe() plugins.Description {
	return plugins.Description{Name: "quarter", Module: "traffic", Ops: stdlib.Carry("traffic", "weights", "servers")}
}

// lit is a spec of the lamp's module whose answers show who gave them.
func lit(name string, ops ...string) host.Spec {
	return host.Spec{Name: name, Module: "lamp", Builtin: true, Ops: ops, Config: map[string]any{"colour": name}}
}

func TestCallGoesToTheFirstThatCarriesItsOp(t *testing.T) {
	for name, test := range map[string]struct {
		specs        []host.Spec
		look, change string
	}{
		"the first carries all": {[]host.Spec{lit("lamp"), lit("bulb")}, "lamp", "lamp"},
		"by what they carry":    {[]host.Spec{lit("bulb"), lit("lamp")}, "lamp", "bulb"},
		"by their limits":       {[]host.Spec{lit("lamp", "look"), lit("bulb", "change")}, "lamp", "bulb"},
		"limits come first":     {[]host.Spec{lit("bulb", "toss"), lit("lamp")}, "lamp", "lamp"},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t, test.specs...)
			for _, c := range []struct {
				call effect.Call
				want string
			}{{look("config"), test.look}, {change("config"), test.change}} {
				if got := said(t, h, c.call).(map[string]any)["colour"]; got != c.want {
					t.Errorf("%s went to %v, want %s", c.call.Op, got, c.want)
				}
			}
			// Whether it was applied is asked of the one that was to apply it.
			c := change("anything")
			c.Verb = effect.VerbObserve
			want := map[string]effect.Observed{"lamp": effect.Applied, "bulb": effect.NotApplied}[test.change]
			if res, err := h.Do(t.Context(), c); err != nil || res.Observed != want {
				t.Errorf("observe: %+v, %v", res, err)
			}
			c.Verb = effect.VerbPreview
			if res, err := h.Do(t.Context(), c); err != nil || res.Predicted.Target != test.change {
				t.Errorf("preview: %+v, %v", res, err)
			}
		})
	}
}

// TestCallBeforeOpen: what a backend carries is asked of it when it has to be
// known.
func TestCallBeforeOpen(t *testing.T) {
	h, err := host.New(host.Options{Specs: []host.Spec{lit("bulb"), lit("lamp")}, Contract: stdlib.Contract})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if got := said(t, h, look("config")).(map[string]any)["colour"]; got != "lamp" {
		t.Errorf("it went to %v", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	failure(t, ctx, h, change("config"), effect.CodeUnavailable)
}

func TestOpThatNoneCarries(t *testing.T) {
	h := openWith(t, host.Options{Carriers: func(op string) []string { return []string{"by " + op} },
		Specs: []host.Spec{{Name: "half", Module: "traffic", Builtin: true}, {Name: "quarter", Module: "traffic", Builtin: true}}})
	ops := stdlib.Carry("traffic", "drain")
	c := effect.Call{Run: "r", Place: "1", Key: "k", Op: &ops[0], Args: map[string]any{"server": "blue"}, Class: effect.Write}
	for _, verb := range []effect.Verb{effect.VerbInvoke, effect.VerbObserve, effect.VerbPreview} {
		c.Verb = verb
		e := failure(t, t.Context(), h, c, effect.CodeUnsupported)
		if e.Message != "none of the backends half and quarter carries traffic.drain; nothing was done" ||
			e.Hint != "half carries traffic.weights, quarter carries traffic.weights, traffic.servers; name a backend in runbook.yaml that carries traffic.drain too (by traffic.drain), or do without it" {
			t.Errorf("%q (hint %q)", e.Message, e.Hint)
		}
	}
	for _, op := range []effect.Op{{Module: "traffic", Name: "servers"}, {Module: "notify", Name: "send"}, {Module: "traffic", Name: "weights"}} {
		if err := h.Lacks(&op); err != nil {
			t.Errorf("lacks: %v", err)
		}
	}
	if err := h.Lacks(&ops[0]); err == nil || !strings.Contains(err.Error(), "half and quarter carries traffic.drain") {
		t.Errorf("lacks: %v", err)
	}
}

func TestOpThatIsLeftOut(t *testing.T) {
	h := open(t, lit("lamp", "look"), lit("bulb", "change"))
	e := failure(t, t.Context(), h, call("toss", "config"), effect.CodeUnsupported)
	if e.Message != "lamp.toss goes to no backend: `ops` of lamp and bulb in runbook.yaml leaves it out; nothing was done" || !strings.Contains(e.Hint, "add toss there") {
		t.Errorf("%q (hint %q)", e.Message, e.Hint)
	}
	one := open(t, lit("lamp", "look"))
	failure(t, t.Context(), one, change("config"), effect.CodeUnsupported)
}

func TestModuleOfSeveralPlugins(t *testing.T) {
	list := open(t, lit("bulb"), lit("lamp")).Modules()
	var names []string
	for _, m := range list {
		for _, op := range m.Ops {
			names = append(names, op.String())
		}
	}
	if want := []string{"lamp.change", "lamp.toss", "lamp.look"}; len(list) != 1 || !slices.Equal(names, want) {
		t.Errorf("%d modules with %v, want %v", len(list), names, want)
	}
	var ce *host.ContractError
	h, err := host.New(host.Options{Specs: []host.Spec{lit("lamp"), lit("liar")}})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if err := h.Open(t.Context()); !errors.As(err, &ce) || ce.Backend != "liar" || !slices.Contains(ce.Differences, "lamp.look: its class is write, backend lamp says read") {
		t.Errorf("two that differ: %v", err)
	}
}

// TestOneOfSeveralDies: the other one goes on, and the dead one is started again.
func TestOneOfSeveralDies(t *testing.T) {
	h := open(t, lit("bulb"), lit("lamp"))
	lampPid, bulbPid := pid(t, h), int(said(t, h, change("pid")).(float64))
	if err := syscall.Kill(bulbPid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the bulb is dead", func() bool { return !alive(bulbPid) })
	if got := pid(t, h); got != lampPid {
		t.Errorf("the lamp was started again")
	}
	var again int
	eventually(t, "the bulb is back", func() bool {
		res, err := h.Do(t.Context(), change("pid"))
		if err != nil {
			return false
		}
		again = int(res.Value.(map[string]any)["said"].(float64))
		return again != bulbPid
	})
	h.Close()
	for _, p := range []int{lampPid, again} {
		eventually(t, "all have ended", func() bool { return !alive(p) })
	}
}

func TestLimitToWhatIsNotCarried(t *testing.T) {
	h, err := host.New(host.Options{Contract: stdlib.Contract, Specs: []host.Spec{{Name: "half", Module: "traffic", Builtin: true, Ops: []string{"drain"}}}})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if err := h.Open(t.Context()); err == nil || !strings.Contains(err.Error(), "backend half is to carry traffic.drain, and does not: it carries traffic.weights") {
		t.Errorf("got %v", err)
	}
	d := (&lamp{}).Describe()
	d.Config = append(d.Config, effect.Field{Name: "ops", Type: effect.List})
	if err := host.Verify(lampSpec(), d, nil); err == nil || !strings.Contains(err.Error(), `declares the configuration key "ops"`) {
		t.Errorf("got %v", err)
	}
}
