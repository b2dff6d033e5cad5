package effect

import (
	"fmt"
	"slices"
	"strings"
)

// Unmoved reports whether a run that was given another answer to a read than usual
// goes on to its success as if it had not been: every effect after it is the same,
// and so is what it logs. first is the first effect after it by which something is
// changed or told; without one, and where people are asked in between, it is not
// unmoved. looked says that the run looks at something else before that.
func (v *View) Unmoved(read Occurrence, end Ending) (first Occurrence, looked, ok bool) {
	return v.unmoved(after(v.Past(), read.Place), after(v.Usual, read.Place), end, slices.Equal(v.UsualLog, LogOf(end.Events)))
}

// UnmovedSince is Unmoved for a run that went on reading, until last, what is told
// once usually. What it looks at in each turn, and says of it, is part of that: only
// a warning tells.
func (v *View) UnmovedSince(read, last Occurrence, end Ending) (first Occurrence, looked, ok bool) {
	said := true
	for _, ev := range end.Events {
		if ev.Kind == Logged && (ev.Body.Name == "warn" || ev.Body.Name == "error" || !ev.At.Before(last.At)) {
			said = said && slices.Contains(v.UsualLog, ev.Body.Name+" "+ev.Body.Text)
		}
	}
	turns := map[Position]bool{}
	for _, e := range after(v.Past(), read.Place) {
		turns[e.Where] = true
		if e.Place == last.Place {
			break
		}
	}
	left := func(list []Occurrence) []Occurrence {
		for len(list) > 0 && list[0].Class == Read && turns[list[0].Where] {
			list = list[1:]
		}
		return list
	}
	return v.unmoved(left(after(v.Past(), last.Place)), left(after(v.Usual, read.Place)), end, said)
}

// unmoved compares what a run does after a read with what it does usually; said tells
// whether it logs the same.
func (v *View) unmoved(rest, usual []Occurrence, end Ending, said bool) (first Occurrence, looked, ok bool) {
	if v.Usual == nil || end.Status != StatusSucceeded || !said {
		return first, false, false
	}
	if len(rest) == 0 || len(rest) != len(usual) {
		return first, false, false
	}
	for i, e := range rest {
		if u := usual[i]; (e.Err == nil) != (u.Err == nil) || !e.SameCall(u) {
			return first, false, false
		}
	}
	for _, e := range rest {
		switch {
		case e.Module == ControlModule && Asks(e.Module+"."+e.Name):
			return first, looked, false
		case e.Wrote():
			return e, looked, true
		case e.Class == Read:
			looked = true
		}
	}
	return first, looked, false
}

// Otherwise returns in words what a read was told, and what it is told usually: the
// shortest of the things in which the two differ.
func (v *View) Otherwise(read Occurrence) (is, usually string) {
	at := slices.IndexFunc(v.Usual, func(u Occurrence) bool { return u.Place == read.Place })
	if at < 0 {
		return "", ""
	}
	for _, c := range Changes("", map[string]any{"": v.Usual[at].Value}, map[string]any{"": read.Value}) {
		if to := strings.TrimSpace(fmt.Sprint(c.To)); is == "" || len(to) < len(is) {
			is, usually = to, strings.TrimSpace(fmt.Sprint(c.From))
		}
	}
	return is, usually
}

// after returns what comes after the effect at a place; nil where it is not met.
func after(list []Occurrence, p Place) []Occurrence {
	at := slices.IndexFunc(list, func(e Occurrence) bool { return e.Place == p })
	if at < 0 {
		return nil
	}
	return list[at+1:]
}

// LogOf returns what a run said in its log, line by line.
func LogOf(events []Event) []string {
	var list []string
	for _, ev := range events {
		if ev.Kind == Logged {
			list = append(list, ev.Body.Name+" "+ev.Body.Text)
		}
	}
	return list
}

// LastTurn returns the last of the reads by the same line and of the same as the first
// of these, before anything is changed; ok is false if there is no other.
func LastTurn(list []Occurrence) (last Occurrence, ok bool) {
	for _, e := range list[1:] {
		if e.Wrote() {
			break
		}
		if e.SameCall(list[0]) {
			last, ok = e, true
		}
	}
	return last, ok
}
