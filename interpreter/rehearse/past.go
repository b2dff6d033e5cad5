package rehearse

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// Past is a finished run taken as a world: what it read is what there is to
// read, at the time since the start at which it was read, whatever another
// script does in between. It is made for one rehearsal.
type Past struct {
	Run    journal.Run
	Events []effect.Event
	Main   script.Source
	Loader script.Loader
	Params map[string]any // secrets by name, with made-up values

	outcomes []outcome
	env      map[string]string
	notes    *notes // for what the record had no answer
	used     *notes // which answers of the record were given again
}

// outcome is what an effect of the past came to.
type outcome struct {
	place      effect.Place
	op         string
	args       map[string]any
	class      effect.Class
	where      effect.Position
	began, end time.Time
	value      any
	err        *effect.Error
}

// NewPast takes a finished run, as Engine.Recorded returns it, as a world.
func NewPast(w interpreter.Walk) (*Past, error) {
	if !w.Run.Status.Terminal() {
		return nil, fmt.Errorf("run %s is %s: only a run that has ended can be taken as the world", w.Run.ID, w.Run.Status)
	}
	p := &Past{Run: w.Run, Events: w.History, Main: w.Main, Loader: w.Loader, Params: map[string]any{},
		env: map[string]string{}, notes: &notes{}, used: &notes{}}
	for name, v := range w.Params {
		p.Params[name] = rehearsed(v)
	}
	return p, p.fold()
}

// rehearsed gives recorded secrets a value: the real ones are not needed.
func rehearsed(v any) any {
	switch v := v.(type) {
	case effect.SecretDigest:
		return (&Scenario{}).Secret(v.Name)
	case []any:
		for i := range v {
			v[i] = rehearsed(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = rehearsed(v[k])
		}
	}
	return v
}

// fold reads the outcomes, in the order in which they came.
func (p *Past) fold() error {
	effects := slices.DeleteFunc(slices.Clone(history.Of(p.Events).Effects), func(e *history.Effect) bool { return e.State != history.Closed })
	slices.SortFunc(effects, func(a, b *history.Effect) int { return a.Last - b.Last })
	for _, e := range effects {
		o := outcome{place: e.Place, op: e.Op, class: e.Class, where: e.Where, began: e.Began, end: e.Ended, err: e.Err}
		if !e.Intended {
			o.began = p.before(e.First)
		}
		var err error
		if o.args, err = decodeMap(e.Args); err != nil {
			return fmt.Errorf("run %s: effect %s: %w", p.Run.ID, e.Place, err)
		}
		rehearsed(o.args)
		if len(e.Value) > 0 {
			if o.value, err = effect.Decode(e.Value); err != nil {
				return fmt.Errorf("run %s: effect %s: %w", p.Run.ID, e.Place, err)
			}
			o.value = rehearsed(o.value)
		}
		if name, ok := o.args["name"].(string); ok && o.op == effect.OpEnv {
			if value, set := o.value.(string); set {
				p.env[name] = value
			}
		}
		p.outcomes = append(p.outcomes, o)
	}
	return nil
}

func decodeMap(raw json.RawMessage) (map[string]any, error) {
	if len(raw) == 0 {
		return map[string]any{}, nil
	}
	v, err := effect.Decode(raw)
	if err != nil {
		return nil, err
	}
	m, ok := v.(map[string]any)
	if !ok {
		if list, isList := v.([]any); isList && len(list) == 0 {
			return map[string]any{}, nil
		}
		return nil, errors.New("its arguments are no table")
	}
	return m, nil
}

// before estimates when a read began, which the journal does not hold: when
// its line of control had last done something.
func (p *Past) before(i int) time.Time {
	for j := i - 1; j >= 0; j-- {
		place := p.Events[j].Place
		if p.Events[j].Kind == effect.BranchLeft {
			place = place.Effect(1) // of the branch, as the last thing in it
		}
		if !place.Concurrent(p.Events[i].Place) {
			return p.Events[j].At
		}
	}
	return p.Events[i].At
}

// Getenv returns what the run read of its environment.
func (p *Past) Getenv(name string) (string, bool) {
	v, ok := p.env[name]
	return v, ok
}

// Setup returns the world that the run met. It falls back to the models of the
// catalog's modules where the record does not tell.
func (p *Past) Setup(catalog *effect.Catalog) (simulate.Setup, error) {
	start := p.Events[0].At
	s := simulate.Setup{Models: catalog.Models(), Catalog: catalog, Start: start, Answers: p.answers()}
	for _, name := range slices.Sorted(maps.Keys(s.Models)) {
		model, remembers := s.Models[name].(effect.Rememberer)
		if !remembers {
			s.Models[name] = newRecall(name, s.Models[name], start, p)
			continue
		}
		if err := model.Remember(p.of(name, start)); err != nil {
			return s, fmt.Errorf("take what the run met of %s into the world: %w", name, err)
		}
	}
	return s, nil
}

// of returns what the effects of one module came to.
func (p *Past) of(module string, start time.Time) effect.Past {
	past := effect.Past{Missing: p.notes.add, Again: p.used.add}
	for _, o := range p.outcomes {
		if op, ok := strings.CutPrefix(o.op, module+"."); ok {
			past.Outcomes = append(past.Outcomes, effect.PastOutcome{Op: op, Args: o.args, Class: o.class,
				Began: o.began.Sub(start), End: o.end.Sub(start), Value: o.value, Err: o.err})
		}
	}
	return past
}

// answers returns what people said, by question.
func (p *Past) answers() map[string]simulate.Answer {
	out := map[string]simulate.Answer{}
	for _, o := range p.outcomes {
		title, _ := o.args["title"].(string)
		if _, said := out[title]; !effect.Asks(o.op) || said {
			continue
		}
		a := simulate.Answer{After: o.end.Sub(o.began)}
		switch {
		case o.err != nil && o.err.Code == effect.CodeDenied:
			a.Deny = true
		case o.err != nil:
			a.Never = true
		}
		value, _ := o.value.(map[string]any)
		a.Choice, _ = value["choice"].(string)
		by, _ := value["by"].([]any)
		for _, name := range by {
			if s, ok := name.(string); ok {
				a.By = append(a.By, s)
			}
		}
		out[title] = a
	}
	return out
}

// Plan tells what the run did, in the form in which a rehearsal is told.
func (p *Past) Plan() (*simulate.Plan, error) {
	var entries []simulate.Entry
	for _, o := range p.outcomes {
		if o.class == effect.Read {
			entries = append(entries, simulate.Entry{At: o.end, Took: o.end.Sub(o.began), Place: o.place, Op: o.op, Class: o.class})
		}
	}
	plan := simulate.NewPlan(p.Events, entries)
	plan.Runbook, plan.Script, plan.Env = p.Run.Name, p.Main.Name, p.Run.Env
	var err error
	if plan.Params, err = simulate.EncodeByName(p.Params); err != nil {
		return nil, fmt.Errorf("run %s: the parameters: %w", p.Run.ID, err)
	}
	return plan, nil
}

// Beyond says, after a rehearsal, for what the record had no answer, in words.
func (p *Past) Beyond() []string { return p.notes.list() }

// Independent names, after a rehearsal, the answers of the record that were
// given again as they were, whatever the script had done by then.
func (p *Past) Independent() []string {
	list := p.used.list()
	slices.Sort(list)
	return list
}
