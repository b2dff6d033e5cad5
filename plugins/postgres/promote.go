package postgres

import (
	"context"
	"math"
	"path/filepath"
	"strconv"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
)

// settle is how long a promotion that was under way when its caller died may
// take to show.
const settle = 3 * time.Second

func (j *job) promote() (map[string]any, *effect.Error) {
	n, e := j.named(j.Text("node"))
	if e != nil {
		return nil, e
	}
	seen := j.look()
	s := seen[n.name]
	if s.err != nil {
		return nil, s.err
	}
	if !s.recovering {
		return promoted(s), nil
	}
	c, e := j.connect(n)
	if e != nil {
		return nil, e
	}
	defer c.close()
	limit := time.Minute
	if until, bound := j.Ctx.Deadline(); bound {
		limit = time.Until(until)
	}
	// It waits in the server; pg_promote counts whole seconds.
	wait := strconv.Itoa(int(max(1, math.Floor(limit.Seconds()))))
	r, err := c.row(j.Ctx, "SELECT pg_promote(true, $1::int)", wait)
	if code := state(err); err != nil && code != "" && code != canceled {
		return nil, j.failed(c, "promotion", err)
	}
	doubt := func(why string) *effect.Error {
		return effect.Errorf(effect.CodeUnknown, "%s was told to become the primary, and %s", n.title(), why).WithHint("its log says what it does; a resume asks it")
	}
	if err != nil {
		return nil, doubt("the answer did not come: " + j.why(err))
	}
	if len(r) != 1 || is(r[0]) != "t" {
		return nil, doubt("was not within " + wait + "s")
	}
	after := j.status(n)
	if after.err != nil {
		return nil, doubt("does not answer since: " + after.err.Message)
	}
	if after.recovering {
		return nil, doubt("still recovers")
	}
	value := promoted(after)
	if lost, known := j.lost(after, seen); known {
		value["lost"] = float64(lost)
	}
	return value, nil
}

func promoted(s *status) map[string]any {
	return map[string]any{"primary": s.node.name, "timeline": float64(s.timeline)}
}

func (j *job) seePromotion() (effect.Observed, map[string]any, *effect.Error) {
	n, e := j.named(j.Text("node"))
	if e != nil {
		return "", nil, e
	}
	for until := time.Now().Add(settle); ; {
		s := j.status(n)
		if s.err != nil {
			return "", nil, s.err
		}
		if !s.recovering {
			return effect.Applied, promoted(s), nil
		}
		if time.Now().After(until) || j.Ctx.Err() != nil {
			return effect.NotApplied, nil, nil
		}
		j.Pause()
	}
}

// lost returns how much WAL the old primary wrote that the new one never
// replayed. An old primary that still answers says it; of one that does not,
// its data directory does if it is on this machine; otherwise nobody knows.
func (j *job) lost(now *status, before map[string]*status) (bytes uint64, known bool) {
	for name, s := range before {
		if name == now.node.name || s.err == nil && s.recovering {
			continue
		}
		if s.err == nil {
			if s = j.status(s.node); s.err == nil {
				bytes, known = max(bytes, ahead(s.written, now.replayed)), true
			}
			continue
		}
		if end, ok := j.endOfWAL(s.node, now.replayed); ok {
			bytes, known = max(bytes, ahead(end, now.replayed)), true
		}
	}
	return bytes, known
}

func ahead(a, b uint64) uint64 {
	if a < b {
		return 0
	}
	return a - b
}

// dumped matches what pg_waldump says of a record.
var dumped = lazyregexp.New(`len \(rec/tot\):\s*\d+/\s*(\d+),.* lsn: ([0-9A-F]+/[0-9A-F]+),`)

// state of a cluster, as pg_controldata prints it.
var controlled = lazyregexp.New(`(?m)^(Database cluster state|Latest checkpoint's TimeLineID|Latest checkpoint location|Bytes per WAL segment):\s+(.*)$`)

// endOfWAL returns where the WAL of a stopped primary ends. ok is false where
// its data is not here, or it was none.
func (j *job) endOfWAL(n *node, from uint64) (end uint64, ok bool) {
	if n.data == "" {
		return 0, false
	}
	c := j.controlData(n.data)
	if s := c["Database cluster state"]; s != "in production" && s != "shut down" && s != "shutting down" {
		return 0, false
	}
	end = from
	tool, e := j.tool("pg_waldump", "--path", filepath.Join(n.data, "pg_wal"), "--timeline", c["Latest checkpoint's TimeLineID"], "--start", formatLSN(from))
	if e != nil {
		return 0, false
	}
	found := false
	tool.Line = func(line string) {
		m := dumped.FindStringSubmatch(line)
		if m == nil {
			return
		}
		size, _ := strconv.ParseUint(m[1], 10, 64)
		found, end = true, lsn(m[2])+(size+7)&^7
	}
	// It ends with an error, because the WAL does; one that said nothing found
	// the end where it began.
	ctx, cancel := context.WithTimeout(j.Ctx, time.Minute)
	defer cancel()
	said, _ := tool.Run(ctx)
	return end, found || ctx.Err() == nil && said != ""
}

func formatLSN(v uint64) string {
	return strconv.FormatUint(v>>32, 16) + "/" + strconv.FormatUint(v&0xFFFFFFFF, 16)
}

// controlData returns what pg_controldata says of a data directory.
func (j *job) controlData(dir string) map[string]string {
	out := map[string]string{}
	tool, e := j.tool("pg_controldata", "-D", dir)
	if e != nil {
		return out
	}
	tool.Line = func(line string) {
		if m := controlled.FindStringSubmatch(line); m != nil {
			out[m[1]] = m[2]
		}
	}
	ctx, cancel := context.WithTimeout(j.Ctx, j.timeout)
	defer cancel()
	_, _ = tool.Run(ctx)
	return out
}
