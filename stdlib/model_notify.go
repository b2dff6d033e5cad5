package stdlib

import (
	"maps"
	"slices"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// notifyModel keeps what was sent, and answers pages as the scenario says.
//
//	notify = {
//	  answers = { ["on-call"] = { never = true }, manager = { after = "5m", by = "ann" } },
//	  down    = { "slack" },   -- who cannot be reached
//	}
//
// Who is not named acknowledges after a minute, which is assumed.
//
// State: { sent = { { to, text } }, pages = { key = { to, text, severity,
// status, by } } }.
type notifyModel struct {
	sent    []any // of tables; never changed in place
	pages   map[string]*pageRecord
	answers map[string]any // by who is paged; never changed in place
	down    []string
}

// pageRecord is a page at its service.
type pageRecord struct {
	to, text, severity string
	at                 time.Time
	notes              []string
	status             string // set by update; "" while nobody did
	calls              []string
}

func newNotifyModel() *notifyModel {
	return &notifyModel{pages: map[string]*pageRecord{}, answers: map[string]any{}}
}

// Load implements effect.Model.
func (n *notifyModel) Load(state map[string]any) error {
	s, err := loadState([]effect.Field{
		{Name: "answers", Type: effect.Map, Doc: "who answers pages, and when", Elem: &effect.Field{Type: effect.Object, Fields: []effect.Field{
			{Name: "after", Type: effect.Duration, Default: "1m", Doc: "how long after the page"},
			text("by", "who; the one that was paged if left out"),
			field("never", effect.Bool, "whether nobody answers")}}},
		texts("down", "channels and services that cannot be reached"),
	}, nil, state)
	if err != nil {
		return err
	}
	n.answers = maps.Clone(n.answers)
	maps.Copy(n.answers, table(s, "answers"))
	if s["down"] != nil {
		n.down = list(s["down"])
	}
	return nil
}

// Do implements effect.Model.
func (n *notifyModel) Do(m effect.Moment, op string, args map[string]any) (any, error) {
	to := str(args, "to")
	if slices.Contains(n.down, to) {
		return nil, effect.Errorf(effect.CodeUnavailable, "%s cannot be reached in the simulated world", to)
	}
	switch op {
	case "send":
		n.sent = append(slices.Clip(n.sent), pick(args, "to", "text", "title"))
		return map[string]any{"sent": true}, nil
	case "page":
		key := str(args, "key")
		if key == "" {
			key = m.Key
		}
		p := n.pages[key]
		if p == nil || p.status == "resolved" && !slices.Contains(p.calls, m.Key) {
			p = &pageRecord{to: to, text: str(args, "text"), severity: str(args, "severity"), at: m.Now}
		} else {
			p = p.with(m.Key, str(args, "text"))
		}
		p.calls = append(slices.Clip(p.calls), m.Key)
		n.pages[key] = p
		status, _, _ := n.status(m, p)
		return map[string]any{"key": key, "status": status}, nil
	}
	p := n.pages[str(args, "key")]
	if op != "acknowledged" && op != "update" {
		return nil, noOp("notify", op)
	}
	if p == nil || p.to != to {
		return nil, effect.Errorf(effect.CodeNotFound, "%s has no page with the key %q", to, str(args, "key")).
			WithHint("pass on the key that notify.page returned, and the same to")
	}
	if op == "update" {
		p = p.with(m.Key, str(args, "text"))
		if status := str(args, "status"); status != "" {
			p.status = status
		}
		p.calls = append(slices.Clip(p.calls), m.Key)
		n.pages[str(args, "key")] = p
		status, _, _ := n.status(m, p)
		return map[string]any{"status": status}, nil
	}
	status, by, at := n.status(m, p)
	out := map[string]any{"acknowledged": status != "triggered", "status": status}
	if by != "" {
		out["by"], out["at"] = by, unix(at)
	}
	return out, nil
}

// with returns a copy of the page with a note, unless the call made it before.
func (p *pageRecord) with(call, note string) *pageRecord {
	c := *p
	if note != "" && !slices.Contains(p.calls, call) {
		c.notes = append(slices.Clip(c.notes), note)
	}
	return &c
}

// status returns how far a page is, and who took it on when.
func (n *notifyModel) status(m effect.Moment, p *pageRecord) (status, by string, at time.Time) {
	answer := map[string]any{"after": 60.0}
	if a, ok := n.answers[p.to].(map[string]any); ok {
		answer = a
	}
	at = p.at.Add(effect.Seconds(num(answer, "after")))
	if by = str(answer, "by"); by == "" {
		by = p.to
	}
	if answer["never"] == true || m.Now.Before(at) {
		by, at = "", time.Time{}
	}
	switch {
	case p.status != "":
		return p.status, by, at
	case by != "":
		return "acknowledged", by, at
	}
	return "triggered", "", at
}

// State implements effect.Model.
func (n *notifyModel) State(m effect.Moment) map[string]any {
	out := map[string]any{}
	if len(n.sent) > 0 {
		out["sent"] = copyOf(n.sent)
	}
	pages := map[string]any{}
	for key, p := range n.pages {
		status, by, _ := n.status(m, p)
		page := map[string]any{"to": p.to, "text": p.text, "severity": p.severity, "status": status}
		if by != "" {
			page["by"] = by
		}
		if len(p.notes) > 0 {
			page["notes"] = toAny(p.notes)
		}
		pages[key] = page
	}
	if len(pages) > 0 {
		out["pages"] = pages
	}
	return out
}

// Clone implements effect.Model. Pages are replaced, not changed.
func (n *notifyModel) Clone() effect.Model {
	c := *n
	c.pages = maps.Clone(n.pages)
	return &c
}

// Assumes reports whether the scenario does not say who answers.
func (n *notifyModel) Assumes(op string, args map[string]any) bool {
	return op == "acknowledged" && n.answers[str(args, "to")] == nil
}
