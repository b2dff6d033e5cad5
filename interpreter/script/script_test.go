package script

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script/internal/syntax"
)

func TestReadHeader(t *testing.T) {
	text := `#!/usr/bin/env runbook
local traffic = require "traffic"
runbook { name = "x", summary = "s", locks = { "a", "b" }, on_failure = "stop",
  params = { z = { type = "int", required = true, doc = "d" }, a = { type = "secret" }, m = { type = "list", of = "duration" } } }
traffic.weights()`
	h, err := ReadHeader(context.Background(), Options{Main: Source{Name: "m.lua", Text: []byte(text)}, Catalog: testCatalog(t)})
	if err != nil {
		t.Fatal(err)
	}
	if h.Name != "x" || h.Summary != "s" || strings.Join(h.Locks, " ") != "a b" || h.OnFailure != "stop" || h.Where.File != "m.lua" {
		t.Errorf("got %+v", h)
	}
	var names []string
	for _, f := range h.Params {
		names = append(names, fmt.Sprintf("%s:%s:%v:%v", f.Name, f.Type, f.Required, f.Secret))
	}
	if got := strings.Join(names, " "); got != "z:int:true:false a:string:false:true m:list:false:false" {
		t.Errorf("params %s", got)
	}
	if h.Params[2].Elem == nil || h.Params[2].Elem.Type != effect.Duration {
		t.Error("the list has no element type")
	}
}

func TestReadHeaderRefuses(t *testing.T) {
	for text, want := range map[string]string{
		``:                               "m.lua:1: the script has no runbook{} header",
		`local x = 1`:                    "m.lua:1: the script has no runbook{} header",
		"\nprint 'x' runbook{name='x'}":  "m.lua:2: runbook{} must come first",
		"\nparallel{function() end}":     "m.lua:2: parallel may be called once runbook{} was",
		"\nrunbook{name=1}":              "m.lua:2: runbook: name: wants a string",
		"while true do":                  "m.lua:1: the script ends in the middle of something",
		"local t = {} t.x.y = 1":         `m.lua:1: attempt to read "y" of nil`,
		"runbook{name='x', params=5}":    "m.lua:1: runbook: params: wants a table",
		"runbook{name='x', params={5}}":  "m.lua:1: runbook: params: every parameter needs a name",
		"pcall(print, 1) error('later')": "m.lua:1: later",
	} {
		_, err := ReadHeader(context.Background(), Options{Main: Source{Name: "m.lua", Text: []byte(text)}, Catalog: testCatalog(t)})
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

func TestParamsComeFromOnHeader(t *testing.T) {
	text := `runbook { name = "x", params = { n = { type = "int" }, s = { type = "secret" }, l = { type = "list", of = "int" } } }
print(params.n, params.s, params.l[2])`
	r := &recorder{}
	s := newScript(t, text, r, func(o *Options) {
		o.OnHeader = func(_ context.Context, h Header) (map[string]any, error) {
			return map[string]any{"n": 4.0, "s": effect.NewSecret("s", "v"), "l": []any{1.0, 2.0}}, nil
		}
	})
	if err := run(t, s); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(r.printed(), ""); got != "4\t[secret s]\t2" {
		t.Errorf("printed %q", got)
	}
}

func TestOnHeaderEndsTheScript(t *testing.T) {
	stop := &effect.Stop{Cause: effect.LockHeld}
	for _, answer := range []error{stop, errors.New("version is required"), effect.Errorf(effect.CodeInvalid, "version is required")} {
		s := newScript(t, `runbook { name = "x" } print "no"`, &recorder{}, func(o *Options) {
			o.OnHeader = func(context.Context, Header) (map[string]any, error) { return nil, answer }
		})
		err := run(t, s)
		if answer == error(stop) {
			if effect.AsStop(err) != stop {
				t.Errorf("got %v, want the stop", err)
			}
			continue
		}
		if e := errorOf(t, err); !strings.HasPrefix(e.Error(), "main.lua:1: version is required") {
			t.Errorf("got %q", e)
		}
	}
}

func TestRollbacks(t *testing.T) {
	text := `
local traffic = require "traffic"
local n = 0
step("first", function()
  local kept = "a"
  on_rollback(function() n = n + 1 print(kept, n) end)
  step("second", function() on_rollback(function() n = n + 1 print("b", n) sleep(1) end) end)
end)
on_rollback("named", function() on_rollback(function() end) end)
parallel { x = function() sleep(1) on_rollback(function() print "branch" end) end }
n = 10
error "now"`
	r := &recorder{}
	s := newScript(t, text, r)
	if e := errorOf(t, run(t, s)); e.Message != "now" {
		t.Fatal(e)
	}
	var names []string
	for _, rb := range s.Rollbacks() {
		names = append(names, fmt.Sprintf("%s:%d:%d", rb.Name, rb.Index, rb.Where.Line))
	}
	if got := strings.Join(names, " "); got != "rollback 4:4:10 named:3:9 second:2:7 first:1:6" {
		t.Errorf("got %s", got)
	}
	for i, rb := range s.Rollbacks() {
		err := s.RunRollback(context.Background(), rb, effect.RollbackPlace(1, i+1), false)
		if rb.Name == "named" {
			if e := errorOf(t, err); e.Message != "a rollback cannot register another" {
				t.Errorf("got %v", e)
			}
		} else if err != nil {
			t.Errorf("%s: %v", rb.Name, err)
		}
	}
	if got := strings.Join(r.printed(), " "); got != "branch b\t11 a\t12" {
		t.Errorf("printed %q", got)
	}
	if err := s.RunRollback(context.Background(), Rollback{Index: 9}, "r9", false); err == nil {
		t.Error("a rollback that does not exist ran")
	}
}

// TestRollbackAfterStop: a rollback runs after the script was stopped, with the
// values that its variables had.
func TestRollbackAfterStop(t *testing.T) {
	for _, cause := range []effect.Cause{effect.RollingBack, effect.Waiting, effect.Interrupted} {
		r := &recorder{answer: func(_ context.Context, c effect.Call) (any, error) {
			if c.Op.String() == effect.OpApprove {
				return nil, &effect.Stop{Cause: cause}
			}
			return nil, nil
		}}
		s := newScript(t, `local function work() local n = 1 on_rollback(function() sleep(1) print("n", n) end)
			n = 2 pcall(function() n = 3 approve "go?" end) end
			step("s", work)`, r)
		if stop := effect.AsStop(run(t, s)); stop == nil || stop.Cause != cause {
			t.Fatalf("%s: got %v", cause, stop)
		}
		err := within(t, func() error { return s.RunRollback(context.Background(), s.Rollbacks()[0], "r1", false) })
		if got := strings.Join(r.printed(), " "); err != nil || got != "n\t3" {
			t.Errorf("%s: %v, printed %q", cause, err, got)
		}
	}
}

func TestStackThroughProtectedCalls(t *testing.T) {
	text := header + `
local function deep()
  fail { message = "deep", code = "mine", hint = "h" }
end
step("a", function()
  retry { attempts = 1, function()
    deep()
  end }
end)`
	e := errorOf(t, run(t, newScript(t, text, &recorder{})))
	if e.Hint != "h" || e.Effect == nil || e.Effect.Code != "mine" {
		t.Errorf("got %+v", e)
	}
	var got []string
	for _, f := range e.Stack {
		got = append(got, fmt.Sprintf("%d %s", f.Where.Line, f.Function))
	}
	if want := "3 deep|7 function at line 6|6 function at line 5|5 main chunk"; strings.Join(got, "|") != want {
		t.Errorf("got %s, want %s", strings.Join(got, "|"), want)
	}
	if !strings.Contains(e.Traceback(), "main.lua:3: in deep\n") {
		t.Errorf("the traceback is %q", e.Traceback())
	}
}

func TestSourcesInOrder(t *testing.T) {
	s := newScript(t, `require "lib.slo" require "lib.count" require "lib.slo"`, &recorder{}, func(o *Options) { o.Loader = testFiles() })
	if err := run(t, s); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, src := range s.Sources() {
		names = append(names, src.Name)
	}
	if got := strings.Join(names, " "); got != "main.lua lib/slo.lua lib/count.lua" {
		t.Errorf("got %s", got)
	}
}

// TestErrorsInRequiredFiles are at the lines of those files.
func TestErrorsInRequiredFiles(t *testing.T) {
	for module, want := range map[string]string{
		"lib.raises": "lib/raises.lua:2: attempt to calculate with a nil and a number",
		"lib.loud":   "lib/loud.lua:1: log may not be called while a file is being required",
		"lib.header": "lib/header.lua:1: runbook{} may be called once",
		"lib.round":  "lib/about.lua:1: require goes in a circle: lib.round → lib.about → lib.round",
	} {
		s := newScript(t, fmt.Sprintf(`require %q`, module), &recorder{}, func(o *Options) { o.Loader = testFiles() })
		if err := run(t, s); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", module, err, want)
		}
	}
}

func TestCallFields(t *testing.T) {
	r := &recorder{}
	if err := run(t, newScript(t, header+`
local exec, traffic = require "exec", require "traffic"
exec.run { argv = { "ls" } }
exec.run { shell = "ls", class = "read", recovery = "retry" }
traffic.split { a = 100 }
uuid()`, r)); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range r.calls {
		got = append(got, fmt.Sprintf("%s %s %s %s settled=%v", c.Where, c.Op, c.Class, c.Recovery, c.Settled != nil))
	}
	want := []string{
		"main.lua:3 exec.run irreversible ask settled=true", "main.lua:4 exec.run read retry settled=true",
		"main.lua:5 traffic.split write observe settled=true", "main.lua:6 run.uuid value ask settled=false",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

func manyConstants() string {
	var out strings.Builder
	for i := range 11_000 {
		fmt.Fprintf(&out, "%d,", i)
	}
	return out.String()
}

func TestNewRefuses(t *testing.T) {
	if _, err := New(Options{}); err == nil {
		t.Error("a script without a catalog was made")
	}
	s := newScript(t, "", &recorder{})
	if err := run(t, s); err != nil {
		t.Fatal(err)
	}
	if err := run(t, s); err == nil {
		t.Error("a script ran twice")
	}
	long := `local x = "a"` + strings.Repeat(` .. "b"`, 120)
	for text, want := range map[string]string{
		strings.Repeat(" ", syntax.MaxSource+1): "m.lua:1: the file has",
		"\n" + long:                             "m.lua:2: more than 100 values are joined",
		"\nlocal function f() break end":        "m.lua:2: ",
		strings.Repeat("{", 5000):               "m.lua:1: ",
		"\nreturn {" + manyConstants() + "}":    "m.lua:2: more than 10000 different names",
		"local x = '":                           "m.lua:1: ",
	} {
		_, err := New(Options{Main: Source{Name: "m.lua", Text: []byte(text)}, Catalog: testCatalog(t), Handler: &recorder{}})
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.40q: got %v, want %s", text, err, want)
		}
	}
}

// FuzzReadHeader reads headers of any text; it may fail, and never panics or
// hangs.
func FuzzReadHeader(f *testing.F) {
	f.Add(`runbook { name = "x", params = { a = { type = "int", default = 1 } } }`)
	f.Add(`local t = require "traffic" runbook { name = "x", locks = { "a" } } t.split { a = 100 }`)
	f.Add("return function(...) return select('#', ...) end")
	f.Add(`for i = 1, 10 do pcall(error, i) end goto x ::x:: parallel {}`)
	catalog := testCatalog(f)
	f.Fuzz(func(t *testing.T, text string) {
		_, err := ReadHeader(context.Background(), Options{Main: Source{Name: "f.lua", Text: []byte(text)}, Catalog: catalog,
			Budget: 100_000_000, Memory: 256 << 20})
		var e *Error
		if err != nil && !errors.As(err, &e) && effect.AsStop(err) == nil {
			t.Errorf("%q: a %T: %v", text, err, err)
		}
	})
}

// BenchmarkEffect measures an effect that is answered at once.
func BenchmarkEffect(b *testing.B) {
	h := effect.HandlerFunc(func(context.Context, effect.Call) (effect.Result, error) { return effect.Result{}, nil })
	text := fmt.Sprintf(`%s local traffic = require "traffic" for i = 1, %d do traffic.split { green = 10, blue = 90 } end`, header, b.N)
	s := newScript(b, text, h)
	b.ResetTimer()
	if err := s.Run(context.Background()); err != nil {
		b.Fatal(err)
	}
}
