package notify

import (
	"context"
	"fmt"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/composite"
	"github.com/q-ecosystem/runbook/stdlib/internal/field"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// escalate is notify.escalate: one page a level, until someone takes one on.
// Whoever was paged before may still answer.
func escalate() effect.Composite {
	levels := field.Objects("levels", `who is called, one after the other: { { to = "on-call", wait = "15m" }, { to = "manager", wait = "30m" } }`,
		field.Need("to", "a service or an escalation policy of the configuration"),
		effect.Field{Name: "wait", Type: effect.Duration, Default: "15m", Doc: "how long before the next one is called"})
	levels.Required, levels.Min = true, effect.Bound(1)
	return effect.Composite{Uses: []string{"notify.acknowledged", "notify.page"}, Op: effect.Op{
		Module: "notify", Name: "escalate", Class: effect.Write, Recovery: effect.Retry,
		Doc: "Call one after the other until someone takes it on; an error if nobody does",
		Args: append([]effect.Field{levels,
			{Name: "every", Type: effect.Duration, Default: "15s", Min: effect.Bound(0.05), Doc: "the pause between looks at the pages"}}, alarm()...),
		Returns: []effect.Field{field.Text("by", "who took it on"), field.Text("to", "whose page it was"), field.Of("level", effect.Int, "of levels; 1 for the first"),
			field.Of("waited", effect.Duration, "since the first page"),
			field.Objects("pages", "all pages that were sent, for notify.update", field.Text("to", "who"), field.Text("key", "its key"))},
	}, Run: runEscalate}
}

// sentPage is a page that somebody may answer.
type sentPage struct {
	to, key string
	level   int
	mute    string // why its service could not say, when it was asked last; "" if it could
}

// silence says what is known of a page that nobody took on.
func (p *sentPage) silence() string {
	if p.mute != "" {
		return p.to + " was called, and whether anybody answered is not known: " + p.mute
	}
	return p.to + " did not answer"
}

func runEscalate(ctx context.Context, p effect.Performer, args map[string]any) (any, error) {
	do := composite.For(ctx, p)
	every := args["every"].(float64)
	levels, _ := args["levels"].([]any)
	start, err := do.Now()
	if err != nil {
		return nil, err
	}
	var pages []*sentPage
	var silent []func() string // why each level is silent
	at := start
	for i, l := range levels {
		level := l.(map[string]any)
		to := level["to"].(string)
		call := plain.Pick(args, "text", "severity", "details")
		call["to"] = to
		sent, err := do.Table("notify.page", call)
		if err != nil {
			if effect.AsStop(err) != nil {
				return nil, err
			}
			// One who cannot be called is no reason not to call the next.
			why := fmt.Sprintf("%s could not be called: %s", to, effect.AsError(err).Message)
			silent = append(silent, func() string { return why })
			continue
		}
		key, _ := sent["key"].(string)
		page := &sentPage{to: to, key: key, level: i + 1}
		pages, silent = append(pages, page), append(silent, page.silence)
		began := at
		for {
			answer, by, err := answered(do, pages)
			if err != nil {
				return nil, err
			}
			if at, err = do.Now(); err != nil {
				return nil, err
			}
			if answer != nil {
				return map[string]any{"by": by, "to": answer.to, "level": float64(answer.level), "waited": at - start, "pages": shownPages(pages)}, nil
			}
			left := began + level["wait"].(float64) - at
			if left <= 0 {
				break
			}
			if err := do.Sleep(min(every, left), "until "+to+" answers"); err != nil {
				return nil, err
			}
		}
	}
	reasons := make([]string, len(silent))
	for i, why := range silent {
		reasons[i] = why()
	}
	return nil, effect.Errorf(effect.CodeExpired, "nobody took it on within %s: %s", effect.FormatDuration(effect.Seconds(at-start)),
		strings.Join(reasons, "; ")).WithHint("call someone yourself; the pages stay open at their services")
}

// answered returns the first page that someone took on, or nil. Services that
// cannot say are passed over.
func answered(d composite.Doer, pages []*sentPage) (*sentPage, string, error) {
	for _, p := range pages {
		t, err := d.Table("notify.acknowledged", map[string]any{"to": p.to, "key": p.key})
		if err != nil && effect.AsStop(err) != nil {
			return nil, "", err
		}
		if p.mute = ""; err != nil {
			p.mute = effect.AsError(err).Message
		}
		if yes, _ := t["acknowledged"].(bool); yes {
			by, _ := t["by"].(string)
			return p, by, nil
		}
	}
	return nil, "", nil
}

func shownPages(pages []*sentPage) []any {
	out := make([]any, len(pages))
	for i, p := range pages {
		out[i] = map[string]any{"to": p.to, "key": p.key}
	}
	return out
}
