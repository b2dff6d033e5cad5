package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/stdlib"
)

// zero is when the runs of these tests begin.
var zero = time.Date(2026, time.March, 3, 8, 0, 0, 0, time.UTC)

// book collects the events of a run; times are seconds since its start.
type book struct{ events []effect.Event }

func (b *book) add(at float64, kind effect.Kind, place string, body effect.Body) {
	b.events = append(b.events, effect.Event{Seq: int64(len(b.events) + 1), At: zero.Add(effect.Seconds(at)), Kind: kind, Place: effect.Place(place), Body: body})
}

// write adds a write with its outcome.
func (b *book) write(from, to float64, place, op, args, value string) {
	b.add(from, effect.EffectIntended, place, effect.Body{Op: op, Args: json.RawMessage(args), Class: effect.Write, Recovery: effect.Observe, Attempt: 1})
	b.add(to, effect.EffectDone, place, effect.Body{Op: op, Class: effect.Write, Value: json.RawMessage(value)})
}

// gate adds a measurement, with a warning between 150 and 200 ms.
func (b *book) gate(at float64, place string, p99 float64, broken string) {
	warned := ""
	if p99 > 0.15 && p99 < 0.2 {
		warned = `,"warned":["p99_latency is over 150ms"]`
	}
	b.add(at, effect.Gated, place, effect.Body{Value: fmt.Appendf(nil,
		`{"env":"green","during":60,"elapsed":%v,"measured":{"p99_latency":%v,"samples":500},"age":7,"slo":{"p99_latency":"< 200ms"},"warning":{"p99_latency":"< 150ms"},"broken":[%s]%s}`, at, p99, broken, warned)})
}

// deployment is a run that is asked about, set, measured, and rolled back for a
// gate that breaks.
func deployment() *book {
	b := &book{}
	b.add(0, effect.RunCreated, "", effect.Body{Name: "shift", By: "ann@ops"})
	b.add(1, effect.QuestionAsked, "1", effect.Body{Op: effect.OpApprove, Class: effect.Write, Attempt: 1,
		Args: json.RawMessage(`{"title":"Go <b>on</b>?","by":["bob","cy"],"count":2,"separate":true,"timeout":600}`)})
	b.add(5, effect.QuestionAnswered, "1", effect.Body{By: "bob", User: "root@ops", Outcome: "approved", Reason: "flat | graphs"})
	b.add(9, effect.QuestionAnswered, "1", effect.Body{By: "cy", User: "cy@ops", Outcome: "approved"})
	b.add(9, effect.EffectDone, "1", effect.Body{Op: effect.OpApprove, Class: effect.Write, Value: json.RawMessage(`{"by":["bob","cy"]}`)})
	b.add(10, effect.StepEntered, "~1", effect.Body{Name: "shift <script>alert(1)</script>"})
	b.write(10, 12, "2", "traffic.split", `{"blue":90,"green":10}`, `{"configured":{"blue":90,"green":10},"weights":{"blue":90,"green":10}}`)
	b.add(12, effect.EffectDone, "3.1", effect.Body{Op: effect.OpNow, Class: effect.Value})
	b.gate(30, "3.~1", 0.01, "")
	b.add(50, effect.EffectDone, "3.2", effect.Body{Op: "traffic.servers", Args: json.RawMessage(`{}`), Class: effect.Read,
		Value: json.RawMessage(`{"servers":[{"name":"blue","configured":90,"weight":100,"status":"up"},{"name":"green","configured":10,"weight":0,"status":"down"}]}`)})
	b.gate(50, "3.~2", 0.5, `"p99_latency is 500ms (wants < 200ms)"`)
	why := &effect.Error{Code: effect.CodeUnhealthy, Op: "health.watch", Message: "green broke its gate"}
	b.add(51, effect.StepLeft, "~2", effect.Body{Name: "shift <script>alert(1)</script>", Error: why})
	b.add(51, effect.RollbackStarted, "", effect.Body{Attempt: 1})
	b.add(51, effect.StatusChanged, "", effect.Body{Status: effect.StatusRollingBack})
	b.write(52, 55, "r1.1.1", "traffic.switch", `{"to":"blue"}`, `{"configured":{"blue":100,"green":0},"weights":{"blue":100,"green":0}}`)
	b.add(56, effect.BranchLeft, "r1.1", effect.Body{Name: "all to blue"})
	b.add(56, effect.StatusChanged, "", effect.Body{Status: effect.StatusRolledBack, Error: why})
	return b
}

// made tells the run of a book.
func made(t *testing.T, b *book, change func(*Input)) *Report {
	t.Helper()
	catalog, err := effect.NewCatalog(append(stdlib.Modules(), effect.Control())...)
	if err != nil {
		t.Fatal(err)
	}
	in := Input{Run: journal.Run{ID: "0198", Name: "shift", Script: "shift.lua", By: "ann@ops", Created: zero, Status: effect.StatusRolledBack,
		Params: json.RawMessage(`{"token":{"$secret":"env:TOKEN","digest":"hmac:beef"},"note":"a & b"}`)},
		Events: b.events, Catalog: catalog, Record: Record{Events: len(b.events), Head: "c0ffee", Intact: true}, Made: zero.Add(time.Hour)}
	if change != nil {
		change(&in)
	}
	return Make(in)
}

func TestMake(t *testing.T) {
	r := made(t, deployment(), func(in *Input) { in.Target = 5 * time.Second })
	if r.Kind != Rollback || r.Took != 56 || !strings.Contains(r.Why, "green broke its gate") {
		t.Errorf("kind %s, took %v, why %q", r.Kind, r.Took, r.Why)
	}
	times := map[Activity]float64{}
	for _, s := range r.Times {
		times[s.What] = s.Seconds
	}
	if want := (map[Activity]float64{Work: 2, Bake: 38, People: 8, Undo: 3}); fmt.Sprint(times) != fmt.Sprint(want) {
		t.Errorf("the time went to %v, want %v", times, want)
	}
	if rec := r.Recovery; rec == nil || rec.Seconds != 6 || rec.Met || !rec.Done {
		t.Errorf("recovery, from the first bad measurement: %+v", rec)
	}
	if a := r.Approvals; len(a) != 1 || a[0].Outcome != "approved" || a[0].Waited != 8 || len(a[0].Answers) != 2 || a[0].Answers[0].User != "root@ops" || a[0].Answers[1].User != "" {
		t.Errorf("approvals: %+v", a)
	}
	if g := r.Gates; len(g) != 1 || g[0].Passed || len(g[0].Measurements) != 2 || !g[0].Measurements[1].Breaks("p99_latency") || *g[0].Metrics[0].Bound != 0.2 ||
		*g[0].Measurements[0].Samples != 500 || *g[0].Measurements[0].Age != 7 {
		t.Errorf("gates: %+v", g)
	}
	if len(r.Levels) != 1 || len(r.Levels[0].Points) != 3 {
		t.Fatalf("levels: %+v", r.Levels)
	}
	if p := r.Levels[0].Points[1]; p.Sets || *p.Set["green"] != 10 || *p.Seen["green"] != 0 {
		t.Errorf("what was read: %+v", p)
	}
	if f := r.Failures; len(f) != 1 || f[0].What != "health.watch" || !f[0].At.Equal(zero.Add(51*time.Second)) {
		t.Errorf("failures: %+v", f)
	}
	if rows := r.Timeline.Rows; len(rows) != 3 || rows[0].Result != "failed" || rows[1].Name != "rollback: all to blue" || rows[1].Took() != 4*time.Second {
		t.Errorf("rows: %+v", rows)
	}
}

// TestVerdict: a target is met by what succeeded or was rolled back in time, and by
// nothing else; what still waits has taken as long as until the report is made.
func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		status effect.Status
		last   float64 // of the newest event, in seconds
		made   time.Duration
		want   string
		tone   string
	}{
		{effect.StatusSucceeded, 4, time.Hour, "met", "good"}, {effect.StatusSucceeded, 6, time.Hour, "missed", "bad"},
		{effect.StatusFailed, 4, time.Hour, "not reached", "bad"}, {effect.StatusCanceled, 4, time.Hour, "not reached", "bad"},
		{effect.StatusWaiting, 3, 4 * time.Second, "open", "dim"}, {effect.StatusWaiting, 3, 6 * time.Second, "missed", "bad"},
	} {
		b := &book{}
		b.add(0, effect.RunCreated, "", effect.Body{Name: "x"})
		b.add(c.last, effect.StatusChanged, "", effect.Body{Status: c.status})
		rec := made(t, b, func(in *Input) { in.Run.Status, in.Target, in.Made = c.status, 5*time.Second, zero.Add(c.made) }).Recovery
		if rec == nil || rec.Verdict != c.want || rec.Met != (c.want == "met") || rec.Tone() != c.tone {
			t.Errorf("%s at %v s, read after %v: %+v, want %s", c.status, c.last, c.made, rec, c.want)
		}
	}
}

// TestStops: a run that waited, and one whose runner died, were carried by nobody
// until somebody took them up.
func TestStops(t *testing.T) {
	b := &book{}
	b.add(0, effect.RunCreated, "", effect.Body{Name: "x"})
	b.add(2, effect.StatusChanged, "", effect.Body{Status: effect.StatusWaiting})
	b.add(4, effect.QuestionAnswered, "1", effect.Body{By: "bob", Outcome: "approved"})
	b.add(5, effect.StatusChanged, "", effect.Body{Status: effect.StatusRunning, By: "ann@ops"})
	b.write(6, 7, "2", "traffic.split", `{"blue":100}`, `{}`)
	b.add(17, effect.StatusChanged, "", effect.Body{Status: effect.StatusRunning, By: "kim@ops"})
	b.add(18, effect.StatusChanged, "", effect.Body{Status: effect.StatusSucceeded})
	r := made(t, b, func(in *Input) { in.Run.Status = effect.StatusSucceeded })
	row := r.Timeline.Rows[len(r.Timeline.Rows)-1]
	if row.Name != "no runner" || len(row.Bars) != 2 {
		t.Fatalf("rows: %+v", r.Timeline.Rows)
	}
	if row.Took() != 13*time.Second {
		t.Errorf("nobody carried it for %s; of the 13s from 2s to 5s and from 7s to 17s", row.Took())
	}
	for i, want := range []string{"2s to 5s waiting; taken up by ann@ops", "7s to 17s the runner died; taken up by kim@ops"} {
		bar := row.Bars[i]
		if got := fmt.Sprintf("%s to %s %s", bar.From.Sub(zero), bar.To.Sub(zero), bar.Text); got != want {
			t.Errorf("stop %d: %s, want %s", i, got, want)
		}
	}
}

// TestCallingIsWaiting: who calls people and waits until one takes it on is not at work.
func TestCallingIsWaiting(t *testing.T) {
	b := &book{}
	b.add(0, effect.RunCreated, "", effect.Body{Name: "x"})
	b.write(1, 2, "1.1", "notify.page", `{"to":"on-call","text":"fire"}`, `{}`)
	b.add(3, effect.EffectDone, "1.2", effect.Body{Op: opAcknowledged, Args: json.RawMessage(`{"to":"on-call"}`), Class: effect.Read, Value: json.RawMessage(`{}`)})
	b.add(60, effect.EffectDone, "1.3", effect.Body{Op: opAcknowledged, Args: json.RawMessage(`{"to":"on-call"}`), Class: effect.Read, Value: json.RawMessage(`{"by":"mia"}`)})
	b.write(60, 62, "2", "notify.page", `{"to":"manager","text":"for your information"}`, `{}`)
	b.add(63, effect.StatusChanged, "", effect.Body{Status: effect.StatusSucceeded})
	r := made(t, b, func(in *Input) { in.Run.Status = effect.StatusSucceeded })
	if got := fmt.Sprint(r.Times); got != "[{work 2} {people 59}]" {
		t.Errorf("the time went to %s", got)
	}
}

// TestHTML: what the record holds is text and nothing else, secrets are names,
// drawings come with their tables, and nothing is loaded from elsewhere.
func TestHTML(t *testing.T) {
	var b bytes.Buffer
	if err := made(t, deployment(), nil).HTML(&b); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, bad := range []string{"<script", "<b>on</b>", "beef", "src=", "http://", "https://", "url(", "ZgotmplZ", "<no value>"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	for _, want := range []string{"&lt;script&gt;", "Go &lt;b&gt;on&lt;/b&gt;?", "[secret env:TOKEN]", "c0ffee", "prefers-color-scheme: dark", "@media print", "name=\"viewport\"",
		"flat | graphs", "500ms ✗", "500", `aria-label="what was set (lines) and seen (dots) of traffic: blue, green"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not hold %q", want)
		}
	}
	drawings := 0
	for rest := page; ; drawings++ {
		from := strings.Index(rest, "<svg")
		if from < 0 {
			break
		}
		to := strings.Index(rest[from:], "</svg>") + from + len("</svg>")
		d := xml.NewDecoder(strings.NewReader(rest[from:to]))
		for {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("a drawing is no XML: %v", err)
			}
		}
		rest = rest[to:]
	}
	if drawings != 5 { // timeline and levels in two widths, one metric
		t.Errorf("%d drawings", drawings)
	}
}

func TestMarkdown(t *testing.T) {
	var b bytes.Buffer
	if err := made(t, deployment(), nil).Markdown(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# Rollback report: shift, rolled back", `flat \| graphs`, "&lt;script>", "Go &lt;b>on&lt;/b>?", "| 08:00:50 |", "`c0ffee`", "500ms"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("there is no %q in\n%s", want, &b)
		}
	}
	for line := range strings.Lines(b.String()) {
		if strings.HasPrefix(line, "|") && !strings.HasSuffix(strings.TrimSpace(line), "|") {
			t.Errorf("a row is broken: %s", line)
		}
	}
}

// TestScale: a day of sleep between minutes of work leaves room for these, says
// that it is cut, and keeps the order.
func TestScale(t *testing.T) {
	var moments []time.Time
	for _, m := range []float64{0, 5, 10, 20, 30, 30 + 24*60, 35 + 24*60} {
		moments = append(moments, zero.Add(time.Duration(m)*time.Minute))
	}
	s := newScale(moments, 100, 1000)
	if len(s.cuts) != 1 || s.cuts[0] < s.x(moments[4]) || s.cuts[0] > s.x(moments[5]) {
		t.Errorf("cut at %v", s.cuts)
	}
	if wide := s.x(moments[5]) - s.x(moments[4]); wide > 600 || wide < 250 {
		t.Errorf("the sleep takes %v of 1000", wide)
	}
	for i := 1; i < len(moments); i++ {
		if s.x(moments[i]) <= s.x(moments[i-1]) {
			t.Errorf("moment %d stands at %v, the one before at %v", i, s.x(moments[i]), s.x(moments[i-1]))
		}
	}
	if s.x(moments[0]) != 100 || s.x(moments[6]) < 1099 || s.x(moments[6]) > 1101 {
		t.Errorf("it goes from %v to %v", s.x(moments[0]), s.x(moments[6]))
	}
}

// TestTicksOfAShortRun: marks less than a second apart do not read the same.
func TestTicksOfAShortRun(t *testing.T) {
	var moments []time.Time
	for _, at := range []float64{0, 1.2, 1.6, 2.1, 2.4} {
		moments = append(moments, zero.Add(effect.Seconds(at)))
	}
	seen := map[string]bool{}
	for _, tick := range newScale(moments, 0, 1000).ticks(10) {
		if seen[tick.text] {
			t.Errorf("two marks read %s", tick.text)
		}
		seen[tick.text] = true
	}
	if len(seen) != len(moments) {
		t.Errorf("%d marks: %v", len(seen), seen)
	}
}
