package kubo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// pinsLimit bounds how many pins are told: what an effect returns is bounded.
const pinsLimit = 50_000

// pinned is a pin as a node tells it.
type pinned struct {
	Cid, Type, Name string
}

// list returns the pins of a kind; with a CID only its own. None is no error.
func (c *call) list(ctx context.Context, kind, of string) ([]pinned, error) {
	q := query("type", kind, "names", "true", "stream", "true", "timeout", c.rest())
	if of != "" {
		q.Set("arg", of)
	}
	a, err := c.post(ctx, "pin/ls", q, nil, "")
	if err == nil {
		var found []pinned
		err = each(a, func(p pinned) error {
			if p.Cid == "" {
				return &rubbish{"pin/ls", errors.New("a pin has no CID")}
			}
			if found = append(found, p); len(found) > pinsLimit {
				return effect.Errorf(effect.CodeInvalid, "%s has more than %d %s pins", c.node, pinsLimit, kind).
					WithHint("ask for one content by cid, or for one type")
			}
			return nil
		})
		if err == nil {
			return found, nil
		}
	}
	var told *said // Kubo has no code for it
	if of != "" && errors.As(err, &told) && strings.HasSuffix(told.message, "is not pinned") {
		return nil, nil
	}
	return nil, err
}

// pins lists what is pinned.
func (c *call) pins() (map[string]any, error) {
	of := ""
	if str(c.args["cid"]) != "" {
		got, err := c.cid("cid")
		if err != nil {
			return nil, err
		}
		of = got.String()
	}
	kind := str(c.args["type"])
	if kind == "" {
		kind = "recursive"
	}
	found, err := c.list(c.ctx, kind, of)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(found, func(a, b pinned) int { return strings.Compare(a.Cid+" "+a.Type, b.Cid+" "+b.Type) })
	pins := []any{}
	for _, p := range found {
		kind, _, _ := strings.Cut(p.Type, " ") // "indirect through Qm…"
		pins = append(pins, map[string]any{"cid": p.Cid, "type": kind, "name": p.Name})
	}
	return map[string]any{"pins": pins, "count": float64(len(pins))}, nil
}

// eventProvider is the kind of event that names a provider.
const eventProvider = 4

// providers asks the network who has content. What was found by the end of the
// time counts.
func (c *call) providers() (map[string]any, error) {
	of, err := c.cid("cid")
	if err != nil {
		return nil, err
	}
	limit, _ := c.args["limit"].(float64)
	if limit < 1 {
		limit = 20
	}
	type peer struct {
		ID    string
		Addrs []string
	}
	found, known := []any{}, map[string]bool{}
	a, err := c.post(c.ctx, "routing/findprovs", query("arg", of.String(), "num-providers", strconv.Itoa(int(limit)), "timeout", c.rest()), nil, "")
	if err == nil {
		err = each(a, func(event struct {
			Type      int
			Responses []peer
		}) error {
			for _, p := range event.Responses {
				if event.Type != eventProvider || p.ID == "" || known[p.ID] || float64(len(found)) >= limit {
					continue
				}
				known[p.ID] = true
				addrs := []any{}
				for _, at := range p.Addrs {
					addrs = append(addrs, at)
				}
				found = append(found, map[string]any{"id": p.ID, "addrs": addrs})
			}
			return nil
		})
	}
	if err != nil && len(found) > 0 && (timedOut(err) || errors.Is(c.ctx.Err(), context.DeadlineExceeded)) {
		c.progress.show(fmt.Sprintf("the search had not ended after %s; %d were found", effect.FormatDuration(c.limit), len(found)))
		err = nil
	}
	if err != nil {
		return nil, err
	}
	return map[string]any{"providers": found, "count": float64(len(found))}, nil
}
