package alertmanager

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	"github.com/q-ecosystem/runbook/plugins"
)

// matcher is a condition on one label.
type matcher struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	IsRegex bool   `json:"isRegex"`
	IsEqual *bool  `json:"isEqual"` // absent means true
}

// silence is one as the API has it.
type silence struct {
	ID        string    `json:"id,omitempty"`
	Matchers  []matcher `json:"matchers"`
	StartsAt  time.Time `json:"startsAt"`
	EndsAt    time.Time `json:"endsAt"`
	CreatedBy string    `json:"createdBy"`
	Comment   string    `json:"comment"`
	Status    *struct {
		State string `json:"state"`
	} `json:"status,omitempty"`
}

const (
	expired = "expired"
	pending = "pending"
)

const (
	// readBack bounds the question after a change, in which the change must not
	// get lost: it is known to be made by then. For as long a request whose
	// answer was lost may still be on its way.
	readBack = 5 * time.Second
	// lookEvery is the pause between two looks for a silence that may be on its
	// way.
	lookEvery = 100 * time.Millisecond
)

// marked matches the mark of an effect at the end of a comment.
var marked = lazyregexp.New(`\s*\[runbook ([^\]]+)\]$`)

func (s *silence) state() string {
	if s.Status == nil {
		return ""
	}
	return s.Status.State
}

// whole reports whether an answer has what Alertmanager says of each silence: what
// else answers there says nothing of silences.
func (s *silence) whole() bool { return uuid.MatchString(s.ID) && s.state() != "" }

func (s *silence) value() map[string]any {
	return map[string]any{"id": s.ID, "until": float64(s.EndsAt.UnixMilli()) / 1000}
}

// silence is health.silence.
func (b *Backend) silence(ctx context.Context, req plugins.Request) (map[string]any, *effect.Error) {
	if req.Attempt > 1 {
		if found, err := b.made(ctx, req.Key); err != nil {
			return nil, err
		} else if found != nil {
			return found.value(), nil
		}
	}
	lasts, _ := req.Args["lasts"].(float64)
	now := time.Now().UTC()
	yes := true
	s := silence{StartsAt: now, EndsAt: now.Add(effect.Seconds(lasts)), CreatedBy: b.by, Comment: str(req.Args["why"]) + " [runbook " + req.Key + "]"}
	match := texts(req.Args["match"])
	for _, label := range slices.Sorted(maps.Keys(match)) {
		s.Matchers = append(s.Matchers, matcher{Name: label, Value: match[label], IsEqual: &yes})
	}
	body, err := json.Marshal(s)
	if err != nil {
		return nil, effect.Errorf(effect.CodeInternal, "write a silence: %v", err)
	}
	answer, failure := b.do(ctx, http.MethodPost, silencesPath, nil, body)
	switch {
	case failure != nil:
		return nil, failure.Write("Alertmanager is asked whether it has the silence")
	case answer.Status/100 == 5:
		return nil, unknown(b.refused("POST", silencesPath, answer))
	case answer.Status != http.StatusOK:
		return nil, b.refused("POST", silencesPath, answer)
	}
	var made struct {
		ID string `json:"silenceID"`
	}
	if json.Unmarshal(answer.Body, &made) != nil || made.ID == "" {
		return nil, effect.Errorf(effect.CodeUnknown, "POST %s%s: the answer names no silence: %s", b.address, silencesPath, answer.Excerpt()).
			WithHint("Alertmanager is asked whether it has the silence; check that %s is an Alertmanager, path prefix included", b.address)
	}
	found, failed := b.after(ctx, made.ID)
	if failed != nil || found == nil || found.state() == expired {
		return nil, effect.Errorf(effect.CodeUnknown, "the silence %s was made, and is not to be seen at %s", made.ID, b.address).
			WithHint("see the page Silences of Alertmanager")
	}
	if found.state() == pending {
		req.Progress("the clock of " + b.address.Host + " is behind this machine's: the silence begins when it is " + found.StartsAt.Format(time.RFC3339) + " there")
	}
	return found.value(), nil
}

// unsilence is health.unsilence.
func (b *Backend) unsilence(ctx context.Context, id string) (map[string]any, *effect.Error) {
	found, err := b.one(ctx, id)
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, effect.Errorf(effect.CodeNotFound, "there is no silence %s at %s", id, b.address).
			WithHint("health.silences shows those that are on; ended ones are forgotten after five days")
	}
	if found.state() == expired {
		return map[string]any{"id": id}, nil
	}
	answer, failure := b.do(ctx, http.MethodDelete, silencePath+id, nil, nil)
	switch {
	case failure != nil:
		return nil, failure.Write("Alertmanager is asked whether the silence has ended")
	case answer.Status/100 == 5:
		return nil, unknown(b.refused("DELETE", silencePath+id, answer))
	case answer.Status != http.StatusOK:
		return nil, b.refused("DELETE", silencePath+id, answer)
	}
	if found, err = b.after(ctx, id); err != nil || found == nil || found.state() != expired {
		return nil, effect.Errorf(effect.CodeUnknown, "the silence %s was ended, and does not show so at %s", id, b.address).
			WithHint("see the page Silences of Alertmanager")
	}
	return map[string]any{"id": id}, nil
}

// silences is health.silences.
func (b *Backend) silences(ctx context.Context) (map[string]any, *effect.Error) {
	list, err := b.all(ctx)
	if err != nil {
		return nil, err
	}
	on := []any{}
	slices.SortStableFunc(list, func(x, y silence) int { return x.EndsAt.Compare(y.EndsAt) })
	for _, s := range list {
		if s.state() == expired {
			continue
		}
		match := map[string]any{}
		for _, m := range s.Matchers {
			if !m.IsRegex && (m.IsEqual == nil || *m.IsEqual) {
				match[m.Name] = m.Value
			}
		}
		on = append(on, map[string]any{"id": s.ID, "until": float64(s.EndsAt.UnixMilli()) / 1000, "match": match,
			"why": marked.ReplaceAllString(s.Comment, ""), "by": s.CreatedBy})
	}
	return map[string]any{"silences": on}, nil
}

// made finds the silence of an effect, on or ended; nil if there is none.
func (b *Backend) made(ctx context.Context, key string) (*silence, *effect.Error) {
	list, err := b.all(ctx)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if m := marked.FindStringSubmatch(list[i].Comment); m != nil && m[1] == key {
			return &list[i], nil
		}
	}
	return nil, nil
}

// arrived finds the silence of an effect whose request may still be on its way;
// nil if it has not come until readBack is over.
func (b *Backend) arrived(ctx context.Context, key string) (*silence, *effect.Error) {
	over := time.After(readBack)
	for last := false; ; {
		found, err := b.made(ctx, key)
		if found != nil || err != nil || last {
			return found, err
		}
		select {
		case <-ctx.Done():
			return nil, effect.Errorf(effect.CodeTimeout, "ask %s for a silence: it has none of this call yet, and the time to look ended before it is known that none comes", b.address).
				WithHint("see the page Silences of Alertmanager")
		case <-over:
			last = true
		case <-time.After(lookEvery):
		}
	}
}

func (b *Backend) all(ctx context.Context) ([]silence, *effect.Error) {
	var list []silence
	if _, err := b.read(ctx, silencesPath, nil, &list); err != nil {
		return nil, err
	}
	for _, s := range list {
		if !s.whole() {
			return nil, b.nonsense(silencesPath, "a silence has no id, or no state")
		}
	}
	return list, nil
}

// one asks for a silence; nil if there is none.
func (b *Backend) one(ctx context.Context, id string) (*silence, *effect.Error) {
	if !uuid.MatchString(id) { // nothing else is an id, or may stand in a path
		return nil, nil
	}
	var s silence
	path := silencePath + url.PathEscape(strings.ToLower(id))
	found, err := b.read(ctx, path, nil, &s)
	if err != nil || !found {
		return nil, err
	}
	if !s.whole() {
		return nil, b.nonsense(path, "the silence has no id, or no state")
	}
	return &s, nil
}

var uuid = lazyregexp.New(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// after reads a silence back, also where the call is being canceled.
func (b *Backend) after(ctx context.Context, id string) (*silence, *effect.Error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readBack)
	defer cancel()
	return b.one(ctx, id)
}

// unknown is the error of a change that may have been made all the same.
func unknown(e *effect.Error) *effect.Error {
	return effect.Errorf(effect.CodeUnknown, "%s; it is not known whether it was taken", e.Message).WithHint("%s", e.Hint)
}
