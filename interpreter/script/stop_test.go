package script

import (
	"context"
	"errors"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// constructs are the ways in which Lua calls a function and might catch what
// comes out of it. BODY stands for the statements inside.
func constructs() map[string]string {
	return map[string]string{
		"plain":      `BODY`,
		"pcall":      `while true do pcall(function() BODY end) end`,
		"pcall go":   `while true do pcall(sleep, 1) BODY end`,
		"xpcall":     `while true do xpcall(function() BODY end, function(e) return e end) end`,
		"handler":    `while true do xpcall(function() error("x") end, function(e) BODY end) end`,
		"go handler": `while true do xpcall(function() error("x") end, sleep) BODY end`,
		"wrap":       `while true do pcall(coroutine.wrap(function() BODY end)) end`,
		"resume":     `while true do coroutine.resume(coroutine.create(function() BODY end)) end`,
		"nested":     `while true do pcall(function() coroutine.wrap(function() pcall(function() BODY end) end)() end) end`,
		"index":      `local t = setmetatable({}, { __index = function() BODY end }) while true do pcall(function() return t.x end) end`,
		"tostring":   `local t = setmetatable({}, { __tostring = function() BODY return "" end }) while true do pcall(tostring, t) end`,
		"add":        `local t = setmetatable({}, { __add = function() BODY end }) while true do pcall(function() return t + 1 end) end`,
		"sort":       `while true do pcall(table.sort, { 3, 1, 2 }, function(a, b) BODY return a < b end) end`,
		"gsub":       `while true do pcall(string.gsub, "abc", ".", function() BODY end) end`,
		"iterator":   `while true do pcall(function() for x in function() BODY return nil end do end end) end`,
		"step":       `while true do pcall(step, "s", function() BODY end) end`,
		"retry":      `while true do pcall(retry, { any = true, wait = 0, attempts = 100, function() BODY error("x") end }) end`,
		"parallel":   `while true do pcall(parallel, { a = function() pcall(function() BODY end) end, b = function() BODY end }) end`,
	}
}

func TestStopsCannotBeCaught(t *testing.T) {
	for name, construct := range constructs() {
		t.Run(name, func(t *testing.T) {
			stop := &effect.Stop{Cause: effect.Diverged, Err: errors.New("parted")}
			var after atomic.Int64
			stopped := atomic.Bool{}
			h := effect.HandlerFunc(func(_ context.Context, c effect.Call) (effect.Result, error) {
				if stopped.Load() && name != "parallel" {
					after.Add(1)
				}
				if c.Op.String() == "traffic.weights" {
					stopped.Store(true)
					return effect.Result{}, stop
				}
				return effect.Result{}, nil
			})
			text := `local traffic = require "traffic" ` + strings.ReplaceAll(construct, "BODY", "traffic.weights()")
			err := run(t, newScript(t, text+` print "not reached"`, h))
			if effect.AsStop(err) != stop {
				t.Errorf("Run returned %v, want the stop", err)
			}
			if n := after.Load(); n > 0 {
				t.Errorf("%d effects after the stop", n)
			}
		})
	}
}

// TestStopFromMark stops in an effect that keeps the turn.
func TestStopFromMark(t *testing.T) {
	for name, construct := range constructs() {
		t.Run(name, func(t *testing.T) {
			stop := &effect.Stop{Cause: effect.Unwritable}
			h := effect.HandlerFunc(func(_ context.Context, c effect.Call) (effect.Result, error) {
				if c.Op.String() == effect.OpLog {
					return effect.Result{}, stop
				}
				return effect.Result{}, nil
			})
			err := run(t, newScript(t, strings.ReplaceAll(construct, "BODY", `print "x"`), h))
			if effect.AsStop(err) != stop {
				t.Errorf("Run returned %v, want the stop", err)
			}
		})
	}
}

// TestCancelWhileComputing cancels the context of a script that computes and
// catches whatever it can.
func TestCancelWhileComputing(t *testing.T) {
	for name, construct := range constructs() {
		t.Run(name, func(t *testing.T) {
			canceled := &effect.Stop{Cause: effect.Canceled}
			for _, cause := range []error{nil, canceled} {
				ctx, cancel := context.WithCancelCause(context.Background())
				var after atomic.Int64
				h := effect.HandlerFunc(func(_ context.Context, c effect.Call) (effect.Result, error) {
					switch {
					case c.Op.String() == effect.OpCheckpoint:
						cancel(cause)
					case context.Cause(ctx) != nil && name != "parallel":
						after.Add(1)
					}
					return effect.Result{}, nil
				})
				text := strings.ReplaceAll(construct, "BODY", `checkpoint "c" while true do end`)
				err := within(t, func() error { return newScript(t, text, h).Run(ctx) })
				stop := effect.AsStop(err)
				switch {
				case stop == nil:
					t.Errorf("Run returned %v, want a stop", err)
				case cause == nil && stop.Cause != effect.Interrupted:
					t.Errorf("the cause is %s, want interrupted", stop.Cause)
				case cause != nil && stop != canceled:
					t.Errorf("the stop is %v, want the context's", stop)
				}
				if n := after.Load(); n > 0 {
					t.Errorf("%d effects after the cancellation", n)
				}
			}
		})
	}
}

func TestBudget(t *testing.T) {
	for name, construct := range constructs() {
		t.Run(name, func(t *testing.T) {
			text := strings.ReplaceAll(construct, "BODY", "while true do end")
			s := newScript(t, text, &recorder{}, func(o *Options) { o.Budget = 300 * time.Millisecond })
			stop := effect.AsStop(run(t, s))
			if stop == nil || stop.Cause != effect.Exhausted {
				t.Fatalf("got %v, want the budget to be exhausted", stop)
			}
			if !strings.Contains(stop.Error(), "main.lua:1: the script computed for more than 300ms") {
				t.Errorf("the message is %q", stop)
			}
		})
	}
}

// TestBudgetIsBetweenEffects lets a script compute longer than its budget in
// all, and wait longer than it at a time.
func TestBudgetIsBetweenEffects(t *testing.T) {
	const budget = 600 * time.Millisecond // what the machine may stall for, too
	start := time.Now()
	r := &recorder{answer: func(_ context.Context, c effect.Call) (any, error) {
		if c.Op.String() == effect.OpSleep {
			time.Sleep(budget + 100*time.Millisecond) // longer than the budget, and not computing
			start = time.Now()
		}
		return time.Since(start).Seconds() / budget.Seconds(), nil
	}}
	text := `sleep(1) repeat for j = 1, 2000 do end until now() > 2 sleep(1)`
	if err := run(t, newScript(t, text, r, func(o *Options) { o.Budget = budget })); err != nil {
		t.Fatal(err)
	}
}

// However many functions of a rollback never end, all of them together do, and one
// that calls an effect comes to that.
func TestEndlessRollbacksShareTheirTime(t *testing.T) {
	const budget, bad = 400 * time.Millisecond, 1000
	r := &recorder{}
	s := newScript(t, `on_rollback(function() now() end)
for i = 1, 1000 do on_rollback(function() while true do end end) end`, r, func(o *Options) { o.Budget = budget })
	if err := run(t, s); err != nil {
		t.Fatal(err)
	}
	calls := len(r.calls)
	for attempt := 1; attempt <= 2; attempt++ {
		before := onProcessors()
		for i, rb := range s.Rollbacks() {
			err := s.RunRollback(t.Context(), rb, effect.RollbackPlace(attempt, rb.Index), false)
			stop := effect.AsStop(err)
			switch {
			case i < bad && (stop == nil || stop.Cause != effect.Exhausted):
				t.Fatalf("rollback %d: %v, want it to be exhausted", i+1, err)
			case i == 0 && !strings.Contains(stop.Error(), "more than 400ms"):
				t.Errorf("attempt %d: the first one ends with %q", attempt, stop)
			case i >= 5 && i < bad && !strings.Contains(stop.Error(), "not tried: the same function took too much 5 times"):
				t.Fatalf("rollback %d ends with %q", i+1, stop)
			case i == bad && err != nil:
				t.Errorf("attempt %d: the one that ends: %v", attempt, err)
			}
		}
		if took := onProcessors() - before; took > 3*budget {
			t.Errorf("attempt %d took %s on the processor", attempt, took)
		}
	}
	if n := len(r.calls) - calls; n != 2 {
		t.Errorf("%d effects in the rollbacks, want one in each attempt", n)
	}
}

// TestBombs: whatever a script tries, it ends at its line before it has taken
// the machine's memory or time.
func TestBombs(t *testing.T) {
	old := debug.SetMemoryLimit(192 << 20) // as the program does
	defer debug.SetMemoryLimit(old)
	bombs := map[string]string{
		"doubling":        `local s = "x" while true do s = s .. s end`,
		"tripling":        `local s = "x" for i = 1, 40 do s = s .. s .. s end`,
		"doubling kept":   `local s, t = ("x"):rep(1000000), {} while true do t[#t + 1] = s .. #t end`,
		"list":            `local t = {} while true do t[#t + 1] = ("x"):rep(1000) .. #t end`,
		"tables":          `local t = {} for i = 1, 1e9 do t[i] = { i } end`,
		"keys":            `local t = {} for i = 1, 1e9 do t["k" .. i] = {} end`,
		"big index":       `local all = {} for i = 1, 1e9 do local t = {} t[1048575] = 1 all[i] = t end`,
		"huge index":      `local t = {} t[67108862] = 1 while true do end`,
		"threads":         `local t = {} for i = 1, 1e9 do t[i] = coroutine.create(print) end`,
		"backtracking":    `_ = (("a"):rep(40)):find(("a?"):rep(40) .. ("a"):rep(41))`,
		"backtracking 2":  `_ = (("a"):rep(30000)):find(".-.-.-.-b")`,
		"balance":         `_ = ("("):rep(16 * 1024 * 1024):gsub("%b()", "")`,
		"back-reference":  `_ = ("a"):rep(1024 * 1024):find("(a*)%1b")`,
		"gsub":            `local s = ("ab"):rep(8000000) while true do s:gsub("a", "b") end`,
		"gsub growth":     `_ = (("x"):rep(1000000)):gsub(".*", ("%0"):rep(1000))`,
		"upper":           `local s, t = ("x"):rep(16 * 1024 * 1024), {} while true do t[#t + 1] = s:upper() end`,
		"concat":          `local t = {} for i = 1, 8000 do t[i] = ("x"):rep(4000) end _ = table.concat(t)`,
		"sort":            `local t = {} for i = 1, 1000 do t[i] = ("x"):rep(1000000) .. i end while true do table.sort(t) end`,
		"sort alike":      `local t, s = {}, ("x"):rep(16 * 1024 * 1024) for i = 1, 1000 do t[i] = s if i % 2 == 0 then t[i] = s:upper():lower() end if i > 3 then t[i] = t[i - 2] end end table.sort(t)`,
		"closures":        `local f = function() end while true do local g = f f = function() return g end end`,
		"effects":         `while true do now() end`,
		"steps":           `while true do step("s", function() end) end`,
		"rollbacks":       `while true do on_rollback(function() end) end`,
		"effects between": `while true do now() for i = 1, 1000000 do end end`,
		"branches":        `local function f() parallel { a = f, b = f, c = f } end f()`,
		"branch list":     `local t = {} for i = 1, 1e9 do t[i] = function() end if i % 100000 == 0 then parallel(t) end end`,
		"print":           `local s = ("x"):rep(16 * 1024 * 1024) print(s, s, s, s)`,
		"arguments":       `local s, t = ("x"):rep(15 * 1024 * 1024), {} for i = 1, 64 do t[i] = s end log.info { text = "x", t = t }`,
		"shared tables":   `local t = { "x" } for i = 1, 40 do t = { t, t } end log.info { text = "x", t = t }`,
		"shared message":  `local t = { "x" } for i = 1, 40 do t = { t, t } end fail { message = "x", code = t }`,
		"step name":       `step(("x"):rep(1000000), function() end)`,
		"pcall recursion": `local function f() pcall(f) end while true do f() end`,
		"wrap recursion":  `local function f() coroutine.wrap(f)() end while true do pcall(f) end`,
		"gsub recursion":  `local function f() ("a"):gsub("a", f) end while true do pcall(f) end`,
		"meta recursion":  `local t = {} setmetatable(t, { __index = function(_, k) return t[k] end }) while true do pcall(function() return t.x end) end`,
	}
	for name, bomb := range bombs {
		t.Run(name, func(t *testing.T) {
			runtime.GC()
			peak := watchMemory()
			s := newScript(t, "local _\n"+bomb, &recorder{}, func(o *Options) {
				o.Budget, o.Memory, o.Effects = 300*time.Millisecond, 64<<20, 20_000
			})
			err := run(t, s)
			if grown := peak(); grown > 250<<20 {
				t.Errorf("the process grew by %d MiB", grown>>20)
			}
			var failed *Error
			stop := effect.AsStop(err)
			switch {
			case stop != nil && stop.Cause == effect.Exhausted && strings.HasPrefix(stop.Error(), "main.lua:2: "):
			case errors.As(err, &failed) && failed.Where == (effect.Position{File: "main.lua", Line: 2}):
			default:
				t.Errorf("got %v, want what ended it, at main.lua:2", err)
			}
		})
	}
}

// watchMemory returns a function that tells by how much the memory of the
// process had grown at most, in bytes, what was given back not counted.
func watchMemory() (peak func() uint64) {
	inUse := func() uint64 {
		sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"},
			{Name: "/memory/classes/heap/free:bytes"}}
		metrics.Read(sample)
		return sample[0].Value.Uint64() - sample[1].Value.Uint64() - sample[2].Value.Uint64()
	}
	base, highest := inUse(), uint64(0)
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			highest = max(highest, inUse())
			select {
			case <-end:
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	return func() uint64 {
		close(end)
		<-ended
		return highest - min(base, highest)
	}
}

// TestWaitingSuspendsOneBranch lets one branch wait for a person while the
// others go on.
func TestWaitingSuspendsOneBranch(t *testing.T) {
	waiting := &effect.Stop{Cause: effect.Waiting}
	r := &recorder{}
	r.answer = func(_ context.Context, c effect.Call) (any, error) {
		if c.Op.String() == effect.OpApprove {
			return nil, waiting
		}
		return nil, nil
	}
	text := `parallel {
  a = function() pcall(approve, { title = "go?" }) print "not reached" end,
  b = function() sleep(1) parallel { x = function() approve { title = "deep" } end, y = function() sleep(1) print "y" end } print "no" end,
  c = function() sleep(1) sleep(1) print "c" end,
} print "nor this"`
	if stop := effect.AsStop(run(t, newScript(t, text, r))); stop != waiting {
		t.Fatalf("got %v, want the stop", stop)
	}
	got := strings.Join(r.printed(), " ")
	if got != "y c" && got != "c y" {
		t.Errorf("printed %q, want what b.y and c print", got)
	}
}

// TestHardStopWaitsForEffects lets one branch stop the script while the effect
// of another is under way.
func TestHardStopWaitsForEffects(t *testing.T) {
	stop := &effect.Stop{Cause: effect.Fenced}
	entered := make(chan struct{})
	returned := atomic.Bool{}
	var s *Script
	r := &recorder{}
	r.answer = func(_ context.Context, c effect.Call) (any, error) {
		switch c.Op.String() {
		case "traffic.weights":
			<-entered
			return nil, stop
		case effect.OpSleep:
			close(entered)
			for s.lua.Err() == nil { // until the stop has been taken in
				runtime.Gosched()
			}
			returned.Store(true)
		}
		return nil, nil
	}
	text := `local traffic = require "traffic"
parallel { a = function() traffic.weights() end, b = function() sleep(1) print "not reached" end }`
	s = newScript(t, text, r)
	if got := effect.AsStop(run(t, s)); got != stop {
		t.Fatalf("got %v, want the stop", got)
	}
	if !returned.Load() {
		t.Error("Run returned before the effect under way did")
	}
	if p := r.printed(); len(p) > 0 {
		t.Errorf("Lua ran after the stop: %q", p)
	}
}

// TestHardStopOutranksWaiting: a branch that waits does not hide why the
// script ended.
func TestHardStopOutranksWaiting(t *testing.T) {
	stop := &effect.Stop{Cause: effect.Diverged}
	r := &recorder{answer: func(_ context.Context, c effect.Call) (any, error) {
		switch c.Op.String() {
		case effect.OpApprove:
			return nil, &effect.Stop{Cause: effect.Waiting}
		case effect.OpUUID:
			return nil, stop
		}
		return nil, nil
	}}
	text := `parallel { a = function() approve "go?" end, b = function() sleep(1) uuid() end }`
	if got := effect.AsStop(run(t, newScript(t, text, r))); got != stop {
		t.Fatalf("got %v, want the divergence", got)
	}
}

// TestPanicInHandlerStops: pcall does not swallow a fault of the program.
func TestPanicInHandlerStops(t *testing.T) {
	h := effect.HandlerFunc(func(context.Context, effect.Call) (effect.Result, error) { panic("broken program") })
	err := run(t, newScript(t, `pcall(sleep, 1) print "no"`, h))
	if stop := effect.AsStop(err); stop == nil || !strings.Contains(stop.Error(), "broken program") {
		t.Errorf("got %v, want a stop that tells of the panic", err)
	}
}

// TestForeignErrorIsInternal: a handler's plain error reaches the script as
// one with the code internal.
func TestForeignErrorIsInternal(t *testing.T) {
	r := &recorder{answer: func(context.Context, effect.Call) (any, error) { return nil, errors.New("odd") }}
	if err := run(t, newScript(t, `local ok, e = pcall(sleep, 1) assert(e.code == "internal" and e.op == "sleep", e)`, r)); err != nil {
		t.Error(err)
	}
}
