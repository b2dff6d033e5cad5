package simulate

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// NewPlan tells the effects of a run from its events; entries, which a record
// does not have, add what changed and what it rests on. The caller fills in
// what the events do not say: names, hashes, parameters, backends.
func NewPlan(events []effect.Event, entries []Entry) *Plan {
	b := &planner{plan: &Plan{Version: PlanVersion, Effects: []Planned{}, Touches: []Touched{}, Approvals: []Approval{}, Assumed: []string{}},
		branches: map[string][]string{"": nil}, intents: map[string]effect.Event{}, seen: map[string]Entry{}}
	for _, e := range entries {
		b.seen[e.Place] = e
	}
	for i := range events {
		b.add(&events[i])
	}
	p := b.plan
	sort.SliceStable(p.Effects, func(i, j int) bool {
		x, y := &p.Effects[i], &p.Effects[j]
		if x.At != y.At {
			return x.At < y.At
		}
		return comparePlaces(x.Place, y.Place) < 0
	})
	b.summarize(entries)
	return p
}

// planner goes through a run's events.
type planner struct {
	plan     *Plan
	branches map[string][]string // the steps that each branch is in
	intents  map[string]effect.Event
	seen     map[string]Entry // by place; the last one
	started  bool
	rolling  bool
}

func (b *planner) add(ev *effect.Event) {
	p := b.plan
	if !b.started {
		b.started, p.Start = true, ev.At
	}
	p.Took = b.offset(ev.At)
	switch ev.Kind {
	case effect.StepEntered:
		name := b.own(ev.Place)
		b.branches[name] = append(slices.Clip(b.steps(ev.Place)), ev.Body.Name)
	case effect.StepLeft:
		name := b.own(ev.Place)
		if n := len(b.branches[name]); n > 0 {
			b.branches[name] = b.branches[name][:n-1]
		}
	case effect.BranchLeft:
		delete(b.branches, ev.Place)
	case effect.RollbackStarted:
		b.rolling, b.branches = true, map[string][]string{"": {"rollback"}}
		if p.RollbackAt == nil {
			at := b.offset(ev.At)
			p.RollbackAt = &at
		}
	case effect.StatusChanged:
		p.Status, p.Error = ev.Body.Status, ev.Body.Error
	case effect.EffectIntended, effect.TimerSet, effect.QuestionAsked:
		if _, begun := b.intents[ev.Place]; !begun {
			b.intents[ev.Place] = *ev
		}
	case effect.EffectDone, effect.EffectFailed:
		b.outcome(ev)
	case effect.EffectObserved, effect.EffectResolved:
		if ev.Body.Outcome != "not_applied" && ev.Body.Outcome != "unknown" {
			b.outcome(ev)
		}
	}
}

// outcome adds an effect that has come to an end.
func (b *planner) outcome(ev *effect.Event) {
	body := ev.Body
	began := ev.At
	if intent, ok := b.intents[ev.Place]; ok {
		body.Op, body.Args, body.Class, began = intent.Body.Op, intent.Body.Args, intent.Body.Class, intent.At
		if body.Where.File == "" {
			body.Where = intent.Body.Where
		}
	}
	if body.Class == effect.Value {
		return
	}
	e := Planned{Place: ev.Place, Op: body.Op, Class: body.Class, Args: withoutDigests(body.Args), Where: body.Where,
		Step: slices.Clone(b.steps(ev.Place)), Error: body.Error}
	if seen, ok := b.seen[ev.Place]; ok {
		e.Changes, e.Fact, e.Fault = seen.Changes, seen.Fact, seen.Fault
		if began.Equal(ev.At) {
			began = ev.At.Add(-seen.Took)
		}
	}
	if len(e.Args) == 0 {
		e.Args = []byte("{}")
	}
	e.At, e.Took = b.offset(began), seconds(ev.At.Sub(began))
	b.plan.Effects = append(b.plan.Effects, e)
}

// own is the branch whose mark stands at a place.
func (b *planner) own(place string) string {
	i := strings.LastIndexByte(place, '.')
	if i < 0 {
		return ""
	}
	return place[:i]
}

// steps returns the steps that the branch of a place is in.
func (b *planner) steps(place string) []string {
	for place != "" {
		i := strings.LastIndexByte(place, '.')
		if i < 0 {
			break
		}
		place = place[:i]
		if steps, ok := b.branches[place]; ok {
			return steps
		}
	}
	return b.branches[""]
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
		if e.Op == effect.OpApprove {
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
			if text := assumption(e); !slices.Contains(p.Assumed, text) {
				p.Assumed = append(p.Assumed, text)
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

// assumption says in words what was taken for granted.
func assumption(e Entry) string {
	module, _, _ := strings.Cut(e.Op, ".")
	if e.Op == effect.OpApprove {
		return fmt.Sprintf("an answer to %q", e.Args["title"])
	}
	if module == "traffic" {
		return "traffic before the first change"
	}
	if argv, ok := e.Args["argv"].([]any); ok {
		words := make([]string, len(argv))
		for i := range argv {
			words[i] = fmt.Sprint(argv[i])
		}
		return "the result of " + strings.Join(words, " ")
	}
	for _, key := range []string{"env", "to", "server", "name", "url", "pool", "db", "zone", "cid", "path"} {
		if s, ok := e.Args[key].(string); ok && s != "" {
			return module + " of " + s
		}
	}
	return "what " + e.Op + " returns"
}
