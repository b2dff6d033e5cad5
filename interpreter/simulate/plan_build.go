package simulate

import (
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
)

// NewPlan tells the effects of a run from its events; entries, which a record
// does not have, add what changed and what it rests on. The caller fills in
// what the events do not say: names, hashes, parameters, backends.
func NewPlan(events []effect.Event, entries []Entry) *Plan {
	b := &planner{history: history.Of(events), seen: map[effect.Place]Entry{},
		plan: &Plan{Version: PlanVersion, Effects: []Planned{}, Touches: []Touched{}, Approvals: []Approval{}, Assumed: []string{}}}
	for _, e := range entries {
		b.seen[e.Place] = e
	}
	b.tell(events)
	p := b.plan
	sort.SliceStable(p.Effects, func(i, j int) bool {
		x, y := &p.Effects[i], &p.Effects[j]
		if x.At != y.At {
			return x.At < y.At
		}
		return x.Place.Compare(y.Place) < 0
	})
	b.summarize(entries)
	return p
}

// planner tells a run's history as a plan.
type planner struct {
	plan    *Plan
	history *history.History
	seen    map[effect.Place]Entry // by place; the last one
}

// tell fills in what the events say: when the run began, how it ended, and its
// effects.
func (b *planner) tell(events []effect.Event) {
	if len(events) == 0 {
		return
	}
	p, h := b.plan, b.history
	p.Start = events[0].At
	p.Took = b.offset(events[len(events)-1].At)
	if h.Rolling() {
		at := b.offset(h.RollbackAt)
		p.RollbackAt = &at
	}
	p.Status, p.Error = h.Status, h.Failure
	for _, e := range h.Effects {
		if e.State == history.Closed && e.Class != effect.Value {
			b.add(e)
		}
	}
}

// add adds an effect that has come to an end.
func (b *planner) add(e *history.Effect) {
	began := e.Began
	p := Planned{Place: e.Place, Op: e.Op, Class: e.Class, Args: withoutDigests(e.Args), Where: e.Where, Step: slices.Clone(e.Steps), Error: e.Err}
	if e.Place.InRollback() {
		p.Step = append([]string{"rollback"}, p.Step...)
	}
	if seen, ok := b.seen[e.Place]; ok {
		p.Changes, p.Fact, p.Fault = seen.Predictions(), seen.Fact, seen.Fault
		if began.Equal(e.Ended) {
			began = e.Ended.Add(-seen.Took)
		}
	}
	if len(p.Args) == 0 {
		p.Args = []byte("{}")
	}
	p.At, p.Took = b.offset(began), seconds(e.Ended.Sub(began))
	b.plan.Effects = append(b.plan.Effects, p)
}

func (b *planner) offset(at time.Time) float64 { return seconds(at.Sub(b.plan.Start)) }

// seconds rounds to milliseconds: less than that is no part of a plan.
func seconds(d time.Duration) float64 { return d.Round(time.Millisecond).Seconds() }

// summarize fills in what the effects come to together.
func (b *planner) summarize(entries []Entry) {
	p := b.plan
	touched := map[string]*Touched{}
	for i := range p.Effects {
		e := &p.Effects[i]
		module, _, _ := strings.Cut(e.Op, ".")
		if effect.Asks(e.Op) {
			p.Approvals = append(p.Approvals, approvalOf(e))
		}
		if !e.Class.Writes() || module == effect.ControlModule {
			continue
		}
		t := touched[module]
		if t == nil {
			t = &Touched{Module: module}
			touched[module] = t
		}
		t.Ops = insert(t.Ops, e.Op)
		for _, c := range e.Changes {
			t.Targets = insert(t.Targets, c.Target)
		}
	}
	for _, t := range touched {
		p.Touches = append(p.Touches, *t)
	}
	sort.Slice(p.Touches, func(i, j int) bool { return p.Touches[i].Module < p.Touches[j].Module })
	for _, e := range entries {
		if e.Fact == Assumed {
			if !slices.Contains(p.Assumed, e.Basis.Assumed) {
				p.Assumed = append(p.Assumed, e.Basis.Assumed)
			}
		}
	}
}

// insert adds a word to a sorted list, once.
func insert(list []string, word string) []string {
	i, found := slices.BinarySearch(list, word)
	if found || word == "" {
		return list
	}
	return slices.Insert(list, i, word)
}

func approvalOf(e *Planned) Approval {
	a := Approval{At: e.At, Count: 1}
	v, err := effect.Decode(e.Args)
	args, _ := v.(map[string]any)
	if err != nil {
		return a
	}
	a.Title, _ = args["title"].(string)
	a.Timeout, _ = args["timeout"].(float64)
	if n, ok := args["count"].(float64); ok {
		a.Count = int(n)
	}
	by, _ := args["by"].([]any)
	for _, name := range by {
		if s, ok := name.(string); ok {
			a.By = append(a.By, s)
		}
	}
	return a
}
