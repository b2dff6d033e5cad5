package config

import (
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/window"
)

// Calendar says when runs may start, and who may agree to one outside of that.
type Calendar struct {
	window.Calendar
	Name string
}

// CalendarNamed returns a calendar of the file.
func (c *Config) CalendarNamed(name string) (*Calendar, error) {
	if found := c.calendars[name]; found != nil {
		return found, nil
	}
	known := sortedKeys(c.calendars)
	hint := suggest(name, known)
	if len(known) == 0 {
		hint = "write calendars: { " + name + ": { open: [" + `"Sun 02:00-04:00 UTC"` + "] } }"
	}
	if c.Path == "" {
		return nil, errorf(effect.Position{}, hint, "there is no calendar %q, because there is no configuration file", name)
	}
	return nil, errorf(effect.Position{File: c.Path, Line: 1}, hint, "calendars: there is none called %q", name)
}

// Calendar returns the calendar of the environment, its own or that of what it
// extends; nil if there is none.
func (e *Environment) Calendar() *Calendar {
	for _, env := range e.lineage() {
		if env.calendar != "" {
			return e.config.calendars[env.calendar]
		}
	}
	return nil
}

// calendars reads when changes may be made.
func (r *configReader) calendars(n *node) {
	if !r.table("calendars", n) {
		return
	}
	for _, e := range n.keys {
		r.config.calendars[e.key] = r.calendar("calendars: "+e.key, e.key, e.value)
	}
}

func (r *configReader) calendar(where, name string, n *node) *Calendar {
	c := &Calendar{Name: name, Calendar: window.Calendar{Emergency: map[string]any{}}}
	if !r.table(where, n, "open", "freezes", "emergency") {
		return c
	}
	if open := n.child("open"); open != nil {
		if open.kind != "list" {
			r.add(r.at(open.line), "write open: ["+`"Sun 02:00-04:00 UTC"`+"]", "%s: open: wants a list, got %s", where, open.describe())
		}
		for _, item := range open.items {
			if item.kind == "table" {
				c.Events = append(c.Events, r.span(where+": open", item, "title", false)...)
				continue
			}
			text, _ := item.value.(string)
			w, err := window.Parse(text)
			if err != nil {
				r.add(r.at(item.line), "", "%s: open: %v", where, err)
				continue
			}
			c.Windows = append(c.Windows, w)
		}
	}
	if freezes := n.child("freezes"); freezes != nil {
		if freezes.kind != "list" {
			r.add(r.at(freezes.line), "write a list of { from, to, reason }", "%s: freezes: wants a list, got %s", where, freezes.describe())
		}
		for _, item := range freezes.items {
			c.Rules = append(c.Rules, r.span(where+": freezes", item, "reason", true)...)
		}
	}
	if emergency := n.child("emergency"); emergency != nil {
		r.emergency(where+": emergency", emergency, c)
	}
	return c
}

// span reads a stretch of time by its dates, once or by a rule, or a file with
// several. why is the key of what people are told of it.
func (r *configReader) span(where string, n *node, why string, required bool) []window.Rule {
	if !r.table(where, n, "from", "to", "zone", why, "rule", "except", "ics") {
		return nil
	}
	text := func(key string) string {
		v := n.child(key)
		if v == nil {
			return ""
		}
		s, ok := v.value.(string)
		if !ok {
			r.add(r.at(v.line), "put it in quotes", "%s: %s: wants a text, got %s", where, key, v.describe())
		}
		return s
	}
	if file := text("ics"); file != "" {
		for _, e := range n.keys {
			if e.key != "ics" && e.key != "zone" {
				r.add(r.at(e.line), "", "%s: %s: beside ics stands zone alone, the clocks of times without one: the file says the rest", where, e.key)
			}
		}
		rules, err := readICS(relativeTo(r.config.dir(), file), text("zone"))
		if err != nil {
			r.add(r.at(n.line), "", "%s: %v", where, err)
		}
		return rules
	}
	reason := text(why)
	if reason == "" && required {
		r.add(r.at(n.line), "write reason: …", "%s: wants a reason, which people are told", where)
	} else if reason == "" {
		reason = "from " + text("from") + " to " + text("to")
	}
	span, err := window.Freeze(text("from"), text("to"), text("zone"), reason)
	if err != nil {
		r.add(r.at(n.line), "", "%s: %v", where, err)
		return nil
	}
	var except []time.Time
	if list := n.child("except"); list != nil {
		zone, _ := effect.Zone(text("zone"))
		for _, item := range list.items {
			day, _ := item.value.(string)
			at, err := effect.ParseTime(day, zone)
			if err != nil {
				r.add(r.at(item.line), "write when the one begins that is left out", "%s: except: %v", where, err)
			}
			except = append(except, at)
		}
	}
	rule := window.Once(span)
	if again := text("rule"); again != "" {
		if rule, err = window.NewRule(span, again); err != nil {
			r.add(r.at(n.line), "", "%s: %v", where, err)
			return nil
		}
	}
	return []window.Rule{rule.Except(except...)}
}

// emergency reads who may agree to a change outside of the calendar.
func (r *configReader) emergency(where string, n *node, c *Calendar) {
	if !r.table(where, n, "by", "count", "separate", "timeout") {
		return
	}
	values, _ := n.plain().(map[string]any)
	var op effect.Op
	for _, o := range effect.Control().Ops {
		if o.String() == effect.OpApprove {
			op = o
		}
	}
	asked := map[string]any{"title": "x"}
	for key, v := range values {
		asked[key] = v
	}
	checked, err := op.Check(asked)
	if err == nil {
		if why := effect.ApprovalFault(checked); why != "" {
			r.add(r.at(n.line), "", "%s: nobody can agree: %s", where, why)
		} else if why := r.lack(checked); why != "" {
			r.add(r.at(n.line), "name people or roles that stand in people:, as many as have to agree", "%s: nobody can agree: %s", where, why)
		}
	} else {
		r.add(r.at(n.line), "", "%s: %v", where, err)
	}
	c.Emergency = values
}

// lack says why nobody of the file can answer a question with these arguments, or "".
func (r *configReader) lack(asked map[string]any) string {
	var by []string
	names, _ := asked["by"].([]any)
	for _, name := range names {
		if text, ok := name.(string); ok {
			by = append(by, text)
		}
	}
	count, _ := asked["count"].(float64)
	return r.config.People.Lacks(by, int(count))
}
