package simulate_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// awake returns a world in which one line of control acts.
func awake(s simulate.Setup) *simulate.World {
	w := simulate.NewWorld(s)
	w.Timeline().Idle(1)
	return w
}

// act carries out one effect.
func act(t *testing.T, w *simulate.World, s simulate.Setup, n int, name, lamp string) (effect.Result, error) {
	t.Helper()
	c := call(t, s.Catalog, n, name, lamp)
	c.Began = w.Timeline().Now()
	return w.Do(t.Context(), c)
}

func TestAWorldTellsWhatEffectsDo(t *testing.T) {
	s := toySetup(t)
	w := awake(s)
	for n, step := range []string{"light a", "look a", "light a", "burn a", "assume a"} {
		name, lamp, _ := strings.Cut(step, " ")
		_, err := act(t, w, s, n+1, "street."+name, lamp)
		if (err != nil) != (name == "burn") {
			t.Errorf("%s: %v", step, err)
		}
	}
	same(t, "entries", told(w.Entries()), []string{
		"1 street.light a street.a from false to true", "2 street.look a", "3 street.light a", "4 street.burn a ✗failed", "5 street.assume a"})
	e := w.Entries()
	if e[0].Took != time.Second || !e[0].At.Equal(begin.Add(time.Second)) || e[0].Where.Line != 1 {
		t.Errorf("the first effect took %s, until %s, at %s", e[0].Took, e[0].At, e[0].Where)
	}
	if e[0].Fact != simulate.Modeled || e[4].Fact != simulate.Assumed {
		t.Errorf("facts: %s, %s", e[0].Fact, e[4].Fact)
	}
	if state := w.State()["street"].(map[string]any); state["a"] != true {
		t.Errorf("the state is %v", state)
	}
	if w.State()["elapsed"] != 5.0 {
		t.Errorf("%v passed", w.State()["elapsed"])
	}
	if n := len(w.Effects()); n != 5 {
		t.Errorf("%d effects can be struck", n)
	}
}

// TestWorldsAreIndependent: each run starts from the same state.
func TestWorldsAreIndependent(t *testing.T) {
	s := toySetup(t)
	for range 2 {
		w := awake(s)
		if state := w.State()["street"].(map[string]any); state["a"] != false {
			t.Fatalf("a world begins with %v", state)
		}
		if _, err := act(t, w, s, 1, "street.light", "a"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAWorldKnowsWhatWasApplied(t *testing.T) {
	s := toySetup(t)
	w := awake(s)
	observe := func(n int) effect.Observed {
		c := call(t, s.Catalog, n, "street.light", "a")
		c.Verb = effect.VerbObserve
		res, err := w.Do(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		return res.Observed
	}
	if _, err := act(t, w, s, 1, "street.light", "a"); err != nil {
		t.Fatal(err)
	}
	if _, err := act(t, w, s, 2, "street.burn", "a"); err == nil {
		t.Fatal("burning works")
	}
	if a, b, c := observe(1), observe(2), observe(3); a != effect.Applied || b != effect.NotApplied || c != effect.NotApplied {
		t.Errorf("observed %s, %s after a failure, %s before the effect", a, b, c)
	}
	if !w.Applied("key1") || w.Applied("key2") {
		t.Error("an operator finds something else")
	}
}

// TestTheSameEffectTwice: a write that is sent again is marked, so that an
// invariant can tell what it did the second time.
func TestTheSameEffectTwice(t *testing.T) {
	for op, want := range map[string]string{
		"street.light":  "",
		"street.toggle": "street.toggle at toy:1 was applied twice, and the second time changed street.a from true to false"} {
		s := toySetup(t)
		w := awake(s)
		for range 2 {
			if _, err := act(t, w, s, 1, op, "a"); err != nil {
				t.Fatal(err)
			}
		}
		if e := w.Entries(); e[0].Again || !e[1].Again {
			t.Errorf("%s: again: %t, %t", op, e[0].Again, e[1].Again)
		}
		got := ""
		for _, v := range w.End(simulate.Ending{Status: effect.StatusSucceeded}) {
			got += v.Message
		}
		if got != want {
			t.Errorf("%s twice: %q, want %q", op, got, want)
		}
	}
}

// TestWhatCannotBeSimulatedIsRefused: by name, and never pretended.
func TestWhatCannotBeSimulatedIsRefused(t *testing.T) {
	s := toySetup(t)
	_, err := act(t, awake(s), s, 1, "moon.shine", "")
	if e := effect.AsError(err); e == nil || e.Code != effect.CodeUnsupported || !strings.Contains(e.Message, "moon.shine cannot be simulated") || e.Hint == "" {
		t.Errorf("shining: %v", err)
	}
}

// moonlight predicts what the moon would do, and says what it was asked.
type moonlight struct{ asked []string }

func (m *moonlight) Do(_ context.Context, c effect.Call) (effect.Result, error) {
	m.asked = append(m.asked, string(c.Verb)+c.Op.Name)
	switch {
	case c.Verb == effect.VerbPreview && c.Op.Name == "shine":
		return effect.Result{Predicted: effect.Prediction{Target: "the moon", From: "new", To: "full"}}, nil
	case c.Op.Name == "phase":
		return effect.Result{Value: "new"}, nil
	}
	return effect.Result{}, effect.Errorf(effect.CodeUnsupported, "no idea")
}

func TestAForeignModuleIsPredicted(t *testing.T) {
	s := toySetup(t)
	m := &moonlight{}
	s.Preview = m
	w := awake(s)
	if _, err := act(t, w, s, 1, "moon.shine", ""); err != nil {
		t.Fatal(err)
	}
	res, err := act(t, w, s, 2, "moon.phase", "")
	if err != nil || res.Value != "new" {
		t.Fatal(res, err)
	}
	e := w.Entries()
	if e[0].Fact != simulate.Guessed || e[0].Predicted.To != "full" || e[1].Fact != simulate.Live {
		t.Errorf("entries %+v", e)
	}
	same(t, "asked", m.asked, []string{"previewshine", "phase"})
}

// TestAnEffectLastsNoLongerThanItsTimeout bounds what a model says.
func TestAnEffectLastsNoLongerThanItsTimeout(t *testing.T) {
	s := toySetup(t)
	w := awake(s)
	_, err := act(t, w, s, 1, "street.slow", "a")
	if e := effect.AsError(err); e == nil || e.Code != effect.CodeTimeout || !strings.Contains(e.Message, "it takes 1h in the simulated world, and has 1m") {
		t.Errorf("it ends with %v", err)
	}
	if w.Applied("key1") || len(w.Entries()) != 1 || w.Entries()[0].Err == nil {
		t.Errorf("it was applied: %+v", w.Entries())
	}
	if took := w.Timeline().Now().Sub(begin); took != time.Minute {
		t.Errorf("it took %s", took)
	}
}

// TestARunThatNeverEndsIsEnded, and says where it stood.
func TestARunThatNeverEndsIsEnded(t *testing.T) {
	s := toySetup(t)
	w := awake(s)
	for n := 1; n < 30000; n++ {
		_, err := act(t, w, s, n, "street.look", "a")
		if err == nil {
			continue
		}
		stop := effect.AsStop(err)
		if stop == nil || stop.Cause != simulate.Endless || !strings.Contains(err.Error(), "street.look at toy:20001") {
			t.Errorf("it ends with %v", err)
		}
		return
	}
	t.Error("it does not end")
}

// reads answers the reads of the real street.
type reads struct {
	failing bool
	asked   int
}

func (r *reads) Do(context.Context, effect.Call) (effect.Result, error) {
	r.asked++
	if r.failing {
		return effect.Result{}, errors.New("the street is closed")
	}
	return effect.Result{Value: map[string]any{"on": true}}, nil
}

// learned is a street that is filled from the real one.
type learned struct{ *street }

func (l learned) Clone() effect.Model { return learned{l.street.Clone().(*street)} }

func (l learned) Needs(_ effect.Moment, _ string, args map[string]any) []effect.Reading {
	return []effect.Reading{{Op: "look", Args: args}}
}

func (l learned) Learn(r effect.Reading, value any) error {
	l.lit[r.Args["lamp"].(string)] = value.(map[string]any)["on"] == true
	return nil
}

func TestAWorldIsReadFromTheRealOne(t *testing.T) {
	s := toySetup(t)
	s.Models["street"] = learned{newStreet().(*street)}
	r := &reads{}
	s.Live = r
	w := awake(s)
	res, err := act(t, w, s, 1, "street.look", "a")
	if err != nil || res.Value.(map[string]any)["on"] != true {
		t.Fatalf("looked at: %v, %v", res, err)
	}
	if _, err := act(t, w, s, 2, "street.toggle", "a"); err != nil {
		t.Fatal(err)
	}
	if _, err := act(t, w, s, 3, "street.look", "a"); err != nil {
		t.Fatal(err)
	}
	if r.asked != 1 {
		t.Errorf("the real street was looked at %d times", r.asked)
	}
	e := w.Entries()
	if e[0].Fact != simulate.Live || e[1].Fact != simulate.Live || e[2].Fact == simulate.Live {
		t.Errorf("facts: %s, %s, %s", e[0].Fact, e[1].Fact, e[2].Fact)
	}
}

// TestAReadOfTheScriptFailsAsForReal, one of the model's own is only noted.
func TestAReadOfTheScriptFailsAsForReal(t *testing.T) {
	s := toySetup(t)
	s.Models["street"] = learned{newStreet().(*street)}
	s.Live = &reads{failing: true}
	w := awake(s)
	if _, err := act(t, w, s, 1, "street.look", "a"); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("the script reads: %v", err)
	}
	if _, err := act(t, w, s, 2, "street.light", "b"); err != nil {
		t.Errorf("the model reads: %v", err)
	}
	unread := w.Unread()
	if len(unread) != 1 || unread[0].Op != "street.look" {
		t.Errorf("not read: %v", unread)
	}
}

// TestStrangersAnswer: who is not asked has no word, whoever has the role that is asked has.
func TestStrangersAnswer(t *testing.T) {
	people := effect.People{"ann": {Roles: []string{"lead"}}, "bob": {}}
	for _, c := range []struct {
		people effect.People
		by     string
		taken  bool
	}{{people, "ann", true}, {people, "lead", true}, {people, "bob", false}, {nil, "lead", true}, {nil, " LEAD", true}, {nil, "ann", false}} {
		s := toySetup(t)
		s.Answers, s.Meant = map[string]simulate.Answer{"go?": {By: []string{c.by}}}, c.people.Meant
		w := awake(s)
		q := call(t, s.Catalog, 1, effect.OpApprove, "")
		args, err := q.Op.Check(map[string]any{"title": "go?", "by": []any{"lead"}})
		if err != nil {
			t.Fatal(err)
		}
		q.Args, q.Began = args, w.Timeline().Now()
		_, err = w.Do(t.Context(), q)
		if (err == nil) != c.taken || err != nil && !strings.Contains(err.Error(), `the scenario answers "go?" as `+c.by+", and it asks [lead]") {
			t.Errorf("%q, asked with %v: %v", c.by, c.people, err)
		}
	}
}

// TestPeopleAnswer: as they are told, or after a minute with yes.
func TestPeopleAnswer(t *testing.T) {
	s := toySetup(t)
	s.Answers = map[string]simulate.Answer{"no?": {Deny: true, After: time.Hour, By: []string{"ann"}}, "never?": {Never: true}}
	w := awake(s)
	ask := func(n int, title string) (effect.Result, error) {
		c := call(t, s.Catalog, n, effect.OpApprove, "")
		args, err := c.Op.Check(map[string]any{"title": title, "count": 2.0, "by": []any{"bob", "cem"}, "timeout": "2h"})
		if err != nil {
			t.Fatal(err)
		}
		c.Args, c.Began = args, w.Timeline().Now()
		return w.Do(t.Context(), c)
	}
	res, err := ask(1, "yes?")
	if err != nil || len(res.Value.(map[string]any)["by"].([]any)) != 2 || w.Timeline().Now() != begin.Add(time.Minute) {
		t.Errorf("asked: %v, %v, at %s", res, err, w.Timeline().Now())
	}
	if _, err := ask(2, "no?"); effect.AsError(err) == nil || effect.AsError(err).Code != effect.CodeDenied || !strings.Contains(err.Error(), "ann") {
		t.Errorf("denied: %v", err)
	}
	before := w.Timeline().Now()
	if _, err := ask(3, "never?"); effect.AsError(err) == nil || effect.AsError(err).Code != effect.CodeExpired || w.Timeline().Now().Sub(before) != 2*time.Hour {
		t.Errorf("never answered: %v", err)
	}
	if facts := w.Entries(); facts[0].Fact != simulate.Assumed || facts[1].Fact != simulate.Modeled {
		t.Errorf("facts: %s, %s", facts[0].Fact, facts[1].Fact)
	}
	if people := w.State()["people"].(map[string]any); people["yes?"] != "approved" || people["no?"] != "denied" || people["never?"] != "expired" {
		t.Errorf("the world knows %v", people)
	}
}

// primed is a street that wants to know one lamp before anything happens, and
// doubts what it was told.
type primed struct{ learned }

func (p primed) Clone() effect.Model { return primed{p.learned.Clone().(learned)} }

func (primed) Prime() []effect.Reading {
	return []effect.Reading{{Op: "look", Args: map[string]any{"lamp": "c"}}}
}

func (primed) Doubts() []string { return []string{"lamp c burns on"} }

// TestAWorldBeginsWithWhatIsThere: what was read before is the beginning, and is
// not read again.
func TestAWorldBeginsWithWhatIsThere(t *testing.T) {
	began := map[string]any{}
	s := toySetup(t, effect.Invariant{Name: "look", End: func(v *effect.View, _ effect.Ending) string { began = v.Begin("street"); return "" }})
	s.Models["street"] = primed{learned{newStreet().(*street)}}
	r := &reads{}
	s.Live = r
	w := awake(s)
	if err := w.Prime(t.Context()); err != nil || r.asked != 1 {
		t.Fatalf("%d reads, %v", r.asked, err)
	}
	if res, err := act(t, w, s, 1, "street.look", "c"); err != nil || res.Value.(map[string]any)["on"] != true || r.asked != 1 {
		t.Errorf("looked at: %v after %d reads, %v", res, r.asked, err)
	}
	w.End(simulate.Ending{Status: effect.StatusSucceeded})
	if began["c"] != true {
		t.Errorf("it began with %v", began)
	}
	same(t, "doubts", w.Doubts(), []string{"lamp c burns on"})
	s.Live = &reads{failing: true}
	if w = awake(s); w.Prime(t.Context()) != nil || len(w.Unread()) != 1 {
		t.Errorf("what cannot be read is %v", w.Unread())
	}
	s.Live = effect.HandlerFunc(func(context.Context, effect.Call) (effect.Result, error) {
		return effect.Result{}, &effect.Stop{Cause: effect.Interrupted}
	})
	if err := awake(s).Prime(t.Context()); effect.AsStop(err) == nil {
		t.Errorf("a reader that is stopped: %v", err)
	}
}

// mirror is the model of a module whose state is what it sees of another one,
// which may look back.
type mirror struct{ at string }

func (mirror) Load(map[string]any) error { return nil }

func (r mirror) Do(m effect.Moment, _ string, _ map[string]any) (any, error) {
	return m.World(r.at), nil
}

func (r mirror) State(m effect.Moment) map[string]any { return map[string]any{"sees": m.World(r.at)} }

func (r mirror) Clone() effect.Model { return r }

// TestModulesThatLookAtEachOther: each sees the other's state, and no look
// comes back to who began it.
func TestModulesThatLookAtEachOther(t *testing.T) {
	look := func(module, at string) effect.Module {
		return effect.Module{Name: module, Model: func() effect.Model { return mirror{at} },
			Ops: []effect.Op{{Module: module, Name: "look", Doc: "Look", Class: effect.Read}}}
	}
	c, err := effect.NewCatalog(look("left", "right"), look("right", "left"), effect.Control())
	if err != nil {
		t.Fatal(err)
	}
	s := simulate.Setup{Models: c.Models(), Catalog: c, Start: begin}
	w := awake(s)
	res, err := act(t, w, s, 1, "left.look", "")
	if err != nil {
		t.Fatal(err)
	}
	if back, seen := res.Value.(map[string]any)["sees"].(map[string]any); !seen || back != nil {
		t.Errorf("left sees %v", res.Value)
	}
}

// lantern says everything twice, and how it came by it.
type lantern struct{ oil int }

func (*lantern) Load(map[string]any) error { return nil }

func (l *lantern) Do(effect.Moment, string, map[string]any) (any, error) { l.oil++; return nil, nil }

func (l *lantern) State(effect.Moment) map[string]any {
	return map[string]any{"oil": float64(l.oil), "drops": float64(20 * l.oil), "assumed": l.oil == 0}
}

func (l *lantern) Clone() effect.Model { c := *l; return &c }

func (*lantern) Repeats(path []string) bool { return path[0] == "drops" }

// TestAChangeIsToldOnce, and not that a model knows now what it had assumed.
func TestAChangeIsToldOnce(t *testing.T) {
	c, err := effect.NewCatalog(effect.Module{Name: "lantern", Model: func() effect.Model { return &lantern{} },
		Ops: []effect.Op{{Module: "lantern", Name: "fill", Doc: "Fill it", Class: effect.Write, Recovery: effect.Ask}}}, effect.Control())
	if err != nil {
		t.Fatal(err)
	}
	s := simulate.Setup{Models: c.Models(), Catalog: c, Start: begin}
	w := awake(s)
	if _, err := act(t, w, s, 1, "lantern.fill", ""); err != nil {
		t.Fatal(err)
	}
	same(t, "entries", told(w.Entries()), []string{"1 lantern.fill <nil> lantern.oil from 0 to 1"})
}

// TestAReadNobodySimulatesFailsAsForReal, and is told so.
func TestAReadNobodySimulatesFailsAsForReal(t *testing.T) {
	s := toySetup(t)
	s.Preview = effect.HandlerFunc(func(context.Context, effect.Call) (effect.Result, error) {
		return effect.Result{}, effect.Errorf(effect.CodeUnavailable, "clouds")
	})
	w := awake(s)
	if _, err := act(t, w, s, 1, "moon.phase", ""); effect.AsError(err) == nil || effect.AsError(err).Code != effect.CodeUnavailable {
		t.Errorf("looked up: %v", err)
	}
	same(t, "entries", told(w.Entries()), []string{"1 moon.phase <nil> ✗unavailable"})
}

// TestInvariantsKnowWhatOnlyTells: modules say it of themselves.
func TestInvariantsKnowWhatOnlyTells(t *testing.T) {
	bell := effect.Module{Name: "bell", Tells: true, Model: func() effect.Model { return &lantern{} },
		Ops: []effect.Op{{Module: "bell", Name: "ring", Doc: "Ring it", Class: effect.Write, Recovery: effect.Ask}}}
	c, err := effect.NewCatalog(bell, streets(), effect.Control())
	if err != nil {
		t.Fatal(err)
	}
	tells := map[string]bool{}
	s := simulate.Setup{Models: c.Models(), Catalog: c, Start: begin, Invariants: []effect.Invariant{{Name: "look",
		After: func(_ *effect.View, e effect.Occurrence) string { tells[e.Module] = e.Tells; return "" }}}}
	w := awake(s)
	for n, op := range []string{"bell.ring", "street.light"} {
		if _, err := act(t, w, s, n+1, op, ""); err != nil {
			t.Fatal(err)
		}
	}
	if told, known := tells["street"]; !tells["bell"] || told || !known {
		t.Errorf("what only tells: %v", tells)
	}
}

// TestRecall: a read that is made once more for its secrets is no effect of the
// run, in a model or on the real system.
func TestRecall(t *testing.T) {
	s := toySetup(t)
	c := s.Catalog
	asked := &ledger{}
	s.Preview = simulate.NewReadOnly(c, asked)
	w := awake(s)
	for n, op := range []string{"street.look", "moon.phase"} {
		again := call(t, c, n+1, op, "")
		if op == "street.look" {
			again.Args["lamp"] = "a"
		}
		again.Verb = effect.VerbRecall
		if _, err := w.Do(t.Context(), again); err != nil {
			t.Errorf("%s: %v", op, err)
		}
		again.Verb = effect.VerbInvoke
		if _, err := w.Do(t.Context(), again); err != nil {
			t.Errorf("%s: %v", op, err)
		}
		if entries, effects := len(w.Entries()), len(w.Effects()); entries != n+1 || effects != n+1 {
			t.Errorf("%s, once more and once: %d entries, %d effects", op, entries, effects)
		}
	}
	same(t, "asked of the real system", asked.asked, []string{" moon.phase", " moon.phase"})
}
