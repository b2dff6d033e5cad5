package statuspage

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// incident is what the API says of one.
type incident struct {
	ID       string         `json:"id"`
	Name     string         `json:"name"`
	Status   string         `json:"status"` // investigating, …; scheduled, … of maintenances
	URL      string         `json:"shortlink"`
	Metadata map[string]any `json:"metadata"`
}

// What of an incident's metadata is ours. Its values are objects, by the API.
const (
	markKey     = "runbook"         // { key = … }
	markEffects = "runbook_effects" // { effect's key = the status that it left, after "opened " if it opened it }
	openedMark  = "opened "
)

func (i *incident) key() string { return str(i.mark(markKey)["key"]) }

// mark returns one object of the metadata; nil if there is none.
func (i *incident) mark(name string) map[string]any {
	m, _ := i.Metadata[name].(map[string]any)
	return m
}

// returned is what the effect that left a mark returns; nil if there is none.
func (i *incident) returned(effectKey string) map[string]any {
	mark := str(i.mark(markEffects)[effectKey])
	if mark == "" {
		return nil
	}
	status, opened := strings.CutPrefix(mark, openedMark)
	out := map[string]any{"key": i.key(), "status": status, "opened": opened}
	if i.URL != "" {
		out["url"] = i.URL
	}
	return out
}

// marked returns the metadata with the marks of an effect, and all that stood there.
func (i *incident) marked(key, effectKey, status string, opens bool) map[string]any {
	if opens {
		status = openedMark + status
	}
	effects := map[string]any{}
	maps.Copy(effects, i.mark(markEffects))
	effects[effectKey] = status
	all := map[string]any{}
	maps.Copy(all, i.Metadata)
	all[markKey], all[markEffects] = map[string]any{"key": key}, effects
	return all
}

const (
	perPage   = 100
	mostPages = 5 // of unresolved incidents, and of components
)

// find returns the incident that a key stands for: the one that is open, or the
// newest of the last hundred. It is nil if there is none.
func (b *Backend) find(ctx context.Context, p *page, key string) (*incident, *effect.Error) {
	is := func(i incident) bool { return i.key() == key }
	for n := 1; n <= mostPages; n++ {
		var open *[]incident
		query := url.Values{"page": {fmt.Sprint(n)}, "per_page": {fmt.Sprint(perPage)}}
		if err := b.ask(ctx, p, "the question for open incidents of "+p.name, "incidents/unresolved", query, &open, func() bool { return open != nil }); err != nil {
			return nil, err
		}
		if at := slices.IndexFunc(*open, is); at >= 0 {
			return &(*open)[at], nil
		}
		if len(*open) < perPage {
			break
		}
	}
	var last *[]incident // the newest first
	query := url.Values{"limit": {fmt.Sprint(perPage)}}
	if err := b.ask(ctx, p, "the question for the last incidents of "+p.name, "incidents", query, &last, func() bool { return last != nil }); err != nil {
		return nil, err
	}
	if at := slices.IndexFunc(*last, is); at >= 0 {
		return &(*last)[at], nil
	}
	return nil, nil
}

// component is a part of the service that a page shows.
type component struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Group bool   `json:"group"` // it has no state of its own
}

func (b *Backend) components(ctx context.Context, p *page) ([]component, *effect.Error) {
	var all []component
	for n := 1; n <= mostPages; n++ {
		var some *[]component
		query := url.Values{"page": {fmt.Sprint(n)}, "per_page": {fmt.Sprint(perPage)}}
		if err := b.ask(ctx, p, "the question for the components of "+p.name, "components", query, &some, func() bool { return some != nil }); err != nil {
			return nil, err
		}
		all = append(all, *some...)
		if len(*some) < perPage {
			break
		}
	}
	return all, nil
}

// named returns the states of components by their IDs, for a call that has them by
// their names, or by their IDs.
func (b *Backend) named(ctx context.Context, p *page, states map[string]any) (map[string]any, *effect.Error) {
	if len(states) == 0 {
		return nil, nil
	}
	all, err := b.components(ctx, p)
	if err != nil {
		return nil, err
	}
	out := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(states)) {
		var ids, known []string
		for _, c := range all {
			if c.Group {
				continue
			}
			known = append(known, c.Name)
			if c.Name == name || c.ID == name {
				ids = append(ids, c.ID)
			}
		}
		slices.Sort(known)
		switch {
		case len(ids) > 1:
			return nil, effect.Errorf(effect.CodeConflict, "%s has several components called %q: %s", p.name, name, strings.Join(ids, ", ")).
				WithHint("say which one is meant by its ID instead of its name")
		case len(ids) == 0:
			return nil, effect.Errorf(effect.CodeNotFound, "%s has no component %q; nothing was published", p.name, name).
				WithHint("%s", effect.Among("known: ", name, slices.Compact(known)))
		}
		out[ids[0]] = states[name]
	}
	return out, nil
}
