package pagerduty

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// incident is what the REST API says of one.
type incident struct {
	ID      string    `json:"id"`
	Status  string    `json:"status"` // triggered, acknowledged, resolved
	Service reference `json:"service"`
	Reason  *struct {
		Type     string    `json:"type"`
		Incident reference `json:"incident"`
	} `json:"resolve_reason"`
}

type reference struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	Summary string `json:"summary"`
}

// logEntry is one line of an incident's history.
type logEntry struct {
	Type    string    `json:"type"`
	At      time.Time `json:"created_at"`
	Agent   reference `json:"agent"`
	Channel struct {
		Type string `json:"type"`
	} `json:"channel"`
}

const (
	mergeReason = "merge_resolve_reason"
	mostMerges  = 5
	pageSize    = "100"
	mostEntries = 1000 // of an incident's history that are read
)

// list returns the newest incidents of a key, the newest first; "" for all. A
// nil service stands for all.
func (b *Backend) list(ctx context.Context, s *service, key string) ([]incident, *effect.Error) {
	query := url.Values{"date_range": {"all"}, "sort_by": {"created_at:desc"}, "limit": {"25"}}
	if key == "" {
		query.Set("limit", "1")
	} else {
		query.Set("incident_key", key)
	}
	if s != nil && s.id != "" {
		query.Set("service_ids[]", s.id)
	}
	var page struct {
		Incidents *[]incident `json:"incidents"`
	}
	err := b.get(ctx, fmt.Sprintf("the question for incidents of %q", key), "incidents", query, &page, func() bool { return page.Incidents != nil })
	if err != nil {
		return nil, err
	}
	return *page.Incidents, nil
}

// find returns the incident that a key stands for: the one that is open, or
// the newest. It is nil if there is none.
func (b *Backend) find(ctx context.Context, s *service, key string) (*incident, *effect.Error) {
	all, err := b.list(ctx, s, key)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	services := map[string]string{}
	for _, i := range all {
		services[i.Service.ID] = fmt.Sprintf("%s (%s)", i.Service.Summary, i.Service.ID)
	}
	if len(services) > 1 {
		var names []string
		for _, name := range services {
			names = append(names, name)
		}
		slices.Sort(names)
		return nil, effect.Errorf(effect.CodeConflict, "incidents of several services have the key %q: %s", key, strings.Join(names, ", ")).
			WithHint("say which one is meant: services.%s.service in the configuration of pagerduty", s.name)
	}
	found := &all[0]
	if open := slices.IndexFunc(all, func(i incident) bool { return i.Status != "resolved" }); open >= 0 {
		found = &all[open]
	}
	// One that was merged into another is resolved, and nobody took it on yet.
	for range mostMerges {
		if found.Status != "resolved" || found.Reason == nil || found.Reason.Type != mergeReason || found.Reason.Incident.ID == "" {
			return found, nil
		}
		var into struct {
			Incident *incident `json:"incident"`
		}
		id := found.Reason.Incident.ID
		err := b.get(ctx, "the question for incident "+id, "incidents/"+url.PathEscape(id), nil, &into, func() bool { return into.Incident != nil })
		if err != nil {
			return nil, err
		}
		found = into.Incident
	}
	return found, nil
}

// answer returns who took an incident on, and when: the last person who
// acknowledged it, or else the one who resolved it. Both are zero where no
// person did.
func (b *Backend) answer(ctx context.Context, i *incident) (by string, at time.Time, err *effect.Error) {
	var resolved *logEntry
	for offset := 0; offset < mostEntries; {
		var page struct {
			Entries *[]logEntry `json:"log_entries"`
			More    bool        `json:"more"`
		}
		query := url.Values{"is_overview": {"true"}, "time_zone": {"UTC"}, "limit": {pageSize}, "offset": {fmt.Sprint(offset)}}
		err := b.get(ctx, "the question for the history of incident "+i.ID, "incidents/"+url.PathEscape(i.ID)+"/log_entries", query, &page,
			func() bool { return page.Entries != nil })
		if err != nil {
			return "", time.Time{}, err
		}
		for _, e := range *page.Entries {
			person := strings.HasPrefix(e.Agent.Type, "user")
			switch {
			case person && e.Type == "acknowledge_log_entry" && e.At.After(at):
				by, at = e.Agent.Summary, e.At
			case person && e.Type == "resolve_log_entry" && (resolved == nil || e.At.After(resolved.At)):
				resolved = &e
			}
		}
		if offset += len(*page.Entries); !page.More || len(*page.Entries) == 0 {
			break
		}
	}
	if by == "" && resolved != nil {
		return resolved.Agent.Summary, resolved.At, nil
	}
	return by, at, nil
}

// note writes a text at an incident, unless the effect did so before.
func (b *Backend) note(ctx context.Context, i *incident, text, effectKey string) *effect.Error {
	path, mark := "incidents/"+url.PathEscape(i.ID)+"/notes", "[runbook "+effectKey+"]"
	var page struct {
		Notes *[]struct {
			Content string `json:"content"`
		} `json:"notes"`
	}
	err := b.get(ctx, "the question for the notes of incident "+i.ID, path, nil, &page, func() bool { return page.Notes != nil })
	if err != nil {
		return err
	}
	for _, n := range *page.Notes {
		if strings.Contains(n.Content, mark) {
			return nil
		}
	}
	body, _ := json.Marshal(map[string]any{"note": map[string]any{"content": text + "\n\n" + mark}})
	header := b.header()
	header["Content-Type"], header["From"] = []string{"application/json"}, []string{b.settings.from}
	const again = "it may be sent again: what stands there already is not written twice"
	answer, f := b.settings.client.Do(ctx, http.MethodPost, b.settings.api.JoinPath(path), header, body)
	switch {
	case f != nil:
		return f.Write(again)
	case answer.Status >= 500:
		e := apiFailure("the note at incident "+i.ID, answer)
		return effect.Errorf(effect.CodeUnknown, "%s; it is not known whether it was taken", e.Message).WithHint(again)
	case answer.Status >= 300:
		e := apiFailure("the note at incident "+i.ID, answer)
		if answer.Status == http.StatusBadRequest || answer.Status == http.StatusForbidden || answer.Status == http.StatusNotFound {
			return e.WithHint("check from in the configuration of pagerduty (the address of a user of the account), and that api_token may write")
		}
		return e
	}
	return nil
}

func (b *Backend) header() http.Header {
	return http.Header{"Accept": {"application/vnd.pagerduty+json;version=2"}, "Authorization": {"Token token=" + b.settings.token}}
}

// get asks the REST API. good reports whether into holds what was asked for.
func (b *Backend) get(ctx context.Context, what, path string, query url.Values, into any, good func() bool) *effect.Error {
	to := b.settings.api.JoinPath(path)
	to.RawQuery = query.Encode()
	answer, f := b.settings.client.Do(ctx, http.MethodGet, to, b.header(), nil)
	switch {
	case f != nil:
		return f.Error()
	case answer.Status != http.StatusOK:
		return apiFailure(what, answer)
	case json.Unmarshal(answer.Body, into) != nil || !good():
		return rubbish(what, answer)
	}
	return nil
}
