package db

import (
	"fmt"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// follows reports whether a node is a replica that can follow: one on another
// timeline than the primary has other data, and says nothing.
func (b *database) follows(n *node) bool {
	primary := b.nodes[b.primary]
	return n.seenUp && !n.writable && (primary == nil || !primary.seenUp || primary.timeline == n.timeline)
}

func (b *database) lag(_ effect.Moment, args map[string]any) (map[string]any, *effect.Error) {
	if b.assumed {
		return nil, model.CannotTell(`db = { nodes = { a = { primary = true }, b = { lag = "1s" } } }`, "nothing is known of replicas")
	}
	only := plain.Str(args, "node")
	if only != "" {
		if _, _, err := b.node(args); err != nil {
			return nil, err
		}
	}
	replicas, bytes := map[string]any{}, map[string]any{}
	out := map[string]any{"replicas": replicas, "bytes": bytes, "measured": "replicas"}
	if primary := b.nodes[b.primary]; primary != nil && primary.seenUp {
		out["measured"] = "primary"
	}
	if b.silent {
		b.silent = false
		return out, nil
	}
	for name, n := range b.nodes {
		if b.follows(n) && (only == "" || only == name) {
			replicas[name] = n.seenLag
			if n.bytes != nil {
				bytes[name] = n.bytes
			}
			worst, said := out["lag"].(float64)
			if !said || n.seenLag > worst {
				out["lag"] = n.seenLag
			}
		}
	}
	return out, nil
}

func (b *database) isPrimary(_ effect.Moment, args map[string]any) (map[string]any, *effect.Error) {
	name, n, err := b.node(args)
	if err != nil {
		return nil, err
	}
	return map[string]any{"primary": n.writable, "node": name, "timeline": n.timeline}, nil
}

// promote leaves the old primary as it is: whoever promotes beside a primary
// that lives has two. What the node had not received is gone, by time; by how
// many bytes is told where the scenario says it.
func (b *database) promote(m effect.Moment, args map[string]any) (map[string]any, *effect.Error) {
	if b.assumed {
		return nil, model.CannotTell(`db = { nodes = { a = { primary = true, up = false }, b = { lag = "1s" } } }`, "nothing is known of replicas")
	}
	name, n, err := b.node(args)
	if err != nil {
		return nil, err
	}
	out := map[string]any{"primary": name}
	if !n.writable {
		if n.bytes != nil && b.nodes[b.primary] != nil {
			out["lost"] = n.bytes
		}
		done, old := b.changing(m.Now), n.timeline
		if n.stuck != nil {
			b.setContent(*n.stuck)
			delete(out, "lost")
		} else if n.quiet {
			b.doubt = fmt.Sprintf("%s misses nothing: the primary could not be asked, and it last replayed something %s before it was looked at", name,
				effect.FormatDuration(effect.Seconds(n.seenLag)))
			n.seenLag = 0
		} else if n.seenLag > 0 {
			b.setContent(b.contentAt(m.Now.Add(-effect.Seconds(n.seenLag))))
		}
		done()
		b.lost = max(b.lost, n.seenLag)
		n.writable, n.timeline, n.lag, n.behind, n.stuck, n.quiet = true, b.timeline+1, 0.0, nil, nil, false
		b.forks[n.timeline] = fork{old, m.Now}
		for name, c := range b.copies {
			if c.timeline == n.timeline {
				c.taken = true
				b.copies[name] = c
			}
		}
		b.primary, b.timeline = name, n.timeline
	}
	out["timeline"] = n.timeline
	return out, nil
}

// restart is what a swap does with the server whose data it exchanges: one
// that does not run is started, unless a function of the scenario keeps it
// down. Replicas of what was live cannot follow the copy.
func (b *database) restart(timeline float64) *effect.Error {
	n := b.nodes[b.primary]
	if n == nil {
		return effect.Errorf(effect.CodeUnavailable, "no node is the primary; nothing was swapped").WithHint("promote a replica with db.promote")
	}
	if !n.seenUp {
		if _, scripted := n.up.(effect.Func); scripted {
			return effect.Errorf(effect.CodeUnavailable, "node %s does not answer; nothing was swapped", b.primary).WithHint("start it, or promote a replica with db.promote")
		}
		n.up = true
	}
	if timeline == 0 || timeline == n.timeline {
		return nil
	}
	for name, r := range b.nodes {
		if name == b.primary {
			continue
		}
		if r.timeline == timeline { // it follows again
			r.stuck = nil
		} else if r.timeline == n.timeline && r.stuck == nil {
			was := b.content()
			r.stuck = &was
		}
	}
	n.timeline, b.timeline = timeline, timeline
	return nil
}
