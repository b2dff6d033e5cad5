package view

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// Differences prints in what two plans differ: a line each, and what belongs
// to it below.
func Differences(s Style, catalog *effect.Catalog, list []simulate.Difference) []string {
	var out []string
	for i := 0; i < len(list); i++ {
		d := list[i]
		same := 1
		for i+1 < len(list) && alike(d, list[i+1]) {
			i++
			same++
		}
		times := ""
		if same > 1 {
			times = fmt.Sprintf("  ×%d", same)
		}
		switch d.Kind {
		case simulate.DiffHead:
			out = append(out, s.Yellow("~")+" "+clean(d.Text))
		case simulate.DiffAdded:
			out = append(out, s.Green("+")+" "+planned(s, catalog, d.Is)+times)
		case simulate.DiffRemoved:
			out = append(out, s.Red("-")+" "+planned(s, catalog, d.Was)+times)
		case simulate.DiffShifted:
			out = append(out, s.Yellow("~")+" "+planned(s, catalog, d.Is)+", "+later(d.Shift)+" from here on")
		case simulate.DiffChanged:
			out = append(out, s.Yellow("~")+" "+planned(s, catalog, d.Is))
			for _, text := range altered(d) {
				out = append(out, "    "+text)
			}
		}
	}
	for i := range out {
		out[i] = fit(out[i], s.Width)
	}
	return out
}

// alike reports whether two differences next to each other are the same effect
// several times, as the measurements of a gate are.
func alike(a, b simulate.Difference) bool {
	x, y := a.Is, b.Is
	if a.Kind == simulate.DiffRemoved {
		x, y = a.Was, b.Was
	}
	return a.Kind == b.Kind && (a.Kind == simulate.DiffAdded || a.Kind == simulate.DiffRemoved) &&
		x.Op == y.Op && bytes.Equal(x.Args, y.Args) && slices.Equal(x.Step, y.Step) && (x.Error == nil) == (y.Error == nil)
}

// planned is an effect of a plan in one line: "+1h 2m  traffic.split green 50%".
func planned(s Style, catalog *effect.Catalog, e *simulate.Planned) string {
	text := s.Dim(fmt.Sprintf("%8s", effect.FormatDuration(effect.Seconds(e.At)))) + "  " + clean(e.Op)
	if args := Args(catalog, e.Op, e.Args); args != "" {
		text += " " + fit(args, longest)
	}
	if e.Error != nil {
		text += ": " + opening(e.Error.Message)
	}
	if len(e.Step) > 0 {
		text += s.Dim("  in " + clean(strings.Join(e.Step, " › ")))
	}
	return text
}

func altered(d simulate.Difference) []string {
	var out []string
	turn := func(what, from, to string) {
		if from != to {
			out = append(out, clean(what+" "+orNone(from)+" → "+orNone(to)))
		}
	}
	turn("rests on", string(d.Was.Fact), string(d.Is.Fact))
	turn("fault", string(d.Was.Fault), string(d.Is.Fault))
	turn("fails with", failure(d.Was), failure(d.Is))
	turn("takes", effect.FormatDuration(effect.Seconds(d.Was.Took)), effect.FormatDuration(effect.Seconds(d.Is.Took)))
	turn("changes", changes(d.Was), changes(d.Is))
	if d.Shift != 0 {
		out = append(out, later(d.Shift)+" from here on")
	}
	return out
}

func failure(e *simulate.Planned) string {
	if e.Error == nil {
		return ""
	}
	return string(e.Error.Code)
}

func changes(e *simulate.Planned) string {
	parts := make([]string, len(e.Changes))
	for i, c := range e.Changes {
		parts[i] = change(c)
	}
	return strings.Join(parts, ", ")
}

func orNone(text string) string {
	if text == "" {
		return "nothing"
	}
	return text
}

// later says by how much something moves: "3m later".
func later(shift float64) string {
	if shift < 0 {
		return effect.FormatDuration(effect.Seconds(-shift)) + " earlier"
	}
	return effect.FormatDuration(effect.Seconds(shift)) + " later"
}
