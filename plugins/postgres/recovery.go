package postgres

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// extent is what is known of how far the log goes.
type extent int

const (
	unasked  extent = iota // no primary answers: what is there is all that there is
	complete               // the primary's log was archived to its end, behind any moment asked for
	behind                 // the primary answers, and may have written what is not archived
)

// flush writes a commit that is later than any moment asked for, so that
// recovery can tell that it has reached it, and waits until that is archived.
func (j *job) flush() (extent, *effect.Error) {
	if j.wal == nil {
		return unasked, nil
	}
	c, s, e := j.onPrimary()
	if e == nil {
		defer c.close()
		s = j.status(s.node)
	}
	if e != nil || s.err != nil || s.recovering {
		return unasked, nil // what it had not archived may be in its directory
	}
	if _, err := c.row(j.Ctx, "SELECT pg_current_xact_id()"); err != nil {
		return unasked, j.failed(c, "a transaction", err)
	}
	all, e := j.wal.flush(j, c)
	if e != nil || all {
		return complete, e
	}
	return behind, nil
}

// reached is where a recovery ended.
type reached struct {
	at       time.Time
	timeline int
}

// recover lets a server that only we can reach bring a copied backup to a
// moment.
func (j *job) recover(g *goal, data string) (*reached, *effect.Error) {
	for _, name := range []string{"standby.signal", "recovery.signal", "postmaster.pid"} {
		_ = os.Remove(filepath.Join(data, name))
	}
	var settings []string
	if g.timeline > 0 {
		claimed := filepath.Join(j.copies.Dir, timelines)
		if e := j.mkdir(claimed); e != nil {
			return nil, e
		}
		fetch := j.wal.fetch(data) + fmt.Sprintf(" || cp '%s/%%f' '%%p' 2>/dev/null", claimed)
		for _, n := range j.nodes { // what a stopped primary had not archived
			if n.data != "" {
				fetch += fmt.Sprintf(" || cp '%s/pg_wal/%%f' '%%p' 2>/dev/null", n.data)
			}
		}
		settings = append(settings, "restore_command="+fetch, "recovery_target_timeline="+strconv.Itoa(g.timeline), "recovery_target_action=promote", "timezone=UTC")
		if g.given {
			settings = append(settings, "recovery_target_time="+g.at.Format("2006-01-02 15:04:05.000000+00"))
		}
		if err := os.WriteFile(filepath.Join(data, "recovery.signal"), nil, 0o600); err != nil {
			return nil, effect.Errorf(effect.CodeFailed, "the copy cannot be written: %v; nothing was left of it", err)
		}
		if e := j.own(filepath.Join(data, "recovery.signal")); e != nil {
			return nil, e
		}
	}
	last := g.from.Ended // the moment of the last transaction, which a second attempt may not come by again
	if !g.from.EndedFrom.IsZero() {
		last = g.from.EndedFrom // not more than is known
	}
	s, e := j.serve(data, settings...)
	short := e != nil && g.given && strings.Contains(e.Message, targetNotReached)
	if short { // the log ends before the moment: everything in it belongs to the copy
		if at := s.recoveredTo(); at.After(last) {
			last = at
		}
		if g.log == behind {
			return nil, effect.Errorf(effect.CodeRefused, "the archived log ends at %s, before %s, and the primary has written more, which the user %s may not have archived; nothing was left of the copy",
				last.Format(instantly), g.at.Format(instantly), j.user).
				WithHint("GRANT EXECUTE ON FUNCTION pg_switch_wal TO %s; or restore to %s, or before", j.user, last.Format(instantly))
		}
		s, e = j.serve(data, slices.DeleteFunc(settings, func(s string) bool { return strings.HasPrefix(s, "recovery_target_time=") })...)
	}
	if e != nil {
		return nil, e
	}
	defer s.end()
	r, err := s.conn.row(j.Ctx, "SELECT timeline_id FROM pg_control_checkpoint()")
	if err == nil && g.timeline > 0 {
		r, err = s.conn.row(j.Ctx, "SELECT ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int")
	}
	if err != nil || len(r) != 1 {
		return nil, j.failed(s.conn, "its timeline", err)
	}
	out := &reached{at: g.at, timeline: atoi(is(r[0]))}
	if g.timeline > 0 && (short || !g.given && g.log != complete) {
		if out.at, e = j.end(s, g, last); e != nil {
			return nil, e
		}
	}
	if e := s.stop(j.Ctx); e != nil {
		e.Message += "; nothing was left of the copy"
		return nil, e
	}
	return out, j.claim(data, out.timeline)
}

// end returns the moment of the last transaction that a recovery found in the
// log, or that was known before, and says that it is not what was asked for.
func (j *job) end(s *server, g *goal, last time.Time) (time.Time, *effect.Error) {
	r, err := s.conn.row(j.Ctx, "SELECT extract(epoch from pg_last_xact_replay_timestamp())")
	if err != nil || len(r) != 1 {
		return time.Time{}, j.failed(s.conn, "its last transaction", err)
	}
	if at := epoch(is(r[0])); r[0] != nil && at.After(last) {
		last = at
	}
	says := "the log ends at " + last.Format(instantly)
	if g.given {
		says += ", before " + g.at.Format(instantly) + ", which was asked for"
	}
	j.Progress.Show(says + ": the copy is of that moment")
	return last, nil
}

// instantly is the form of a moment for people.
const instantly = "2006-01-02T15:04:05.000Z07:00"
