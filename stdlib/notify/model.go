package notify

import (
	"maps"
	"slices"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/field"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// Model keeps what was sent, and answers pages as the scenario says.
//
//	notify = {
//	  answers = { ["on-call"] = { never = true }, manager = { after = "5m", by = "ann" } },
//	  down    = { "slack" },   -- who cannot be reached
//	  components = { customers = { "API", "Website" } },   -- of status pages
//	}
//
// Who is not named acknowledges after a minute, and a status page of which
// nothing is said has every component: both are assumed.
//
// State: { sent = { { to, text } }, pages = { key = { to, text, severity,
// status, by, never } }, status_pages = { to = { incidents = { key = { title,
// status, impact, texts, components } }, components = { name = state } } } }.
type Model struct {
	sent    []any // of tables; never changed in place
	pages   map[string]*page
	answers map[string]any // by who is paged; never changed in place
	down    []string

	published map[string]*statusPage // by name
}

// page is a page at its service.
type page struct {
	to, text, severity string
	at                 time.Time
	notes              []string
	status             string // set by update; "" while nobody did
	resolved           time.Time
	calls              []string
}

// NewModel returns one in the state that holds where a scenario says nothing.
func NewModel() *Model {
	return &Model{pages: map[string]*page{}, answers: map[string]any{}, published: map[string]*statusPage{}}
}

// scenario declares what a scenario says of the module.
func scenario() effect.ScenarioFields {
	return effect.ScenarioFields{Fields: []effect.Field{
		{Name: "answers", Type: effect.Map, Doc: "who answers pages, and when", Elem: &effect.Field{Type: effect.Object, Fields: []effect.Field{
			{Name: "after", Type: effect.Duration, Default: "1m", Doc: "how long after the page"},
			field.Text("by", "who; the one that was paged if left out"),
			field.Of("never", effect.Bool, "whether nobody answers")}}},
		field.Texts("down", "channels, services and status pages that cannot be reached"),
		{Name: "components", Type: effect.Map, Doc: "the parts of the service that a status page shows, operational in the beginning: { customers = { \"API\" } }",
			Elem: &effect.Field{Type: effect.List, Elem: &effect.Field{Type: effect.String}}},
	}}
}

// Load implements effect.Model.
func (n *Model) Load(state map[string]any) error {
	s, err := scenario().Check(state)
	if err != nil {
		return err
	}
	n.answers = maps.Clone(n.answers)
	maps.Copy(n.answers, plain.Table(s, "answers"))
	if s["down"] != nil {
		n.down = plain.List(s["down"])
	}
	n.loadPages(plain.Table(s, "components"))
	return nil
}

// Do implements effect.Model.
func (n *Model) Do(m effect.Moment, op string, args map[string]any) (any, error) {
	to := plain.Str(args, "to")
	if slices.Contains(n.down, to) {
		return nil, effect.Errorf(effect.CodeUnavailable, "%s cannot be reached in the simulated world", to)
	}
	switch op {
	case "send":
		n.sent = append(slices.Clip(n.sent), plain.Pick(args, "to", "text", "title"))
		return map[string]any{"sent": true}, nil
	case "publish":
		return n.publish(m, to, args)
	case "page":
		key := plain.Str(args, "key")
		if key == "" {
			key = m.Key
		}
		p := n.pages[key]
		if p == nil || p.status == resolved && !slices.Contains(p.calls, m.Key) {
			p = &page{to: to, text: plain.Str(args, "text"), severity: plain.Str(args, "severity"), at: m.Now}
		} else {
			p = p.with(m.Key, plain.Str(args, "text"))
		}
		p.calls = append(slices.Clip(p.calls), m.Key)
		n.pages[key] = p
		status, _, _ := n.status(m, p)
		return map[string]any{"key": key, "status": status}, nil
	}
	p := n.pages[plain.Str(args, "key")]
	if op != "acknowledged" && op != "update" {
		return nil, model.NoOp("notify", op)
	}
	if p == nil || p.to != to {
		return nil, effect.Errorf(effect.CodeNotFound, "%s has no page with the key %q", to, plain.Str(args, "key")).
			WithHint("pass on the key that notify.page returned, and the same to")
	}
	if op == "update" {
		p = p.with(m.Key, plain.Str(args, "text"))
		if status := plain.Str(args, "status"); status != "" && p.status != resolved {
			if p.status = status; status == resolved {
				p.resolved = m.Now
			}
		}
		p.calls = append(slices.Clip(p.calls), m.Key)
		n.pages[plain.Str(args, "key")] = p
		status, _, _ := n.status(m, p)
		return map[string]any{"status": status}, nil
	}
	status, by, at := n.status(m, p)
	out := map[string]any{"acknowledged": status != "triggered", "status": status}
	if by != "" {
		out["by"], out["at"] = by, plain.Unix(at)
	}
	return out, nil
}

// with returns a copy of the page with a note, unless the call made it before.
func (p *page) with(call, note string) *page {
	c := *p
	if note != "" && !slices.Contains(p.calls, call) {
		c.notes = append(slices.Clip(c.notes), note)
	}
	return &c
}

// status returns how far a page is, and who took it on when.
func (n *Model) status(m effect.Moment, p *page) (status, by string, at time.Time) {
	answer := map[string]any{"after": 60.0}
	if a, ok := n.answers[p.to].(map[string]any); ok {
		answer = a
	}
	at = p.at.Add(effect.Seconds(plain.Num(answer, "after")))
	if by = plain.Str(answer, "by"); by == "" {
		by = p.to
	}
	if answer["never"] == true || m.Now.Before(at) || p.status == resolved && at.After(p.resolved) {
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
func (n *Model) State(m effect.Moment) map[string]any {
	out := map[string]any{}
	if len(n.sent) > 0 {
		out["sent"] = plain.CopyOf(n.sent)
	}
	pages := map[string]any{}
	for key, p := range n.pages {
		status, by, _ := n.status(m, p)
		page := map[string]any{"to": p.to, "text": p.text, "severity": p.severity, "status": status}
		if by != "" {
			page["by"] = by
		}
		if answer, _ := n.answers[p.to].(map[string]any); answer["never"] == true {
			page["never"] = true
		}
		if len(p.notes) > 0 {
			page["notes"] = plain.ToAny(p.notes)
		}
		pages[key] = page
	}
	if len(pages) > 0 {
		out["pages"] = pages
	}
	if len(n.published) > 0 {
		out["status_pages"] = n.publishedState()
	}
	return out
}

// Clone implements effect.Model. Pages of both kinds are replaced, not changed.
func (n *Model) Clone() effect.Model {
	c := *n
	c.pages, c.published = maps.Clone(n.pages), maps.Clone(n.published)
	return &c
}

// Assumes implements effect.Assumer: the scenario may not say who answers, or
// what a status page has.
func (n *Model) Assumes(op string, args map[string]any) string {
	to := plain.Str(args, "to")
	unsaid := op == "publish" && len(plain.Table(args, "components")) > 0 && (n.published[to] == nil || !n.published[to].declared)
	return model.Assuming(unsaid || op == "acknowledged" && n.answers[to] == nil, "notify of "+to)
}

// Repeats implements effect.Repeater: the effect that sent a message shows it.
func (n *Model) Repeats(path []string) bool { return path[0] == "sent" }
