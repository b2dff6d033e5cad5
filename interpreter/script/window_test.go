package script

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// clocked answers now() by a clock that sleeps move.
func clocked(t *testing.T, start string, denied bool) (*recorder, *time.Time) {
	t.Helper()
	now, err := time.Parse("2006-01-02 15:04", start)
	if err != nil {
		t.Fatal(err)
	}
	return &recorder{answer: func(_ context.Context, call effect.Call) (any, error) {
		switch call.Op.String() {
		case effect.OpNow:
			return float64(now.Unix()), nil
		case effect.OpSleep:
			now = effect.UnixTime(call.Args["until_"].(float64))
		case effect.OpApprove:
			if denied {
				return nil, effect.Errorf(effect.CodeDenied, "no")
			}
		}
		return map[string]any{"by": []any{"ana"}}, nil
	}}, &now
}

const sundays = `open = { "Sun 02:00-04:00 UTC", "first Sun 01:00-05:00 UTC" }`

// TestWindow: what it does by the time of day, and what it says.
func TestWindow(t *testing.T) {
	for _, tt := range []struct {
		name, at, args string
		denied         bool
		code           effect.Code
		want           string // of the error, or of the log
		until          string // the time afterwards
	}{
		{"open", "2026-11-29 02:30", `needs = "90m"`, false, "", "within the window Sun 02:00-04:00 UTC, which is open until Sun 2026-11-29 04:00 UTC", "2026-11-29 02:30"},
		{"closed", "2026-11-27 01:50", "", false, effect.CodeRefused,
			"it is Fri 2026-11-27 01:50 UTC, outside of every window; the next one, Sun 02:00-04:00 UTC, opens Sun 2026-11-29 02:00 UTC, in 2d10m", ""},
		{"closes too soon", "2026-11-29 03:00", `needs = "90m"`, false, effect.CodeRefused,
			"the window Sun 02:00-04:00 UTC closes Sun 2026-11-29 04:00 UTC, in 1h, and 1h30m are needed; the next one, first Sun 01:00-05:00 UTC, opens Sun 2026-12-06 01:00 UTC", ""},
		{"never long enough", "2026-11-29 03:00", `needs = "5h"`, false, effect.CodeRefused, "there is none within three years that is open for 5h", ""},
		{"frozen", "2026-11-29 02:30", `freezes = { { from = "2026-11-28", to = "2026-11-30", reason = "a sale" } }`, false, effect.CodeRefused,
			"changes are frozen until Tue 2026-12-01 00:00 UTC (a sale); the next one, first Sun 01:00-05:00 UTC, opens Sun 2026-12-06 01:00 UTC", ""},
		{"waits", "2026-11-29 03:00", `needs = "90m", outside = "wait"`, false, "", "within the window first Sun 01:00-05:00 UTC, which is open until Sun 2026-12-06 05:00 UTC", "2026-12-06 01:00"},
		{"asks", "2026-11-27 01:50", `outside = "ask", by = { "ana" }, detail = "back by switching to blue"`, false, "", "", "2026-11-27 01:50"},
		{"is denied", "2026-11-27 01:50", `outside = "ask", by = { "ana" }`, true, effect.CodeDenied, "no", ""},
		{"waits for nothing", "2026-11-27 01:50", `needs = "5h", outside = "wait"`, false, effect.CodeRefused, "there is none", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, now := clocked(t, tt.at, tt.denied)
			err := run(t, newScript(t, "local w = window { "+sundays+", "+tt.args+" }\nprint(tostring(w.emergency), w.closes and w.closes > w.opened)", r))
			printed := r.printed()
			if tt.code != "" {
				e := errorOf(t, err)
				if e.Effect == nil || e.Effect.Code != tt.code || !strings.Contains(e.Message, tt.want) || e.Where.Line != 1 {
					t.Errorf("got %v (%+v), want %s: %s", err, e.Effect, tt.code, tt.want)
				}
				if then := strings.Contains(e.Hint, "come back then"); tt.code == effect.CodeRefused && then != strings.Contains(e.Message, "the next one") {
					t.Errorf("%s: it advises: %s", e.Message, e.Hint)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			asked := slices.IndexFunc(r.calls, func(c effect.Call) bool { return c.Op.String() == effect.OpApprove })
			switch {
			case tt.want != "" && (printed[0] != tt.want || printed[1] != "false\ttrue" || asked >= 0):
				t.Errorf("it said %q", printed)
			case tt.want == "" && (printed[0] != "true\tnil" || asked < 0):
				t.Errorf("it said %q, and asked %t", printed, asked >= 0)
			case tt.want == "":
				args := r.calls[asked].Args
				detail, _ := args["detail"].(string)
				if !strings.HasPrefix(detail, "back by switching to blue\nit is Fri 2026-11-27 01:50 UTC, outside of every window") ||
					args["title"] != "an emergency change, outside of every window" || len(args["by"].([]any)) != 1 {
					t.Errorf("it asked %v", args)
				}
			}
			if got := now.Format("2006-01-02 15:04"); got != tt.until {
				t.Errorf("it went on at %s, want %s", got, tt.until)
			}
		})
	}
}

// TestWindowsThatCannotBe are errors at their line, before anything is asked.
func TestWindowsThatCannotBe(t *testing.T) {
	for args, want := range map[string]string{
		``: `open: is required, or calendar = "NAME"`,
		`calendar = "changes", open = { "Sun 02:00-04:00 UTC" }`:                                       "open: the calendar says when it is open; leave one of the two out",
		`calendar = "changes", freezes = { { from = "2026-12-20", to = "2026-12-21", reason = "x" } }`: "freezes: the calendar says what is frozen",
		`open = {}`:        "open",
		`open = { "Sun" }`: `open[1]: "Sun" is no window; write "Sun 02:00-04:00 UTC"`,
		`open = { "Sun 02:00-04:00 UTC" }, by = { "ana" }`:                                                         `by: goes with outside = "ask"`,
		`open = { "Sun 02:00-04:00 UTC" }, outside = "ask", by = { "ana", "ana" }`:                                 "nobody can agree",
		`open = { "Sun 02:00-04:00 UTC" }, otside = "ask"`:                                                         `did you mean "outside"?`,
		`open = { "Sun 02:00-04:00 UTC" }, freezes = { { from = "2026-12-20", to = "2026-12-19", reason = "x" } }`: "freezes[1]: it ends before it begins",
		`open = { "Sun 02:00-04:00 UTC" }, freezes = { { from = "2026-12-20", to = "2026-12-21" } }`:               "reason",
	} {
		r, _ := clocked(t, "2026-11-27 01:50", false)
		e := errorOf(t, run(t, newScript(t, "window { "+args+" }", r)))
		if !strings.Contains(e.Error(), want) || e.Where.Line != 1 || len(r.calls) > 0 {
			t.Errorf("window { %s }: %v at %s, asked %d; want %q", args, e, e.Where, len(r.calls), want)
		}
	}
}

// TestWindowOfACalendar: what window{} does by what a calendar of the configuration
// answers.
func TestWindowOfACalendar(t *testing.T) {
	closed := map[string]any{"open": false, "why": "it is frozen", "opens": 1796000000.0, "window": "patches", "emergency": map[string]any{"by": []any{"lead"}, "count": 1.0}}
	open := map[string]any{"open": true, "window": "patches", "closes": 1796007200.0, "until": "Sun 04:00"}
	for _, tt := range []struct {
		name, args string
		answers    []map[string]any
		code       effect.Code
		want       string
	}{
		{"open", `needs = "90m"`, []map[string]any{open}, "", "within the window patches, which is open until Sun 04:00"},
		{"always open", "", []map[string]any{{"open": true, "window": "no freeze"}}, "", "within the window no freeze"},
		{"refuses", "", []map[string]any{closed}, effect.CodeRefused, "the calendar changes: it is frozen"},
		{"waits", `outside = "wait"`, []map[string]any{closed, open}, "", "within the window patches, which is open until Sun 04:00"},
		{"never opens", `outside = "wait"`, []map[string]any{{"open": false, "why": "none opens"}}, effect.CodeRefused, "none opens"},
		{"asks whom the calendar names", `outside = "ask", by = { "me" }`, []map[string]any{closed}, "", "asked lead"},
		{"asks whom the script names", `outside = "ask", by = { "me" }`, []map[string]any{{"open": false, "why": "closed"}}, "", "asked me"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, _ := clocked(t, "2026-11-27 01:50", false)
			clock, asked := r.answer, ""
			r.answer = func(ctx context.Context, call effect.Call) (any, error) {
				switch call.Op.String() {
				case effect.OpCalendar:
					if call.Args["name"] != "changes" || call.Args["at"] == nil || (call.Args["needs"] != nil) != strings.Contains(tt.args, "needs") {
						t.Errorf("it asked %v", call.Args)
					}
					said := tt.answers[0]
					tt.answers = tt.answers[1:]
					return said, nil
				case effect.OpApprove:
					asked = "asked " + call.Args["by"].([]any)[0].(string)
				}
				return clock(ctx, call)
			}
			err := run(t, newScript(t, `window { calendar = "changes", `+tt.args+" }", r))
			if tt.code != "" {
				if e := errorOf(t, err); e.Effect == nil || e.Effect.Code != tt.code || !strings.Contains(e.Message, tt.want) {
					t.Errorf("got %v, want %s: %s", err, tt.code, tt.want)
				}
				return
			}
			if err != nil || len(tt.answers) > 0 {
				t.Fatalf("%v, %d answers are left", err, len(tt.answers))
			}
			if got := strings.Join(append(r.printed(), asked), ""); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// TestWindowThatNeverCloses: whole days that touch leave no end to be told.
func TestWindowThatNeverCloses(t *testing.T) {
	r, _ := clocked(t, "2026-11-27 23:59", false)
	if err := run(t, newScript(t, `local w = window { open = { "Mon-Fri 00:00-24:00 UTC", "Sat,Sun 00:00-24:00 UTC" }, needs = "30d" }
print(tostring(w.closes))`, r)); err != nil {
		t.Fatal(err)
	}
	if printed := r.printed(); printed[0] != "within the window Mon-Fri 00:00-24:00 UTC and Sat,Sun 00:00-24:00 UTC" || printed[1] != "nil" {
		t.Errorf("it said %q", printed)
	}
}
