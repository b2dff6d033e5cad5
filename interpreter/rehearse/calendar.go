package rehearse

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/window"
)

// calendarsField declares the calendars of a scenario.
func calendarsField() effect.Field {
	text := func(name, doc string, required bool) effect.Field {
		return effect.Field{Name: name, Type: effect.String, Required: required, Doc: doc}
	}
	return effect.Field{Name: "calendars", Type: effect.Map, Doc: "calendars of the configuration, for window { calendar = … }, by name",
		Elem: &effect.Field{Type: effect.Object, Fields: []effect.Field{
			{Name: "open", Type: effect.List, Elem: &effect.Field{Type: effect.String}, Doc: "when changes may be made: " + window.Example},
			{Name: "events", Type: effect.List, Doc: "when they may, too, by date", Elem: &effect.Field{Type: effect.Object, Fields: []effect.Field{
				text("from", `"2026-01-05 10:00"`, true), text("to", "its end", true), text("zone", "UTC if left out", false),
				text("title", "for people", false), text("rule", "how it comes again, by RFC 5545", false)}}},
			{Name: "freezes", Type: effect.List, Doc: "when they may not, whatever open says", Elem: &effect.Field{Type: effect.Object, Fields: []effect.Field{
				text("from", `"2026-12-20"`, true), text("to", "its end; all of the day if it is a date", true), text("zone", "UTC if left out", false),
				text("reason", "why, for people", true), text("rule", "how it comes again, by RFC 5545", false)}}},
			{Name: "emergency", Type: effect.Map, Elem: &effect.Field{Type: effect.Any}, Doc: "who may agree outside of it: by, count, separate, timeout"},
		}}}
}

// parseCalendars reads the checked calendars of a scenario.
func parseCalendars(v any) (map[string]window.Calendar, error) {
	tables, _ := v.(map[string]any)
	out := map[string]window.Calendar{}
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		c, err := parseCalendar(tables[name])
		if err != nil {
			return nil, below("calendars."+name, err)
		}
		out[name] = c
	}
	return out, nil
}

func parseCalendar(v any) (c window.Calendar, err error) {
	table, _ := v.(map[string]any)
	c.Emergency, _ = table["emergency"].(map[string]any)
	open, _ := table["open"].([]any)
	for i, item := range open {
		text, _ := item.(string)
		w, err := window.Parse(text)
		if err != nil {
			return c, below(fmt.Sprintf("open[%d]", i+1), err)
		}
		c.Windows = append(c.Windows, w)
	}
	if c.Events, err = parseRules(table, "events", "title"); err != nil {
		return c, err
	}
	c.Rules, err = parseRules(table, "freezes", "reason")
	return c, err
}

// parseRules reads a list of spans by their dates.
func parseRules(table map[string]any, key, why string) ([]window.Rule, error) {
	items, _ := table[key].([]any)
	var list []window.Rule
	for i, item := range items {
		fields, _ := item.(map[string]any)
		text := func(key string) string { s, _ := fields[key].(string); return s }
		reason := text(why)
		if reason == "" {
			reason = "from " + text("from") + " to " + text("to")
		}
		span, err := window.Freeze(text("from"), text("to"), text("zone"), reason)
		rule := window.Once(span)
		if err == nil && text("rule") != "" {
			rule, err = window.NewRule(span, text("rule"))
		}
		if err != nil {
			return nil, below(fmt.Sprintf("%s[%d]", key, i+1), err)
		}
		list = append(list, rule)
	}
	return list, nil
}

// calendars finds those of the scenario, then those of the configuration, if there
// is one here. Where a run would stop for somebody to mend that, a rehearsal does at
// once: nobody mends it meanwhile.
func (s *Scenario) calendars(here interpreter.Calendars) interpreter.Calendars {
	return func(name string) (window.Calendar, error) {
		if c, ok := s.Calendars[name]; ok {
			return c, nil
		}
		if here != nil {
			c, err := here(name)
			if err != nil && effect.AsError(err).Retryable {
				err = &effect.Stop{Cause: effect.Interrupted, Err: err}
			}
			return c, err
		}
		return window.Calendar{}, &effect.Error{Code: effect.CodeUnsupported, Message: fmt.Sprintf("the scenario knows no calendar %q", name),
			Hint: fmt.Sprintf("write calendars = { [%q] = { open = { %s } } } in it", name, `"Mon-Fri 09:00-17:00 UTC"`)}
	}
}

// calendar returns what the run came to know of a calendar: when it was open.
func (p *Past) calendar(name string) (window.Calendar, error) {
	var c window.Calendar
	asked := false
	for _, o := range p.outcomes {
		said, _ := o.value.(map[string]any)
		if o.op != effect.OpCalendar || o.args["name"] != name || said == nil {
			continue
		}
		asked = true
		c.Emergency, _ = said["emergency"].(map[string]any)
		from, _ := o.args["at"].(float64)
		why, _ := said["window"].(string)
		closes, ends := said["closes"].(float64)
		if !ends {
			closes = from + (365 * 24 * time.Hour).Seconds()
		}
		if span, err := window.Between(effect.UnixTime(from), effect.UnixTime(closes), "UTC", why); said["open"] == true && err == nil {
			c.Events = append(c.Events, window.Once(span))
		}
	}
	if !asked {
		return c, effect.Errorf(effect.CodeUnsupported, "the run did not look at the calendar %q, and its record does not have it", name)
	}
	if len(c.Events) == 0 { // it was never open
		c.Events = append(c.Events, window.Once(window.Span{}))
	}
	return c, nil
}
