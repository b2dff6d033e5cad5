package script

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// conductor is a handler that decides in which order effects have outcomes. It
// lets a call settle only when every branch that can be is inside the handler,
// so that it has a choice, and picks by choose. Some calls settle through
// Settled, others only by returning.
type conductor struct {
	mu      sync.Mutex
	waiting []*turn
	choose  func(places []string) int
	settled []string // places, in the order of their outcomes
	busy    int      // branches that may still come
	quiet   bool     // never call Settled
	late    bool     // call Settled again after Do returned
}

type turn struct {
	call effect.Call
	done chan struct{}
}

func (c *conductor) Do(_ context.Context, call effect.Call) (effect.Result, error) {
	switch {
	case call.Op.String() == effect.OpBranchLeft:
		c.mu.Lock()
		c.busy--
		c.next()
		c.mu.Unlock()
		return effect.Result{}, nil
	case call.Class == effect.Mark, call.Class == effect.Value:
		return effect.Result{Value: 0.5}, nil
	}
	t := &turn{call, make(chan struct{})}
	c.mu.Lock()
	c.waiting = append(c.waiting, t)
	c.next()
	c.mu.Unlock()
	<-t.done
	if c.late {
		defer func() { go call.Settled() }()
	}
	return effect.Result{Value: string(call.Place)}, nil
}

// next settles one call if all branches wait. The caller holds mu.
func (c *conductor) next() {
	if len(c.waiting) == 0 || len(c.waiting) < c.busy {
		return
	}
	slices.SortFunc(c.waiting, func(a, b *turn) int { return a.call.Place.Compare(b.call.Place) })
	places := make([]string, len(c.waiting))
	for i, t := range c.waiting {
		places[i] = string(t.call.Place)
	}
	i := c.choose(places)
	t := c.waiting[i]
	c.waiting = slices.Delete(c.waiting, i, i+1)
	c.settled = append(c.settled, string(t.call.Place))
	if !c.quiet {
		t.call.Settled()
		t.call.Settled()
	}
	close(t.done)
}

// sharing is a script whose branches append to one list and multiply one
// number between their effects.
const sharing = `
local trace, n = {}, 1
local function note(s) trace[#trace + 1] = s n = (n * 31 + #s + s:byte(1)) % 1000003 end
local function work(name, count)
  return function()
    note(name .. " begins")
    for i = 1, count do
      local place = traffic.weights()
      note(name .. i .. ":" .. place)
      if i % 2 == 0 then pcall(error, "x") now() end
    end
    note(name .. " ends")
    return n
  end
end
parallel { a = work("a", 3), b = work("b", 4), c = work("c", 2), d = work("d", 3) }
print(table.concat(trace, ";"), n)
`

func conduct(t *testing.T, c *conductor, script string, branches int) string {
	t.Helper()
	c.busy = branches
	var printed []string
	h := effect.HandlerFunc(func(ctx context.Context, call effect.Call) (effect.Result, error) {
		if call.Op.String() == effect.OpLog {
			printed = append(printed, call.Args["text"].(string))
		}
		return c.Do(ctx, call)
	})
	if err := run(t, newScript(t, `local traffic = require "traffic" `+header+script, h)); err != nil {
		t.Fatal(err)
	}
	return strings.Join(printed, "\n")
}

// TestOrderFollowsOutcomes runs one script under many orders of outcomes, each
// of them several times: what the script sees is a function of the order.
func TestOrderFollowsOutcomes(t *testing.T) {
	traces := map[string]bool{}
	for seed := range uint64(25) {
		random := rand.New(rand.NewPCG(seed, 1))
		first := &conductor{choose: func(places []string) int { return random.IntN(len(places)) }}
		want := conduct(t, first, sharing, 4)
		traces[want] = true
		for _, again := range []*conductor{{}, {late: true}, {}} {
			at := 0
			again.choose = func(places []string) int {
				i := slices.Index(places, first.settled[at])
				if i < 0 {
					panic(fmt.Sprintf("%s is not among %v", first.settled[at], places))
				}
				at++
				return i
			}
			if got := conduct(t, again, sharing, 4); got != want {
				t.Fatalf("seed %d: the same order gave\n%s\nand\n%s", seed, want, got)
			}
		}
	}
	if len(traces) < 5 {
		t.Errorf("%d different traces of 25 orders: the order has no influence", len(traces))
	}
}

// gate is a handler that lets the first call of every branch settle at once,
// when all of them have come.
type gate struct {
	mu      sync.Mutex
	held    []*turn
	want    int                // how many branches there are
	open    func(held []*turn) // settles the calls, which are in the order of their places, and lets them return
	printed []string
}

func (g *gate) Do(_ context.Context, c effect.Call) (effect.Result, error) {
	if c.Op.String() == effect.OpLog {
		g.printed = append(g.printed, c.Args["text"].(string))
	}
	if c.Op.String() != "traffic.weights" {
		return effect.Result{}, nil
	}
	t := &turn{c, make(chan struct{})}
	g.mu.Lock()
	if g.held = append(g.held, t); len(g.held) == g.want {
		// Branches come into Do side by side, in any order.
		slices.SortFunc(g.held, func(a, b *turn) int { return a.call.Place.Compare(b.call.Place) })
		g.open(g.held)
	}
	g.mu.Unlock()
	<-t.done
	return effect.Result{}, nil
}

// TestSegmentsInOrderOfSettled holds all calls back until every branch waits,
// settles them in a given order while holding a lock, and lets Do return in
// another.
func TestSegmentsInOrderOfSettled(t *testing.T) {
	orders := [][]int{{0, 1, 2, 3}, {3, 2, 1, 0}, {2, 0, 3, 1}, {1, 3, 0, 2}}
	for _, settle := range orders {
		for _, back := range orders {
			g := &gate{want: 4, open: func(held []*turn) {
				for _, i := range settle {
					held[i].call.Settled()
				}
				for _, i := range back {
					close(held[i].done)
				}
			}}
			text := `local traffic = require "traffic" ` + header + `
local function work(name) return function() traffic.weights() print(name) end end
parallel { work("0"), work("1"), work("2"), work("3") }`
			if err := run(t, newScript(t, text, g)); err != nil {
				t.Fatal(err)
			}
			want := strings.ReplaceAll(strings.Trim(fmt.Sprint(settle), "[]"), " ", "")
			if got := strings.Join(g.printed, ""); got != want {
				t.Errorf("settled as %s, returned as %v: ran as %s", want, back, got)
			}
		}
	}
}

// TestStartedBeforeSettled: branches that were just started, and a parent whose
// branches have ended, come before branches with an outcome.
func TestStartedBeforeSettled(t *testing.T) {
	text := `
local trace = {}
local function note(s) trace[#trace + 1] = s end
parallel {
  a = function()
    traffic.weights() note "a1"
    parallel { x = function() note "x" end, y = function() note "y" end }
    note "a2"
  end,
  b = function() traffic.weights() note "b" end,
  c = function() traffic.weights() note "c" end,
}
print(table.concat(trace, " "))`
	g := &gate{want: 3, open: func(held []*turn) { // all settle before any of them goes on
		for _, t := range held {
			t.call.Settled()
		}
		for _, t := range held {
			close(t.done)
		}
	}}
	if err := run(t, newScript(t, `local traffic = require "traffic" `+header+text, g)); err != nil {
		t.Fatal(err)
	}
	if want := "a1 x y a2 b c"; strings.Join(g.printed, "") != want {
		t.Errorf("ran as %q, want %q", g.printed, want)
	}
}

// TestQuietHandler: a handler that never calls Settled gives the order in
// which Do returns.
func TestQuietHandler(t *testing.T) {
	c := &conductor{quiet: true, choose: func(places []string) int { return len(places) - 1 }}
	got := conduct(t, c, `
local out = {}
local function work(n) return function() traffic.weights() out[#out + 1] = n end end
parallel { a = work "a", b = work "b", c = work "c" }
print(table.concat(out))`, 3)
	if got != "cba" {
		t.Errorf("ran as %q, want cba", got)
	}
}

func TestPlaces(t *testing.T) {
	text := `
print "one"
sleep(1)
step("s", function() sleep(1) end)
local r = parallel {
  b = function() sleep(1) print "x" parallel { function() sleep(1) end } now() end,
  a = function() coroutine.wrap(function() sleep(1) uuid() end)() sleep(1) end,
}
pcall(retry, { any = true, attempts = 2, function() error "no" end })
health.watch { env = "green", during = "0s", every = "1s", slo = { p99_latency = "< 1s" } }
on_rollback(function() sleep(7) parallel { r = function() sleep(8) print "deep" end } end)
sleep(1)
parallel {}
sleep(9)
`
	r := &recorder{answer: func(_ context.Context, c effect.Call) (any, error) {
		switch c.Op.String() {
		case "health.measure":
			return map[string]any{"p99_latency": 0.1}, nil
		case effect.OpNow:
			return 5.0, nil
		}
		return nil, nil
	}}
	s := newScript(t, `local health = require "health" `+header+text, r)
	if err := run(t, s); err != nil {
		t.Fatal(err)
	}
	rollbacks := s.Rollbacks()
	if len(rollbacks) != 1 {
		t.Fatalf("%d rollbacks", len(rollbacks))
	}
	if err := s.RunRollback(context.Background(), rollbacks[0], effect.RollbackPlace(1, 1), false); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range r.seen() {
		place, rest, _ := strings.Cut(l, " ")
		op, _, _ := strings.Cut(rest, " ")
		got = append(got, place+" "+strings.TrimPrefix(op, "run."))
	}
	slices.Sort(got)
	want := []string{
		"~1 log", "1 sleep", "~2 step", "2 sleep", "~3 step_left",
		"3 parallel", "3.a branch_left", "3.b branch_left", "3.a.1 sleep", "3.a.2 uuid", "3.a.3 sleep",
		"3.b.1 sleep", "3.b.~1 log", "3.b.2 parallel", "3.b.2.@1 branch_left", "3.b.2.@1.1 sleep", "3.b.3 now",
		"4 sleep", "5.1 now", "5.2 health.measure", "5.3 now", "5.~1 gate", "~4 on_rollback", "6 sleep",
		"7 parallel", "8 sleep",
		"r1.1.1 sleep", "r1.1.2 parallel", "r1.1.2.r branch_left", "r1.1.2.r.1 sleep", "r1.1.2.r.~1 log",
	}
	slices.Sort(want)
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
