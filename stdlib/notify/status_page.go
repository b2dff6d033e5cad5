package notify

import (
	"maps"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// statusPage is one that customers read. It is replaced, not changed.
type statusPage struct {
	incidents  map[string]incident
	components map[string]string // how each is, by name
	declared   bool              // that there are no other components
}

// incident is one on a status page.
type incident struct {
	title, status, impact string
	texts, calls          []string
	opener                string   // the call that opened it
	components            []string // that it named
}

func newStatusPage() *statusPage {
	return &statusPage{incidents: map[string]incident{}, components: map[string]string{}}
}

// loadPages takes which components the scenario says that status pages have.
func (n *Model) loadPages(components map[string]any) {
	n.published = maps.Clone(n.published)
	for _, to := range plain.SortedNames(components) {
		p := newStatusPage()
		p.declared = true
		for _, name := range plain.List(components[to]) {
			p.components[name] = operational
		}
		n.published[to] = p
	}
}

// publish does what the op of that name does.
func (n *Model) publish(m effect.Moment, to string, args map[string]any) (any, error) {
	page := newStatusPage()
	if old := n.published[to]; old != nil {
		page = &statusPage{maps.Clone(old.incidents), maps.Clone(old.components), old.declared}
	}
	title, key, status := plain.Str(args, "title"), plain.Str(args, "key"), plain.Str(args, "status")
	if key == "" {
		key = m.Key
	}
	inc, found := page.incidents[key]
	again := found && slices.Contains(inc.calls, m.Key)
	switch {
	case again:
		return inc.returned(key, m.Key), nil
	case title != "" && (!found || inc.status == resolved):
		inc = incident{title: title, status: "investigating", opener: m.Key}
	case !found:
		return nil, effect.Errorf(effect.CodeNotFound, "%s has no incident with the key %q", to, key).
			WithHint("pass on the key that the publish returned which opened it, and the same to; a title opens one")
	case inc.status == resolved && status != "" && status != resolved:
		return nil, effect.Errorf(effect.CodeConflict, "the incident %q of %s is resolved", key, to).WithHint("give a title to open a new one")
	}
	named := plain.Table(args, "components")
	for _, name := range plain.SortedNames(named) {
		if page.declared && page.components[name] == "" {
			return nil, model.NotFound("component of "+to, name, plain.SortedNames(page.components))
		}
	}
	if status != "" {
		inc.status = status
	}
	if impact := plain.Str(args, "impact"); impact != "" {
		inc.impact = impact
	}
	inc.texts, inc.calls = append(slices.Clip(inc.texts), plain.Str(args, "text")), append(slices.Clip(inc.calls), m.Key)
	for _, name := range plain.SortedNames(named) {
		page.components[name] = plain.Str(named, name)
		if !slices.Contains(inc.components, name) {
			inc.components = append(slices.Clip(inc.components), name)
		}
	}
	page.incidents[key] = inc
	n.published = maps.Clone(n.published)
	n.published[to] = page
	return inc.returned(key, m.Key), nil
}

func (i incident) returned(key, call string) map[string]any {
	return map[string]any{"key": key, "status": i.status, "opened": i.opener == call}
}

// publishedState returns the pages as State shows them.
func (n *Model) publishedState() map[string]any {
	out := map[string]any{}
	for to, page := range n.published {
		incidents, components := map[string]any{}, map[string]any{}
		for key, i := range page.incidents {
			one := map[string]any{"title": i.title, "status": i.status, "texts": plain.ToAny(i.texts)}
			if i.impact != "" {
				one["impact"] = i.impact
			}
			if len(i.components) > 0 {
				one["components"] = plain.ToAny(plain.Sorted(i.components))
			}
			incidents[key] = one
		}
		for name, state := range page.components {
			components[name] = state
		}
		out[to] = map[string]any{"incidents": incidents, "components": components}
	}
	return out
}
