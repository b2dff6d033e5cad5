package simulate_test

import (
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// TestOutagesEnd: what strikes a system lasts beyond the effect that it struck
// first, is the same for whoever asks whether that was applied, and ends.
func TestOutagesEnd(t *testing.T) {
	for _, tt := range []struct {
		kind simulate.Kind
		want []bool // whether the calls that follow are answered
	}{
		{simulate.Down, []bool{false, false, false, true}},
		{simulate.Flapping, []bool{false, true, false, true}},
	} {
		t.Run(string(tt.kind), func(t *testing.T) {
			s := toySetup(t)
			w := awake(s)
			first := call(t, s.Catalog, 1, "street.light", "a")
			in := simulate.NewInjector(simulate.Schedule{{Place: first.Place, Kind: tt.kind}}, w)
			h := in.Above(w, func() {})
			for i, want := range tt.want {
				if i == len(tt.want)-1 {
					w.Timeline().Skip(10 * time.Minute)
				}
				_, err := h.Do(t.Context(), call(t, s.Catalog, i+1, "street.light", "a"))
				if e := effect.AsError(err); (err == nil) != want || err != nil && (e.Code != effect.CodeUnavailable || !e.Retryable) {
					t.Errorf("call %d: %v, answered is %t", i+1, err, want)
				}
				if i == 0 && in.Outage() <= 0 {
					t.Error("no outage is under way")
				}
			}
			if in.Outage() > 0 {
				t.Errorf("the outage lasts %v more", in.Outage())
			}
		})
	}
}

// TestNobodyCanLookIntoAnOutage: whether something was applied is not known.
func TestNobodyCanLookIntoAnOutage(t *testing.T) {
	s := toySetup(t)
	w := awake(s)
	c := call(t, s.Catalog, 1, "street.light", "a")
	h := simulate.NewInjector(simulate.Schedule{{Place: c.Place, Kind: simulate.Down}}, w).Above(w, func() {})
	if _, err := h.Do(t.Context(), c); err == nil {
		t.Fatal("it was done")
	}
	c.Verb = effect.VerbObserve
	if res, err := h.Do(t.Context(), c); err != nil || res.Observed != effect.Uncertain {
		t.Errorf("observed %q, %v", res.Observed, err)
	}
}

// TestAStaleReadIsFromBeforeTheLastChange, once.
func TestAStaleReadIsFromBeforeTheLastChange(t *testing.T) {
	s := toySetup(t)
	w := awake(s)
	h := simulate.NewInjector(simulate.Schedule{{Place: "2", Kind: simulate.Stale}}, w).Above(w, func() {})
	for place, want := range []any{nil, false, true} {
		op := "street.look"
		if place == 0 {
			op = "street.light"
		}
		res, err := h.Do(t.Context(), call(t, s.Catalog, place+1, op, "a"))
		if err != nil {
			t.Fatal(err)
		}
		if on := res.Value.(map[string]any)["on"]; on != want {
			t.Errorf("effect %d says %v, want %v", place+1, on, want)
		}
	}
}

// TestALateChangeHappensAfterTheLook: whoever looks at once finds it not done,
// and it happens all the same, be it after the end of the run.
func TestALateChangeHappensAfterTheLook(t *testing.T) {
	s := toySetup(t)
	w := awake(s)
	h := simulate.NewInjector(simulate.Schedule{{Place: "1", Kind: simulate.AppliedLate}}, w).Above(w, func() {})
	c := call(t, s.Catalog, 1, "street.light", "a")
	if _, err := h.Do(t.Context(), c); effect.AsError(err) == nil || effect.AsError(err).Code != effect.CodeUnknown {
		t.Fatalf("got %v", err)
	}
	c.Verb = effect.VerbObserve
	if res, err := h.Do(t.Context(), c); err != nil || res.Observed != effect.NotApplied {
		t.Errorf("observed %q, %v", res.Observed, err)
	}
	lit := func() any { return w.State()["street"].(map[string]any)["a"] }
	if lit() == true {
		t.Error("it happened at once")
	}
	w.End(simulate.Ending{Status: effect.StatusSucceeded})
	if lit() != true {
		t.Error("it never happened")
	}
}

// TestTheClockJumps before the effect, and the effect is carried out.
func TestTheClockJumps(t *testing.T) {
	s := toySetup(t)
	w := awake(s)
	h := simulate.NewInjector(simulate.Schedule{{Place: "1", Kind: simulate.ClockJumps}}, w).Above(w, func() {})
	if _, err := h.Do(t.Context(), call(t, s.Catalog, 1, "street.light", "a")); err != nil {
		t.Fatal(err)
	}
	if passed := w.Timeline().Now().Sub(s.Start); passed < time.Hour {
		t.Errorf("only %v passed", passed)
	}
}

// TestFaultsAreChosen: by name, all, without some; what is no fault is named.
func TestFaultsAreChosen(t *testing.T) {
	r := toy{t: t, steps: []string{"street.light a"}}
	for _, tt := range []struct {
		only, without []string
		want          []string
	}{
		{nil, nil, []string{"none", "1:refused", "1:timeout", "1:lost", "1:killed-before", "1:killed-after"}},
		{nil, []string{"lost", "refused"}, []string{"none", "1:timeout", "1:killed-before", "1:killed-after"}},
		{[]string{"down", "refused"}, nil, []string{"none", "1:refused", "1:down"}},
		{[]string{"all"}, []string{"down", "timeout", "refused", "lost", "killed-before", "killed-after", "flapping"},
			[]string{"none", "1:unavailable", "1:applied-late", "1:killed-twice", "1:rolled-back", "1:canceled", "1:resumed-late", "1:clock-jumps"}},
	} {
		var ids []string
		setup := toySetup(t)
		choice, err := simulate.ParseChoice(tt.only, tt.without, setup.Catalog)
		if err != nil {
			t.Fatal(err)
		}
		explore(t, simulate.Explorer{Runner: noted{r, &ids}, Setup: setup, Faults: choice})
		same(t, "schedules", ids, tt.want)
	}
	if _, err := simulate.ParseChoice([]string{"refusd"}, nil, toys(t)); err == nil || !contains(err.Error(), `did you mean "refused"?`) {
		t.Error(err)
	}
	if _, err := simulate.ParseChoice(nil, []string{"all"}, toys(t)); err == nil {
		t.Error("nothing would be tried")
	}
}
