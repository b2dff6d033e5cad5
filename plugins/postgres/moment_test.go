package postgres

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// clock returns the server's time once that has gone on.
func (c *cluster) clock() float64 {
	c.l.t.Helper()
	at, err := strconv.ParseFloat(c.do("SELECT extract(epoch FROM clock_timestamp())"), 64)
	if err != nil {
		c.l.t.Fatal(err)
	}
	c.await(fmt.Sprintf("SELECT extract(epoch FROM clock_timestamp()) > %f + 0.01", at), "t")
	return at
}

// TestTheMomentReached restores to moments behind the end of the log: the copy is
// of its last transaction, and nothing says otherwise.
func TestTheMomentReached(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	a := l.primary("a")
	a.do("CREATE ROLE limited LOGIN PASSWORD '" + secret + "'; GRANT SELECT ON orders TO limited")
	b := backend(t, l.config(a))
	must(t, b, "backup", obj{})
	before := a.clock()
	a.do("INSERT INTO orders (item) VALUES ('fig')")
	after := a.clock()
	a.await("SELECT last_archived_wal >= '"+a.do("SELECT pg_walfile_name(pg_switch_wal())")+"' FROM pg_stat_archiver", "t")

	// A primary that answers has written more, and nobody has that archived.
	far := l.config(a)
	far["user"], far["nodes"] = "limited", obj{"a": obj{"address": "127.0.0.1:" + a.port}}
	a.do("INSERT INTO orders (item) VALUES ('kiwi')")
	later := a.clock()
	limited := backend(t, far)
	fails(t, limited, "restore", obj{"copy": "x", "time": later}, effect.CodeRefused, "GRANT EXECUTE ON FUNCTION pg_switch_wal TO limited")
	if got := must(t, limited, "restore", obj{"copy": "archived"}); got["time"].(float64) < before || got["time"].(float64) > after {
		t.Errorf("what is archived ends between %f and %f, and the copy is of %f", before, after, got["time"])
	}
	if got := must(t, b, "restore", obj{"copy": "exact", "time": later}); math.Abs(got["time"].(float64)-later) > 0.001 {
		t.Errorf("the log goes on behind %f, and the copy is of %f", later, got["time"])
	}

	// One that is dead has all that it wrote in its directory.
	last := a.clock()
	a.do("INSERT INTO orders (item) VALUES ('last')")
	end := a.clock()
	a.kill()
	for copy, args := range map[string]obj{"given": {"time": float64(time.Now().UnixMilli()) / 1e3}, "newest": {}} {
		args["copy"] = copy
		var says []string
		req := request(t, "restore", copy, args)
		req.Progress = func(line string) { says = append(says, line) }
		v, err := b.Invoke(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		if at := v.(obj)["time"].(float64); at < last-0.001 || at > end {
			t.Errorf("%s: the last transaction was between %f and %f, and the copy is of %f", copy, last, end, at)
		}
		if told := strings.Join(says, "\n"); !strings.Contains(told, "the log ends at") {
			t.Errorf("%s: nothing says that the log ends: %s", copy, told)
		}
		got := must(t, b, "query", obj{"copy": copy, "sql": "SELECT count(*) AS n FROM orders WHERE item = 'last'"})
		if got["rows"].([]any)[0].(obj)["n"] != 1.0 {
			t.Errorf("%s lacks the last transaction: %v", copy, got)
		}
	}
	if got := must(t, b, "restore", obj{"copy": "early", "time": after}); math.Abs(got["time"].(float64)-after) > 0.001 {
		t.Errorf("the log goes on behind %f, and the copy is of %f", after, got["time"])
	}
}
