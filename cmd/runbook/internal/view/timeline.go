package view

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// Timeline prints a rehearsed run as the run itself is printed, with virtual
// times of day, and with what only a rehearsal knows: what each effect
// changes, what its answer rests on, and which faults struck. Of a gate's
// measurements the last one stands for all, and those that broke it.
func Timeline(t *Tree, events []effect.Event, entries []simulate.Entry) []string {
	p := &timeline{tree: t, seen: map[effect.Place]simulate.Entry{}, gates: map[effect.Place]int{}}
	var kills []simulate.Entry
	for _, e := range entries {
		if e.Fault.KillsBefore() || e.Fault == simulate.KilledAfter {
			kills = append(kills, e)
		}
		if !e.Fault.KillsBefore() {
			p.seen[e.Place] = e
		}
	}
	for i := range events {
		if events[i].Kind == effect.Gated {
			p.gates[events[i].Place.Parent()]++
		}
	}
	left := map[effect.Place]int{}
	for i := range events {
		ev := events[i]
		for len(kills) > 0 && kills[0].At.Before(ev.At) {
			p.killed(kills[0])
			kills = kills[1:]
		}
		if ev.Kind == effect.Gated {
			gate := ev.Place.Parent()
			if left[gate]++; left[gate] < p.gates[gate] && !brokenGate(ev) {
				continue
			}
		}
		p.event(ev)
	}
	for _, e := range kills {
		p.killed(e)
	}
	return p.lines
}

// timeline goes through a rehearsal's events.
type timeline struct {
	tree  *Tree
	seen  map[effect.Place]simulate.Entry // by place; the last one
	gates map[effect.Place]int            // how many measurements each gate made
	lines []string
	day   string
}

func (p *timeline) event(ev effect.Event) {
	e, known := p.seen[ev.Place]
	ended := ev.Kind == effect.EffectDone || ev.Kind == effect.EffectFailed ||
		ev.Kind == effect.EffectObserved || ev.Kind == effect.EffectResolved
	if known && ended && e.Class == effect.Read {
		p.tree.Begun(ev.Place, ev.At.Add(-e.Took))
	}
	lines := p.tree.Lines(ev)
	if len(lines) == 0 && ended && known && e.Fault != "" { // inside a gate
		p.print(ev.At, p.tree.line(ev, p.tree.depth(ev.Place), p.tree.Style.Red("⚡"), p.tree.Style.Red(string(e.Fault)+" at "+clean(e.Op))))
	}
	if len(lines) == 0 {
		return
	}
	if ev.Kind == effect.Gated {
		lines[len(lines)-1] += p.tree.Style.Dim(fmt.Sprintf("  (%d measured)", p.gates[ev.Place.Parent()])) + p.basis(p.measurement(ev.Place))
	}
	if ended && known {
		lines[len(lines)-1] += p.basis(e)
		depth := p.tree.depth(ev.Place)
		for _, c := range e.Predictions() {
			lines = append(lines, p.tree.under(depth, p.tree.Style.Dim(clean(change(c)))))
		}
	}
	p.print(ev.At, lines)
}

// measurement returns what a gate's mark rests on: the last measurement of the
// same gate.
func (p *timeline) measurement(mark effect.Place) simulate.Entry {
	var last simulate.Entry
	for place, e := range p.seen {
		if place.Parent() == mark.Parent() && p.tree.gateRole(e.Op) == effect.GateMeasures && !e.At.Before(last.At) {
			last = e
		}
	}
	last.Fault = "" // it stands in a line of its own
	return last
}

// basis says, behind an effect, what its answer rests on.
func (p *timeline) basis(e simulate.Entry) string {
	s, text := p.tree.Style, ""
	switch e.Fact {
	case simulate.Live:
		text = s.Cyan("  [live]")
	case simulate.Assumed:
		text = s.Yellow("  [assumed]")
	case simulate.Guessed:
		text = s.Cyan("  [predicted]")
	}
	if e.Fault != "" {
		text += s.Red("  ⚡ " + string(e.Fault))
	}
	return text
}

func (p *timeline) killed(e simulate.Entry) {
	s := p.tree.Style
	what := "before it was carried out"
	if e.Fault == simulate.KilledAfter {
		what = "after it was carried out, before that was recorded"
	}
	p.print(e.At, p.tree.line(effect.Event{At: e.At}, p.tree.depth(e.Place), s.Red("⚡"),
		s.Red(fmt.Sprintf("the runner is killed at %s, %s", clean(e.Op), what))))
}

// print adds lines, and the day where it changes.
func (p *timeline) print(at time.Time, lines []string) {
	if day := at.Local().Format("Mon 2006-01-02"); day != p.day {
		p.day = day
		p.lines = append(p.lines, p.tree.Style.Dim(day))
	}
	p.lines = append(p.lines, lines...)
}

// change prints a change as people read it: "traffic.weights.green 10 → 50".
func change(c effect.Prediction) string {
	to := c.To
	if to == "" {
		to = "nothing"
	}
	return strings.Join(strings.Fields(c.Target+" "+c.From+" → "+to), " ")
}

func brokenGate(ev effect.Event) bool {
	_, broken := gate(Style{}, ev.Body.Value)
	return broken
}

// PlanSummary prints what a plan comes to: the systems that it touches, who is
// asked, what was assumed, and how it ends.
func PlanSummary(s Style, p *simulate.Plan) []string {
	var out []string
	add := func(name string, rows ...string) {
		for i, row := range rows {
			label := ""
			if i == 0 {
				label = name
			}
			for n, part := range wrap(row, max(s.Width-11, 0)) {
				if n > 0 {
					label = ""
				}
				out = append(out, s.Dim(fmt.Sprintf("%-9s", label))+"  "+part)
			}
		}
	}
	for i, t := range p.Touches {
		text := clean(t.Module)
		if t.Backend != "" {
			text += " (" + clean(t.Backend) + ")"
		}
		what := append([]string(nil), t.Targets...)
		for n := range what {
			what[n] = strings.TrimPrefix(what[n], t.Module+".")
		}
		if len(what) == 0 {
			what = t.Ops
		}
		add([]string{"touches", ""}[min(i, 1)], text+": "+clean(strings.Join(what, ", ")))
	}
	for i, a := range p.Approvals {
		text := fmt.Sprintf("\"%s\", %s after the start", clean(a.Title), effect.FormatDuration(effect.Seconds(a.At)))
		if len(a.By) > 0 {
			text += ", of " + clean(strings.Join(a.By, ", "))
		}
		if a.Count > 1 {
			text += fmt.Sprintf(", %d have to agree", a.Count)
		}
		add([]string{"asks", ""}[min(i, 1)], text)
	}
	add("live", liveFacts(p)...)
	if len(p.Assumed) > 0 {
		add("assumed", clean(strings.Join(p.Assumed, "; ")))
	}
	for i, text := range unsimulated(p) {
		add([]string{"refused", ""}[min(i, 1)], s.Yellow(text))
	}
	for i, u := range p.Unread {
		add([]string{"not read", ""}[min(i, 1)], s.Yellow(clean(u.Op+": "+opening(u.Error))))
	}
	for i, b := range p.Broken {
		add([]string{"broken", ""}[min(i, 1)], s.Red(clean(strings.TrimSuffix(b.Invariant+": "+b.Message, ": "))))
	}
	for i, b := range p.Accepted {
		add([]string{"accepted", ""}[min(i, 1)], clean(strings.TrimSuffix(b.Invariant+": "+b.Message, ": ")+" ("+b.Why+")"))
	}
	end := strings.ReplaceAll(string(p.Status), "_", " ") + " after " + effect.FormatDuration(effect.Seconds(p.Took)) +
		", at " + p.Start.Add(effect.Seconds(p.Took)).Local().Format("Mon 15:04:05")
	add("ends", end)
	return out
}

// unsimulated names the ops that could not be simulated, each once.
func unsimulated(p *simulate.Plan) []string {
	var list []string
	for _, e := range p.Effects {
		if e.Error == nil || e.Error.Code != effect.CodeUnsupported {
			continue
		}
		text := clean(e.Op) + " could not be simulated"
		if e.Error.Hint != "" {
			text += ": " + opening(e.Error.Hint)
		}
		if !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	return list
}

// liveFacts names the ops whose answers rest on what was read live.
func liveFacts(p *simulate.Plan) []string {
	seen := map[string]bool{}
	var names []string
	for _, e := range p.Effects {
		if e.Fact == simulate.Live && !seen[e.Op] {
			seen[e.Op] = true
			names = append(names, clean(e.Op))
		}
	}
	sort.Strings(names)
	if len(names) == 0 {
		return nil
	}
	return []string{"what these rest on was read from the real systems: " + strings.Join(names, ", ")}
}
