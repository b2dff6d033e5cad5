package rehearse

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// recall is a model that answers from the record of a run what the run asked,
// and leaves the rest to another model.
type recall struct {
	module string
	start  time.Time
	past   map[string][]outcome // by op and arguments, in order of time
	base   effect.Model
	notes  *notes // see Past
	used   *notes
}

func newRecall(module string, base effect.Model, start time.Time, p *Past) *recall {
	r := &recall{module: module, start: start, past: map[string][]outcome{}, base: base, notes: p.notes, used: p.used}
	for _, o := range p.outcomes {
		if name, ok := strings.CutPrefix(o.op, module+"."); ok {
			key := recallKey(name, o.args)
			r.past[key] = append(r.past[key], o)
		}
	}
	return r
}

// recallKey says when two calls ask for the same: a command by its words, how
// long it may take and what may be done about it apart.
func recallKey(op string, args map[string]any) string {
	if argv, ok := args["argv"]; ok {
		args = map[string]any{"argv": argv, "shell": args["shell"]}
	}
	data, err := effect.Encode(args, func(effect.Secret) string { return "" })
	if err != nil {
		return op
	}
	return op + " " + string(data)
}

// find returns what the call came to: the last such outcome that had begun by
// then, or else the first.
func (r *recall) find(now time.Time, op string, args map[string]any) (outcome, bool) {
	list := r.past[recallKey(op, args)]
	if len(list) == 0 {
		return outcome{}, false
	}
	found := list[0]
	for _, o := range list {
		if !o.end.After(now) {
			found = o
		}
	}
	return found, true
}

// asked names a call in a line: by its words if it is a command.
func asked(op string, args map[string]any) string {
	words, ok := args["argv"].([]any)
	if !ok {
		data, err := effect.Encode(args, func(effect.Secret) string { return "" })
		if err != nil || len(args) == 0 {
			return op
		}
		return op + " " + string(data)
	}
	for _, word := range words {
		op += fmt.Sprintf(" %v", word)
	}
	return op
}

// Load implements effect.Model.
func (r *recall) Load(state map[string]any) error { return r.base.Load(state) }

// Do implements effect.Model.
func (r *recall) Do(m effect.Moment, op string, args map[string]any) (any, error) {
	if o, ok := r.find(m.Now, op, args); ok {
		r.used.add(asked(r.module+"."+op, args))
		if o.err != nil {
			e := *o.err
			e.Op, e.Where = "", effect.Position{}
			return nil, &e
		}
		return o.value, nil
	}
	value, err := r.base.Do(m, op, args)
	r.notes.add(fmt.Sprintf("%s.%s with arguments that the run never used", r.module, op))
	return value, err
}

// State implements effect.Model.
func (r *recall) State(m effect.Moment) map[string]any { return r.base.State(m) }

// Clone implements effect.Model.
func (r *recall) Clone() effect.Model {
	c := *r
	c.base = r.base.Clone()
	return &c
}

// Takes implements effect.Timed.
func (r *recall) Takes(op string, args map[string]any) time.Duration {
	if o, ok := r.find(r.start, op, args); ok {
		return o.end.Sub(o.began)
	}
	if t, ok := r.base.(effect.Timed); ok {
		return t.Takes(op, args)
	}
	return 200 * time.Millisecond
}

// Assumes implements effect.Assumer: the record may say nothing of the call.
func (r *recall) Assumes(op string, args map[string]any) string {
	if _, ok := r.find(r.start, op, args); ok {
		return ""
	}
	if a, ok := r.base.(effect.Assumer); ok {
		return a.Assumes(op, args)
	}
	return ""
}

// notes are remarks, each made once. They may be made from several goroutines.
type notes struct {
	mu   sync.Mutex
	text []string
}

func (n *notes) add(text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !slices.Contains(n.text, text) {
		n.text = append(n.text, text)
	}
}

func (n *notes) list() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.text)
}
