package booktest

import (
	"context"
	"fmt"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
)

// expecting is what a test function gets as t.
type expecting struct {
	suite *suite
	*running
}

// table is t.
func (e *expecting) table() map[string]any {
	return map[string]any{"equal": script.Func(e.equal), "ok": script.Func(e.ok), "contains": script.Func(e.contains),
		"effects": script.Func(e.effects), "holds": script.Func(e.holds), "explore": script.Func(e.explore),
		"log": script.Func(e.log), "fail": script.Func(e.fail)}
}

// report adds a failure, with the run that it is about: r, or else the last
// one. It returns what the expectation returns to Lua: that it was not met.
func (e *expecting) report(f Failure, r *run) (any, error) {
	e.suite.mu.Lock()
	defer e.suite.mu.Unlock()
	if r == nil && len(e.runs) > 0 {
		r = e.runs[len(e.runs)-1]
	}
	if r != nil && f.Run == nil {
		f.RunName, f.Run = r.name(), timeline(r.plan, r.ending)
	}
	e.test.Failures = append(e.test.Failures, f)
	return false, nil
}

// arity wants at least min and at most max arguments.
func arity(name string, args []any, least, most int, usage string) error {
	if len(args) > 0 {
		if self, ok := args[0].(map[string]any); ok {
			if _, isT := self["equal"].(*script.Callback); isT {
				return &effect.FieldError{Problem: name + ` is called with ".", not with ":"`, Hint: "write " + usage}
			}
		}
	}
	if len(args) < least || len(args) > most {
		return &effect.FieldError{Problem: fmt.Sprintf("%s takes %s, got %d values", name, usage[strings.IndexByte(usage, '('):], len(args)), Hint: "write " + usage}
	}
	return nil
}

// equal is t.equal(got, want [, note]).
func (e *expecting) equal(_ context.Context, at effect.Position, args []any) (any, error) {
	if err := arity("t.equal", args, 2, 3, "t.equal(got, want)"); err != nil {
		return nil, err
	}
	if same(args[0], args[1]) {
		return true, nil
	}
	message := "not equal"
	if len(args) == 3 {
		message = words(args[2:])
	}
	return e.report(Failure{Where: at, Message: message, Diff: diff(pretty(args[1]), pretty(args[0]))}, nil)
}

// ok is t.ok(condition [, note]).
func (e *expecting) ok(_ context.Context, at effect.Position, args []any) (any, error) {
	if err := arity("t.ok", args, 1, 2, `t.ok(condition, "what does not hold")`); err != nil {
		return nil, err
	}
	if args[0] != nil && args[0] != false {
		return true, nil
	}
	message := "does not hold"
	if len(args) == 2 {
		message = words(args[1:])
	}
	return e.report(Failure{Where: at, Message: message}, nil)
}

// contains is t.contains(text or list, part).
func (e *expecting) contains(_ context.Context, at effect.Position, args []any) (any, error) {
	const usage = `t.contains(text, "part")`
	if err := arity("t.contains", args, 2, 2, usage); err != nil {
		return nil, err
	}
	switch whole := args[0].(type) {
	case string:
		part, ok := args[1].(string)
		if !ok {
			return nil, &effect.FieldError{Problem: "a text contains texts only", Hint: "write " + usage}
		}
		if strings.Contains(whole, part) {
			return true, nil
		}
	case []any:
		for _, element := range whole {
			if same(element, args[1]) {
				return true, nil
			}
		}
	case nil: // contains nothing
	case map[string]any:
		if len(whole) > 0 {
			return nil, &effect.FieldError{Problem: "looks into a text or a list, not into a table with names", Hint: "name the value: t.equal(run.world.traffic, …)"}
		}
	default:
		return nil, &effect.FieldError{Problem: "looks into a text or a list", Hint: "write " + usage}
	}
	return e.report(Failure{Where: at, Message: "does not contain it", Diff: diff(pretty(args[1]), pretty(args[0]))}, nil)
}

// effects is t.effects(run, list [, which]).
func (e *expecting) effects(_ context.Context, at effect.Position, args []any) (any, error) {
	const usage = `t.effects(run, { "traffic.split", { "traffic.switch", to = "blue" } })`
	if err := arity("t.effects", args, 2, 3, usage); err != nil {
		return nil, err
	}
	r, _ := e.find(args[0])
	if r == nil {
		return nil, &effect.FieldError{Problem: "the first value is not what book.simulate returned", Hint: "write " + usage}
	}
	wanted, err := expectedEffects(args[1], e.suite.opts.Catalog)
	if err != nil {
		return nil, err
	}
	which := ""
	if len(args) == 3 {
		var ok bool
		if which, ok = args[2].(string); !ok {
			return nil, &effect.FieldError{Problem: "the third value says which effects to look at", Hint: `write "all", a module or an op: "traffic"`}
		}
	}
	if err := known(which, e.suite.opts.Catalog); err != nil {
		return nil, err
	}
	lines, met := compareEffects(wanted, r.plan.Effects, which, e.suite.opts.Catalog)
	if met {
		return true, nil
	}
	return e.report(Failure{Where: at, Message: "other effects than expected", Diff: lines}, r)
}

// holds is t.holds(run): no invariant is broken, in a run or in all that were
// explored.
func (e *expecting) holds(_ context.Context, at effect.Position, args []any) (any, error) {
	const usage = "t.holds(run)"
	if err := arity("t.holds", args, 1, 1, usage); err != nil {
		return nil, err
	}
	r, x := e.find(args[0])
	switch {
	case x != nil:
		return e.held(x, at)
	case r == nil:
		return nil, &effect.FieldError{Problem: "it is not what book.simulate or book.explore returned", Hint: "write " + usage}
	case len(r.broken) == 0:
		return true, nil
	}
	for _, v := range r.broken {
		_, _ = e.report(Failure{Where: at, Message: broken(v)}, r)
	}
	return false, nil
}

// held reports what an exploration found.
func (e *expecting) held(x *exploration, at effect.Position) (any, error) {
	list := x.failuresOf(at)
	for _, f := range list {
		_, _ = e.report(f, nil)
	}
	return len(list) == 0, nil
}

// explore is t.explore{…}: explores the world of the last run, or a book's
// default one, and wants all invariants to hold.
func (e *expecting) explore(ctx context.Context, at effect.Position, args []any) (any, error) {
	const usage = "t.explore { depth = 1 }"
	given, err := options(args, usage)
	if err != nil {
		return nil, err
	}
	var b *book
	e.suite.mu.Lock()
	switch n := len(e.runs); {
	case n > 0:
		last := e.runs[n-1].situation
		b, given = last.book, merge(last.given, given, mergedKeys())
	case len(e.suite.books) == 1:
		b = e.suite.books[0]
	}
	e.suite.mu.Unlock()
	if b == nil {
		return nil, &effect.FieldError{Problem: "t.explore does not know which runbook", Hint: "simulate it first, or write t.holds(book.explore { … })"}
	}
	x, err := b.exploration(ctx, at, given)
	if err != nil {
		return nil, err
	}
	e.suite.mu.Lock()
	e.explored = append(e.explored, x)
	n := len(e.explored)
	e.test.Schedules += x.found.Schedules
	e.suite.mu.Unlock()
	if _, err := e.held(x, at); err != nil {
		return nil, err
	}
	return x.table(n), nil
}

// log is t.log(…): shown with the test.
func (e *expecting) log(ctx context.Context, at effect.Position, args []any) (any, error) {
	return e.suite.print(ctx, at, args)
}

// fail is t.fail(message).
func (e *expecting) fail(_ context.Context, at effect.Position, args []any) (any, error) {
	message := words(args)
	if message == "" {
		message = "failed"
	}
	return e.report(Failure{Where: at, Message: message}, nil)
}
