package script

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// overrun is a runbook whose first step begins in its window, at the end of which the
// others begin.
func overrun(args, rest string) string {
	return "window { " + sundays + ", needs = \"30m\", " + args + " }\n" + `step("one", function() sleep { until_ = "2026-11-29 04:10", zone = "UTC" } end)
` + rest
}

// TestWindowThatHasClosed: what a step does that begins after it, and when.
func TestWindowThatHasClosed(t *testing.T) {
	const steps = `step("two", function() print "two" end)
step("three", function() print "three" end)`
	for _, tt := range []struct {
		name, args, rest string
		denied           bool
		code             effect.Code
		want             string // of the error, or of the log
		asked            int
		until            string // the time afterwards
	}{
		{"goes on", "", steps, false, "", "two, three", 0, "2026-11-29 04:10"},
		{"refuses", `closed = "refuse"`, steps, false, effect.CodeRefused,
			`the window Sun 02:00-04:00 UTC closed Sun 2026-11-29 04:00 UTC, before the step "two"; it is Sun 2026-11-29 04:10 UTC, outside of every window; the next one, first Sun 01:00-05:00 UTC, opens Sun 2026-12-06 01:00 UTC`, 0, ""},
		{"waits", `closed = "wait"`, steps, false, "", "within the window first Sun 01:00-05:00 UTC, which is open until Sun 2026-12-06 05:00 UTC, two, three", 0, "2026-12-06 01:00"},
		{"waits for nothing", `closed = "wait", freezes = { { from = "2026-11-30", to = "2036-11-30", reason = "the end" } }`, steps, false, effect.CodeRefused, "none opens within three years", 0, ""},
		{"asks once", `closed = "ask", by = { "ana" }, timeout = "30m"`, steps, false, "", "two, three", 1, "2026-11-29 04:10"},
		{"is denied", `closed = "ask", by = { "ana" }`, steps, true, effect.CodeDenied, "no", 1, ""},
		{"is caught", `closed = "refuse"`, `print(pcall(step, "two", function() print "two" end))`, false, "", "false\tmain.lua:3: window: the window Sun 02:00-04:00 UTC closed", 0, "2026-11-29 04:10"},
		{"in branches", `closed = "refuse"`, `parallel { a = function() step("two", function() print "two" end) end }`, false, effect.CodeRefused, `before the step "two"`, 0, ""},
		{"by the last window", `closed = "refuse"`, "window { open = { \"daily 00:00-24:00 UTC\" } }\n" + steps, false, "", "within the window daily 00:00-24:00 UTC, two, three", 0, "2026-11-29 04:10"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, now := clocked(t, "2026-11-29 02:30", tt.denied)
			clock := r.answer
			r.answer = func(ctx context.Context, call effect.Call) (any, error) {
				if call.Args["zone"] != nil {
					*now = now.Add(100 * 60e9)
					return nil, nil
				}
				return clock(ctx, call)
			}
			err := run(t, newScript(t, overrun(tt.args, tt.rest), r))
			asked := 0
			for _, c := range r.calls {
				if c.Op.String() != effect.OpApprove {
					continue
				}
				asked++
				if c.Args["title"] != "go on after the window has closed?" || !strings.HasPrefix(c.Args["detail"].(string), "the window Sun 02:00-04:00 UTC closed") || c.Where.Line != 3 {
					t.Errorf("it asked %v at %s", c.Args, c.Where)
				}
			}
			if asked != tt.asked {
				t.Errorf("it asked %d times, want %d", asked, tt.asked)
			}
			if tt.code != "" {
				if e := errorOf(t, err); e.Effect == nil || e.Effect.Code != tt.code || !strings.Contains(e.Message, tt.want) || e.Where.Line != 3 {
					t.Errorf("got %v (%+v), want %s: %s", err, e.Effect, tt.code, tt.want)
				}
				if slices.Contains(r.printed(), "two") {
					t.Errorf("the step was carried out")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(r.printed()[1:], ", "); !strings.HasPrefix(got, tt.want) {
				t.Errorf("it said %q, want %q", got, tt.want)
			}
			if got := now.Format("2006-01-02 15:04"); got != tt.until {
				t.Errorf("it went on at %s, want %s", got, tt.until)
			}
		})
	}
}

// TestCalendarThatWasProlonged: a calendar is asked once more when it has closed.
func TestCalendarThatWasProlonged(t *testing.T) {
	r, now := clocked(t, "2026-11-29 02:30", false)
	clock, looks := r.answer, 0
	r.answer = func(ctx context.Context, call effect.Call) (any, error) {
		if call.Op.String() != effect.OpCalendar {
			return clock(ctx, call)
		}
		if looks++; (call.Args["needs"] != nil) != (looks == 1) {
			t.Errorf("look %d asked for %v", looks, call.Args)
		}
		closes := now.Add(3600e9)
		return map[string]any{"open": true, "window": "patches", "closes": float64(closes.Unix()), "until": closes.Format("15:04")}, nil
	}
	err := run(t, newScript(t, `window { calendar = "changes", needs = "30m", closed = "refuse" }
for n = 1, 4 do step("step " .. n, function() sleep { until_ = now() + 2400 } end) end`, r))
	if got := strings.Join(r.printed(), ", "); err != nil || looks != 2 || got != "within the window patches, which is open until 03:30, within the window patches, which is open until 04:50" {
		t.Errorf("%v after %d looks: %s", err, looks, got)
	}
}
