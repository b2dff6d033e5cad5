package interpreter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
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
	notes    *notes
}

// outcome is what an effect of the past came to.
type outcome struct {
	place      string
	op         string
	args       map[string]any
	class      effect.Class
	where      effect.Position
	began, end time.Time
	value      any
	err        *effect.Error
}

// Past reads a finished run as a world.
func (e *Engine) Past(ctx context.Context, id string) (*Past, error) {
	opts := e.opts
	opts.Secret = nil
	k, err := (&Engine{opts}).prepare(ctx, id, nil)
	if err != nil {
		return nil, err
	}
	if !k.run.Status.Terminal() {
		return nil, fmt.Errorf("run %s is %s: only a run that has ended can be taken as the world", k.run.ID, k.run.Status)
	}
	p := &Past{Run: k.run, Events: k.history, Main: k.main, Loader: k.loader, Params: map[string]any{},
		env: map[string]string{}, notes: &notes{}}
	for name, v := range k.params {
		p.Params[name] = rehearsed(v)
	}
	return p, p.fold()
}

// rehearsed gives recorded secrets a value: the real ones are not needed.
func rehearsed(v any) any {
	switch v := v.(type) {
	case effect.Sealed:
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

// fold reads the outcomes.
func (p *Past) fold() error {
	intents := map[string]effect.Event{}
	for i, ev := range p.Events {
		switch ev.Kind {
		case effect.EffectIntended, effect.TimerSet, effect.QuestionAsked:
			if _, begun := intents[ev.Place]; !begun {
				intents[ev.Place] = ev
			}
			continue
		case effect.EffectDone, effect.EffectFailed:
		default:
			continue
		}
		o := outcome{place: ev.Place, op: ev.Body.Op, class: ev.Body.Class, where: ev.Body.Where, end: ev.At, err: ev.Body.Error}
		raw := ev.Body.Args
		if in, ok := intents[ev.Place]; ok {
			o.op, o.class, o.began, raw = in.Body.Op, in.Body.Class, in.At, in.Body.Args
		} else {
			o.began = p.before(i)
		}
		var err error
		if o.args, err = decodeMap(raw); err != nil {
			return fmt.Errorf("run %s: effect %s: %w", p.Run.ID, ev.Place, err)
		}
		rehearsed(o.args)
		if len(ev.Body.Value) > 0 {
			if o.value, err = effect.Decode(ev.Body.Value); err != nil {
				return fmt.Errorf("run %s: effect %s: %w", p.Run.ID, ev.Place, err)
			}
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
		if !concurrent(p.Events[j].Place, p.Events[i].Place) {
			return p.Events[j].At
		}
	}
	return p.Events[i].At
}

// concurrent reports whether two places stand in different branches of one
// parallel{}: they differ first in a name.
func concurrent(a, b string) bool {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := 0; i < len(x) && i < len(y); i++ {
		if x[i] != y[i] {
			return named(x[i]) && named(y[i])
		}
	}
	return false
}

// named reports whether a part of a place is the name of a branch, and no
// number.
func named(part string) bool {
	return part != "" && strings.Trim(part, "~pr0123456789") != ""
}

// Getenv returns what the run read of its environment.
func (p *Past) Getenv(name string) (string, bool) {
	v, ok := p.env[name]
	return v, ok
}

// Setup returns the world that the run met. The models are those that it
// falls back to where the record does not tell.
func (p *Past) Setup(models map[string]effect.Model) (simulate.Setup, error) {
	start := p.Events[0].At
	s := simulate.Setup{Models: map[string]effect.Model{}, Start: start, Answers: p.answers()}
	for name, model := range models {
		s.Models[name] = model.Clone()
	}
	if weights := p.weights(); weights != nil && s.Models["traffic"] != nil {
		if err := s.Models["traffic"].Load(map[string]any{"weights": weights}); err != nil {
			return s, fmt.Errorf("take the recorded shares into the world: %w", err)
		}
	}
	if s.Models["health"] != nil {
		if err := s.Models["health"].Load(p.health(start)); err != nil {
			return s, fmt.Errorf("take the recorded measurements into the world: %w", err)
		}
	}
	for name, model := range s.Models {
		if name != "health" && name != "traffic" {
			s.Models[name] = newRecall(name, model, p.outcomes, start, p.notes)
		}
	}
	return s, nil
}

// weights returns the shares before the run changed them, as far as it read
// them; nil if it did not.
func (p *Past) weights() map[string]any {
	for _, o := range p.outcomes {
		if !strings.HasPrefix(o.op, "traffic.") || o.args["pool"] != nil {
			continue
		}
		if o.class.Writes() {
			return nil
		}
		value, _ := o.value.(map[string]any)
		if weights, ok := value["weights"].(map[string]any); ok {
			return weights
		}
		servers, _ := value["servers"].([]any)
		weights := map[string]any{}
		for _, s := range servers {
			server, _ := s.(map[string]any)
			if name, ok := server["name"].(string); ok {
				weights[name] = server["weight"]
			}
		}
		if len(weights) > 0 {
			return weights
		}
	}
	return nil
}

// answers returns what people said, by question.
func (p *Past) answers() map[string]simulate.Answer {
	out := map[string]simulate.Answer{}
	for _, o := range p.outcomes {
		title, _ := o.args["title"].(string)
		if _, said := out[title]; o.op != effect.OpApprove || said {
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
	if plan.Params, err = simulate.EncodeSealed(p.Params); err != nil {
		return nil, fmt.Errorf("run %s: the parameters: %w", p.Run.ID, err)
	}
	return plan, nil
}

// Beyond says, after a rehearsal, for what the record had no answer, in words.
func (p *Past) Beyond() []string { return p.notes.list() }
