package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
)

// status is what a node said of itself.
type status struct {
	node       *node
	err        *effect.Error // why it said nothing
	recovering bool
	timeline   int
	written    uint64  // the end of its WAL, of a primary
	received   uint64  // what came by streaming, of a replica
	replayed   uint64  // what was replayed, also before it was promoted
	up         float64 // seconds since it started
	behind     float64 // seconds since the last replayed commit; below zero if there was none
}

// askStatus works on primaries and replicas; what only one has is NULL of the
// other. Timelines of replicas come from what streams, or else from the last
// checkpoint.
const askStatus = `SELECT pg_is_in_recovery(),
 CASE WHEN pg_is_in_recovery() THEN coalesce((SELECT received_tli FROM pg_stat_wal_receiver), (SELECT timeline_id FROM pg_control_checkpoint()))
  ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END,
 CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_current_wal_lsn() END,
 pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn(), extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()),
 extract(epoch from clock_timestamp() - pg_postmaster_start_time())`

func (j *job) status(n *node) *status {
	s := &status{node: n}
	c, e := j.connect(n)
	if e != nil {
		s.err = e
		return s
	}
	defer c.close()
	ctx, cancel := context.WithTimeout(j.Ctx, j.timeout)
	defer cancel()
	r, err := c.row(ctx, askStatus)
	if err != nil || len(r) != 7 {
		if err == nil {
			err = fmt.Errorf("it answered with %d values", len(r))
		}
		s.err = j.failed(c, "its state", err)
		return s
	}
	s.recovering = is(r[0]) == "t"
	s.timeline, _ = strconv.Atoi(is(r[1]))
	s.written, s.received, s.replayed = lsn(is(r[2])), lsn(is(r[3])), lsn(is(r[4]))
	s.behind = -1
	if v, err := strconv.ParseFloat(is(r[5]), 64); err == nil {
		s.behind = max(v, 0)
	}
	s.up, _ = strconv.ParseFloat(is(r[6]), 64)
	return s
}

// lsn reads a place in the WAL: "0/3000060".
func lsn(text string) uint64 {
	high, low, _ := strings.Cut(text, "/")
	h, errHigh := strconv.ParseUint(high, 16, 32)
	l, errLow := strconv.ParseUint(low, 16, 32)
	if errHigh != nil || errLow != nil {
		return 0
	}
	return h<<32 | l
}

// look asks all nodes at once.
func (j *job) look() map[string]*status { return shared.AskAll(j.nodes, j.status) }

// primary returns the node that takes writes: of several the one on the newest
// timeline.
func (j *job) primary(seen map[string]*status) (*status, *effect.Error) {
	var found *status
	var says []string
	var first *effect.Error
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		s := seen[name]
		switch {
		case s.err != nil:
			says = append(says, s.err.Message)
			if first == nil || s.err.Code != effect.CodeUnavailable {
				first = s.err
			}
		case s.recovering:
			says = append(says, s.node.title()+" is a replica")
		case found == nil || s.timeline > found.timeline:
			found = s
		}
	}
	if found != nil {
		return found, nil
	}
	if first == nil {
		return nil, effect.Errorf(effect.CodeUnavailable, "the database %s has no primary: %s", j.label, strings.Join(says, "; ")).WithHint("promote a replica with db.promote")
	}
	e := effect.Errorf(first.Code, "the primary of the database %s does not answer: %s", j.label, strings.Join(says, "; "))
	return nil, e.WithHint("%s; or promote a replica with db.promote", first.Hint)
}

// named returns the node that a call names.
func (j *job) named(name string) (*node, *effect.Error) {
	if n := j.nodes[name]; n != nil {
		return n, nil
	}
	return nil, shared.Names("node", name, slices.Sorted(maps.Keys(j.nodes)))
}

// onPrimary connects to the node that takes writes.
func (j *job) onPrimary() (*conn, *status, *effect.Error) {
	if len(j.nodes) == 1 { // it is that one, or none
		for _, n := range j.nodes {
			c, e := j.connect(n)
			return c, &status{node: n}, e
		}
	}
	s, e := j.primary(j.look())
	if e != nil {
		return nil, nil, e
	}
	c, e := j.connect(s.node)
	return c, s, e
}

func (j *job) isPrimary() (map[string]any, *effect.Error) {
	var s *status
	if name := j.Text("node"); name != "" {
		n, e := j.named(name)
		if e != nil {
			return nil, e
		}
		if s = j.status(n); s.err != nil {
			return nil, s.err
		}
	} else {
		var e *effect.Error
		if s, e = j.primary(j.look()); e != nil {
			return nil, e
		}
	}
	return map[string]any{"primary": !s.recovering, "node": s.node.name, "timeline": float64(s.timeline)}, nil
}

// lag tells how far replicas are behind: measured against the primary, or, if
// that is gone, by what they have received and when they last replayed a
// commit.
func (j *job) lag() (map[string]any, *effect.Error) {
	only := j.Text("node")
	if only != "" {
		if _, e := j.named(only); e != nil {
			return nil, e
		}
	}
	seen := j.look()
	if only != "" && seen[only].err != nil {
		return nil, seen[only].err
	}
	primary, _ := j.primary(seen)
	out := map[string]any{"measured": "replicas"}
	if primary != nil {
		out["measured"] = "primary"
	}
	replicas, bytes := map[string]any{}, map[string]any{}
	for name, s := range seen {
		if s.err != nil || !s.recovering || only != "" && only != name {
			continue
		}
		if primary != nil && primary.timeline != s.timeline {
			continue // it cannot follow: it has other data
		}
		end := max(s.received, s.replayed)
		if primary != nil {
			end = max(primary.written, s.replayed)
		}
		missing := end - s.replayed
		bytes[name] = float64(missing)
		behind := s.behind
		if primary != nil && missing == 0 {
			behind = 0 // it has everything, however long ago that was written
		}
		if behind < 0 && primary != nil {
			behind = s.up // it has replayed no commit since it started
		}
		if behind < 0 {
			continue // it cannot say
		}
		replicas[name] = behind
		if worst, said := out["lag"].(float64); !said || behind > worst {
			out["lag"] = behind
		}
	}
	out["replicas"], out["bytes"] = replicas, bytes
	return out, nil
}
