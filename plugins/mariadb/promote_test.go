package mariadb

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
	"github.com/q-ecosystem/runbook/plugins/internal/databasetest"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib/db"
)

// pair is a primary a with a replica b, which follow by GTID.
type pair struct {
	t       *testing.T
	a, b    *lab
	address string // of a
}

func newPair(t *testing.T) *pair {
	t.Helper()
	p := &pair{t: t, address: plugintest.FreeAddress(t)}
	host, port, _ := strings.Cut(p.address, ":")
	p.a = newServer(t, "1", "--bind-address="+host, "--port="+port)
	p.b = newServer(t, "2", "--skip-networking", "--log-slave-updates", "--slave-net-timeout=2")
	p.a.do(schema)
	p.b.do("SET GLOBAL read_only = 1")
	p.follow()
	plugintest.Until(t, "the replica has what the primary has", func() bool {
		n, err := p.b.client("SELECT count(*) FROM app.orders")
		return err == nil && n == "3"
	})
	return p
}

// follow lets b follow a, and waits until it has read what there is: one that is stopped
// before cannot say that it has.
func (p *pair) follow() {
	p.t.Helper()
	host, port, _ := strings.Cut(p.address, ":")
	p.b.do("CHANGE MASTER TO master_host = '" + host + "', master_port = " + port + ", master_user = 'runbook', master_password = '" + secret +
		"', master_use_gtid = slave_pos, master_connect_retry = 1; START SLAVE")
	plugintest.Until(p.t, "the replica waits for more", func() bool {
		state := p.b.all("SHOW ALL SLAVES STATUS")
		return strings.Contains(state, "Slave has read all relay log") && strings.Contains(state, "Waiting for master to send event")
	})
}

func (p *pair) config() obj {
	return obj{"nodes": obj{"a": obj{"address": p.a.socket(), "binlogs": p.a.dir + "/data"}, "b": obj{"address": p.b.socket(), "binlogs": p.b.dir + "/data"}},
		"user": "runbook", "password": secret, "database": "app", "timeout": "3s"}
}

// again makes b follow a once more after it was promoted.
func (p *pair) again() {
	p.t.Helper()
	p.b.do("STOP SLAVE; RESET SLAVE ALL; SET GLOBAL read_only = 1")
	p.follow()
	p.caught()
}

// caught waits until b has all that a wrote.
func (p *pair) caught() {
	p.t.Helper()
	at := p.a.do("SELECT @@gtid_binlog_pos")
	plugintest.Until(p.t, "the replica has "+at, func() bool { return p.b.do("SELECT @@gtid_slave_pos") == at })
}

func (p *pair) backend() *Backend { return backend(p.t, p.config()) }

// TestSeveralNodes follows a pair from replication to the death of the primary.
func TestSeveralNodes(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	b := p.backend()
	if err := b.Health(t.Context()); err != nil {
		t.Fatal(err)
	}
	is := func(args obj, primary bool, node string) {
		t.Helper()
		if got := must(t, b, "is_primary", args); got["primary"] != primary || got["node"] != node {
			t.Errorf("is_primary %v: %v", args, got)
		}
	}
	is(obj{}, true, "a")
	is(obj{"node": "b"}, false, "b")
	p.caught()
	plugintest.Until(t, "the replica lags by nothing", func() bool {
		got := must(t, b, "lag", obj{})
		return got["measured"] == "primary" && got["lag"] == 0.0 && got["bytes"].(obj)["b"] == 0.0
	})
	fails(t, b, "lag", obj{"node": "c"}, effect.CodeNotFound, "a, b")

	// What it does not apply shows in bytes, and what it does not even hear of, too.
	p.b.do("STOP SLAVE SQL_THREAD")
	must(t, b, "exec", obj{"sql": "INSERT INTO orders (item) VALUES ('kiwi')"})
	got := must(t, b, "lag", obj{})
	if n, _ := got["bytes"].(obj)["b"].(float64); n < 50 || got["replicas"].(obj)["b"] != nil {
		t.Errorf("with a stopped thread: %v", got)
	}
	fails(t, b, "promote", obj{"node": "b"}, effect.CodeConflict, "its SQL thread does not run")
	count := func(node string) any {
		return must(t, b, "query", obj{"sql": "SELECT count(*) AS n FROM orders", "node": node})["rows"].([]any)[0].(obj)["n"]
	}
	if a, r := count("a"), count("b"); a != 4.0 || r != 3.0 {
		t.Errorf("a has %v orders, b %v", a, r)
	}
	p.b.do("STOP SLAVE IO_THREAD") // and to start the other one would throw away what has come
	fails(t, b, "promote", obj{"node": "b"}, effect.CodeConflict, "throws away what has come")
	p.b.do("START SLAVE")
	p.caught()

	// The primary writes what the replica does not hear of, and dies.
	p.b.do("STOP SLAVE IO_THREAD")
	before := p.a.size()
	must(t, b, "exec", obj{"sql": "INSERT INTO orders (item) VALUES ('lost')"})
	wrote := p.a.size() - before
	p.a.kill()
	fails(t, b, "exec", obj{"sql": "INSERT INTO orders (item) VALUES ('none')"}, effect.CodeUnavailable, "no primary answers")
	if got := must(t, b, "lag", obj{}); got["measured"] != "replicas" || got["lag"] != nil || got["bytes"].(obj)["b"] != 0.0 {
		t.Errorf("without a primary: %v", got)
	}
	if got := must(t, b, "promote", obj{"node": "b"}); got["primary"] != "b" || got["lost"] != float64(wrote) {
		t.Errorf("promoted: %v, and %d bytes were lost", got, wrote)
	}
	is(obj{}, true, "b")
	must(t, b, "exec", obj{"sql": "INSERT INTO orders (item) VALUES ('plum')"})
	if n := count("b"); n != 5.0 {
		t.Errorf("b has %v orders", n)
	}
	// The old one comes back and takes writes, as it did: nobody is asked then.
	p.a.start()
	fails(t, b, "exec", obj{"sql": "INSERT INTO orders (item) VALUES ('split')"}, effect.CodeConflict, "several nodes take writes: a, b")
	p.a.do("SET GLOBAL read_only = 1")
	is(obj{}, true, "b")
}

// TestPromoteAppliesWhatCame: what a replica has received and not applied yet is there
// before it takes writes.
func TestPromoteAppliesWhatCame(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	b := p.backend()
	p.caught()
	j := &job{shared.Quiet(t.Context()), b.settings.Unnamed, nil}
	n := j.nodes["b"]
	lock, e := j.at(n).connect()
	if e != nil {
		t.Fatal(e)
	}
	defer lock.close()
	for _, text := range []string{"START TRANSACTION", "SELECT * FROM orders WHERE id = 1 FOR UPDATE"} {
		if _, err := lock.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	must(t, b, "exec", obj{"sql": "UPDATE orders SET item = 'apricot' WHERE id = 1"})
	written := j.status(j.nodes["a"])
	plugintest.Until(t, "the replica has received it", func() bool {
		s := j.status(n)
		left, known := between(s.received, written.logs)
		return known && left == 0 && !s.drained
	})
	promoted := make(chan *effect.Error, 1)
	go func() {
		v, err := b.Invoke(t.Context(), request(t, "promote", "promote", obj{"node": "b"}))
		if m, _ := v.(obj); err == nil && m["lost"] != 0.0 {
			t.Errorf("promoted %v", v)
		}
		promoted <- effect.AsError(err)
	}()
	plugintest.Until(t, "it hears of no more", func() bool { return strings.Contains(p.b.all("SHOW ALL SLAVES STATUS"), "\tNo\tYes\t") })
	if s := j.status(n); s.primary() || s.err != nil {
		t.Errorf("it takes writes before it has applied what came: %+v", s)
	}
	if _, err := lock.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if e := <-promoted; e != nil {
		t.Fatal(e)
	}
	if item := p.b.do("SELECT item FROM app.orders WHERE id = 1"); item != "apricot" {
		t.Errorf("the item is %s", item)
	}
}

// TestModelPromotesAsMariaDBDoes walks a pair and the model at random: with the primary
// up, with it down, and with the replica in its place.
func TestModelPromotesAsMariaDBDoes(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	up := true
	w := databasetest.NewWalk(t, p.backend(), obj{"nodes": obj{"b": obj{},
		"a": obj{"primary": true, "up": effect.Func(func(effect.Moment) (any, error) { return up, nil })}}})
	w.Plain = func(op string, _, v obj) {
		for _, name := range []string{"timeline", "lag", "bytes", "lost"} {
			delete(v, name)
		}
		if replicas, told := v["replicas"].(obj); told {
			v["replicas"] = slices.Sorted(maps.Keys(replicas))
		}
	}
	random := rand.New(rand.NewPCG(9, 4))
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	walk := func(steps int, ops ...string) {
		t.Helper()
		for range steps {
			op, args := pick(ops...), obj{}
			switch op {
			case "exec":
				args["sql"] = pick(databasetest.Insert, databasetest.Insert, databasetest.Broken)
			case "is_primary", "lag":
				if node := pick("", "a", "b", "c"); node != "" {
					args["node"] = node
				}
			case "promote":
				args["node"] = pick("a", "c")
			}
			w.Step(t, op, args)
			p.caughtIf(up)
		}
	}
	walk(40, "exec", "lag", "is_primary", "promote")
	p.a.kill()
	up = false
	walk(20, "exec", "lag", "is_primary", "promote")
	w.Step(t, "promote", obj{"node": "b"})
	walk(30, "exec", "lag", "is_primary")
	w.Showed(t, "exec", "exec failed", "exec unavailable", "lag", "is_primary", "is_primary not_found", "is_primary unavailable", "promote", "promote not_found")
	plugintest.Compared(t, "mariadb", testedOn(t), plugintest.Sum(w.Seen))
}

// caughtIf waits for the replica while there is whom it follows.
func (p *pair) caughtIf(up bool) {
	if up {
		p.caught()
	}
}

// size returns how long the server's binary log is.
func (l *lab) size() int {
	n := 0
	for line := range strings.Lines(l.all("SHOW BINARY LOGS")) {
		var name string
		var size int
		if _, err := fmt.Sscan(line, &name, &size); err == nil {
			n += size
		}
	}
	return n
}

func (l *lab) all(text string) string {
	l.t.Helper()
	out, err := l.client(text)
	if err != nil {
		l.t.Fatalf("%s: %v: %s", text, err, out)
	}
	return out
}

// TestPromoteIsKilled kills the backend before, within and after a promotion.
func TestPromoteIsKilled(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	b, moments := p.backend(), 4
	if testing.Short() {
		moments = 1
	}
	n := 0
	plugintest.Kills{Backend: b, Config: p.config(), Module: db.Module(), Op: "promote", Moments: moments, System: testedOn(t), Next: func(t *testing.T) plugintest.Round {
		p.again()
		n++
		p.a.do(fmt.Sprint("INSERT INTO app.orders (item) VALUES ('", n, "')"))
		p.caught()
		return plugintest.Round{Args: obj{"node": "b"}, There: func() bool {
			return p.b.do("SELECT @@read_only") == "0" && p.b.all("SHOW ALL SLAVES STATUS") == ""
		}, After: func() {
			if a, r := p.a.do("SELECT count(*) FROM app.orders"), p.b.do("SELECT count(*) FROM app.orders"); a != r {
				t.Errorf("a has %s orders, and b %s", a, r)
			}
		}}
	}}.Run(t)
}

// TestPromoteGoesOn leaves a promotion between all of its statements: it is not applied
// then, and the repetition ends it.
func TestPromoteGoesOn(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	b := p.backend()
	for _, left := range []string{"STOP SLAVE IO_THREAD", "STOP SLAVE", "STOP SLAVE; RESET SLAVE ALL"} {
		p.caught()
		p.b.do(left)
		req := request(t, "promote", left, obj{"node": "b"})
		if seen, err := b.Observe(t.Context(), req); err != nil || seen.State != effect.NotApplied {
			t.Errorf("after %s: observed %+v, %v", left, seen, err)
		}
		req.Attempt = 2
		if _, err := b.Invoke(t.Context(), req); err != nil {
			t.Errorf("after %s: %v", left, err)
		}
		if seen, err := b.Observe(t.Context(), req); err != nil || seen.State != effect.Applied {
			t.Errorf("%s, and then: observed %+v, %v", left, seen, err)
		}
		p.again()
	}
}

// TestNodesAreRefused reads configurations of which nobody could say what they mean.
func TestNodesAreRefused(t *testing.T) {
	nodes := obj{"a": obj{"address": "10.0.0.1"}, "b": obj{"address": "/run/b.sock"}}
	for says, c := range map[string]obj{
		"address and nodes both name servers": {"address": "10.0.0.1", "nodes": nodes},
		"belong to one server":                {"nodes": nodes, "backups": "/var/backups/mariadb"},
		"nodes names no server":               {"nodes": obj{}},
		"nodes.a.address is no address":       {"nodes": obj{"a": obj{"address": "root@10.0.0.1"}}},
		"no server is named":                  {"user": "runbook"},
	} {
		plugintest.WantError(t, plugintest.Configure(New(), c), effect.CodeInvalid, says)
	}
	b := backend(t, obj{"address": "/run/none.sock"})
	for _, op := range []string{"lag", "is_primary"} {
		fails(t, b, op, obj{}, effect.CodeUnsupported, "names no nodes")
	}
}
