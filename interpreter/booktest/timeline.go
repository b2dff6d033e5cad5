package booktest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// maxTimeline bounds the lines of a timeline: its end matters most.
const maxTimeline = 60

// maxLine bounds a line of a timeline, in runes.
const maxLine = 150

// timeline tells a run in lines: steps, in them the effects with the time since
// the start, what they changed and how they failed. Reads and sleeps that
// follow each other in one loop are one line.
func timeline(p *simulate.Plan, end simulate.Ending) []string {
	var lines []string
	var step []string
	add := func(at float64, depth int, text string) {
		line := fmt.Sprintf("%8s  %s%s", offset(at), strings.Repeat("  ", depth), strings.ReplaceAll(text, "\n", " "))
		if r := []rune(line); len(r) > maxLine {
			line = string(r[:maxLine-1]) + "…"
		}
		lines = append(lines, line)
	}
	for i := 0; i < len(p.Effects); {
		e := &p.Effects[i]
		if !slices.Equal(step, e.Step) {
			for depth, name := range e.Step {
				if depth >= len(step) || !slices.Equal(step[:depth+1], e.Step[:depth+1]) {
					add(e.At, depth, name)
				}
			}
			step = e.Step
		}
		n := loop(p.Effects[i:])
		if n > 2 {
			last := &p.Effects[i+n-1]
			add(e.At, len(step), fmt.Sprintf("%s until %s", counted(p.Effects[i:i+n]), offset(last.At+last.Took)))
			i += n
			continue
		}
		text := shortEffect(e)
		if e.Error != nil {
			text += ": " + e.Error.Message
		}
		for _, c := range e.Changes {
			text += fmt.Sprintf("  %s %s → %s", c.Target, orNothing(c.From), orNothing(c.To))
		}
		if e.Fault != "" {
			text += "  ← fault: " + string(e.Fault)
		}
		add(e.At, len(step), text)
		i++
	}
	ending := string(end.Status)
	if end.Err != nil && end.Status != effect.StatusSucceeded {
		ending += ": " + end.Err.Error()
	}
	add(p.Took, 0, ending)
	for _, err := range end.Rollbacks {
		add(p.Took, 1, err.Error())
	}
	if n := len(lines) - maxTimeline; n > 0 {
		lines = append([]string{fmt.Sprintf("%8s  %d lines before", "…", n)}, lines[n:]...)
	}
	return lines
}

// loop returns how many effects from the first on belong to one composite and
// are uneventful reads and sleeps.
func loop(effects []simulate.Planned) int {
	composite, ok := effects[0].Place.Composite()
	if !ok {
		return 0
	}
	for n := range effects {
		e := &effects[n]
		quiet := e.Class == effect.Read || e.Op == effect.OpSleep
		if in, ok := e.Place.Composite(); !ok || in != composite || !quiet || e.Error != nil || e.Fault != "" {
			return n
		}
	}
	return len(effects)
}

// counted names ops and how often each happened, in the order of the first.
func counted(effects []simulate.Planned) string {
	var names []string
	times := map[string]int{}
	for i := range effects {
		op := shortOp(&effects[i])
		if times[op]++; times[op] == 1 {
			names = append(names, op)
		}
	}
	for i, op := range names {
		if times[op] > 1 {
			names[i] = fmt.Sprintf("%s ×%d", op, times[op])
		}
	}
	return strings.Join(names, ", ")
}

// shortOp is an op and what it looks at.
func shortOp(p *simulate.Planned) string {
	if env, ok := arguments(p)["env"].(string); ok {
		return p.Op + " env=" + env
	}
	return p.Op
}

func offset(seconds float64) string {
	if seconds == 0 {
		return "0s"
	}
	return effect.FormatDuration(effect.Seconds(seconds).Round(time.Millisecond))
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}
