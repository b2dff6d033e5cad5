package script

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func evaluated(t *testing.T, text string, loader Loader, functions map[string]Func) any {
	t.Helper()
	v, err := Evaluate(t.Context(), Source{Name: "values.lua", Text: []byte(text)}, loader, functions)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestEvaluateReturnsPlainData(t *testing.T) {
	lib := files{"lib.numbers": `return { one = 1 }`}
	got := evaluated(t, `
		local numbers = require "lib.numbers"
		return { a = numbers.one, list = { "x", true }, nested = { b = { 2 } }, both = { "op", n = 3 } }`, lib, nil)
	want := map[string]any{"a": 1.0, "list": []any{"x", true}, "nested": map[string]any{"b": []any{2.0}},
		"both": Mixed{[]any{"op"}, map[string]any{"n": 3.0}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v", got)
	}
}

func TestEvaluateRefuses(t *testing.T) {
	for name, c := range map[string]struct{ text, message, hint string }{
		"an effect's module": {`require "traffic"`, "values.lua:1: require \"traffic\": there is no module", ""},
		"run control":        {"\nstep('x', function() end)", "values.lua:2: step is not defined", "no effects"},
		"the machine":        {`return os.time()`, "values.lua:1: os is not defined", ""},
		"a slip":             {`return gret()`, "gret is not defined", `did you mean "greet"?`},
		"a failing file":     {"local x\nreturn x.y", `values.lua:2: attempt to read "y" of nil`, "x is nil here"},
		"no Lua":             {`return {`, "values.lua:1: ", ""},
		"fail":               {`fail { message = "no", hint = "do" }`, "values.lua:1: no", "do"},
		"a Go error":         {"\n\ngreet()", "values.lua:3: who: is required", "say who"},
		"itself":             {`local t = {} t.t = t return t`, "contains itself", ""},
	} {
		t.Run(name, func(t *testing.T) {
			greet := func(_ context.Context, _ effect.Position, _ []any) (any, error) {
				return nil, &effect.FieldError{Path: "who", Problem: "is required", Hint: "say who"}
			}
			_, err := Evaluate(t.Context(), Source{Name: "values.lua", Text: []byte(c.text)}, files{}, map[string]Func{"greet": greet})
			var e *Error
			if !errors.As(err, &e) || !strings.Contains(e.Error(), c.message) || !strings.Contains(e.Hint, c.hint) {
				t.Errorf("got %v, hint %q", err, func() string {
					if e != nil {
						return e.Hint
					}
					return ""
				}())
			}
		})
	}
}

func TestEvaluatedFileCallsGoAndIsCalledBack(t *testing.T) {
	var lines []string
	note := func(_ context.Context, at effect.Position, args []any) (any, error) {
		lines = append(lines, fmt.Sprintf("%s %v", at, args))
		return map[string]any{"twice": Func(func(ctx context.Context, _ effect.Position, args []any) (any, error) {
			fn := args[0].(*Callback)
			once, err := fn.Call(ctx, 1)
			if err != nil {
				return nil, err
			}
			return fn.Call(ctx, once)
		})}, nil
	}
	got := evaluated(t, "local n = note('a', { 1 })\nreturn n.twice(function(x) return x + 1 end)", nil, map[string]Func{"note": note})
	if got != 3.0 || !reflect.DeepEqual(lines, []string{"values.lua:1 [a [1]]"}) {
		t.Errorf("got %v, %q", got, lines)
	}
}

func TestCallbacksServeManyGoroutines(t *testing.T) {
	table := evaluated(t, `
		local n = 0
		return { add = function(world, by) local one = world.one n = n + by * one return n end, get = function() return n end }`, nil, nil).(map[string]any)
	one := Lookup(func(key string) (any, error) {
		if key != "one" {
			return nil, &effect.FieldError{Path: key, Problem: "is not known here"}
		}
		return 1.0, nil
	})
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				if _, err := table["add"].(*Callback).Call(t.Context(), one, 1); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if n, err := table["get"].(*Callback).Call(t.Context()); err != nil || n != 400.0 {
		t.Errorf("got %v, %v", n, err)
	}
}

func TestCallbacksAreCalledWhileGoRuns(t *testing.T) {
	var group sync.WaitGroup
	spread := func(ctx context.Context, _ effect.Position, args []any) (any, error) {
		for range 4 {
			group.Go(func() {
				if _, err := args[0].(*Callback).Call(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		return "done", nil
	}
	got := evaluated(t, `
		local n, kept = 0, "kept"
		local said = spread(function() n = n + 1 end)
		return { n, kept, said, select(2, pcall(function() spread(function() n = n + 1 end) return n end)) }`, nil, map[string]Func{"spread": spread})
	if !reflect.DeepEqual(got, []any{4.0, "kept", "done", 8.0}) {
		t.Errorf("got %v", got)
	}
}

func TestCallbackErrorsNameTheirLine(t *testing.T) {
	fn := evaluated(t, "return function(world)\n  return world.trafic\nend", nil, nil).(*Callback)
	_, err := fn.Call(t.Context(), Lookup(func(key string) (any, error) {
		return nil, &effect.FieldError{Path: key, Problem: "is not known here", Hint: `did you mean "traffic"?`}
	}))
	var e *Error
	if !errors.As(err, &e) || e.Error() != "values.lua:2: trafic: is not known here" || e.Hint != `did you mean "traffic"?` {
		t.Errorf("got %v", err)
	}
	if fn.Where() != (effect.Position{File: "values.lua", Line: 1}) {
		t.Errorf("it is at %s", fn.Where())
	}
}

func TestEvaluateEndsWhatNeverEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	stop := func(context.Context, effect.Position, []any) (any, error) {
		cancel()
		return nil, nil
	}
	_, err := Evaluate(ctx, Source{Name: "values.lua", Text: []byte(`stop() while true do pcall(function() end) end`)}, nil, map[string]Func{"stop": stop})
	if s := effect.AsStop(err); s == nil || s.Cause != effect.Interrupted {
		t.Errorf("got %v", err)
	}
}

func BenchmarkCallback(b *testing.B) {
	v, err := Evaluate(b.Context(), Source{Name: "values.lua", Text: []byte(
		`return function(world, t) return world.traffic.weights.green >= 50 and 0.349 or 0.012 end`)}, nil, nil)
	if err != nil {
		b.Fatal(err)
	}
	fn := v.(*Callback)
	world := Lookup(func(string) (any, error) {
		return map[string]any{"weights": map[string]any{"blue": 50.0, "green": 50.0}}, nil
	})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := fn.Call(b.Context(), world, 10.0); err != nil {
			b.Fatal(err)
		}
	}
}
