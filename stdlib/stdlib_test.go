package stdlib

import (
	"slices"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestContracts(t *testing.T) {
	c, err := effect.NewCatalog(Modules()...)
	if err != nil {
		t.Fatal(err)
	}
	// The table of the design, with its classes (r, w, !) and the recoveries of
	// what writes.
	want := map[string]string{
		"traffic": "weights r, servers r, split w observe, switch w observe, drain w observe, ready w observe",
		"health":  "check r, measure r, alerts r, silence w observe, unsilence w observe, silences r, load w retry",
		"db": "backups r, query r, lag r, is_primary r, validate r, backup w observe, restore w observe, exec w observe, migrations r, " +
			"migrate w observe, promote ! observe, swap w observe",
		"dns":    "records r, set w observe, replace w observe, delete w observe",
		"ipfs":   "pins r, providers r, validate r, add w retry, pin w retry, unpin w retry, export r, import w retry",
		"notify": "send ! forgo, page w retry, acknowledged r, update w retry, publish w observe",
		"deploy": "status r, regions r, release w observe, activate w observe, decommission ! observe, scale w observe, job ! observe, " +
			"nodes r, cordon w observe, uncordon w observe, drain w observe",
		"exec":    "run ! ask",
		"secrets": "get r, rotate w observe, revoke ! retry, issue w retry, release w retry",
		"http":    "request ! ask",
		"hosts":   "list r, run ! observe, copy w observe, read r, service w observe",
		"files":   "hash r, search r, archive w observe",
	}
	sign := map[effect.Class]string{effect.Read: "r", effect.Write: "w", effect.Irreversible: "!"}
	for _, m := range Modules() {
		var got []string
		for i := range m.Ops {
			op := &m.Ops[i]
			s := op.Name + " " + sign[op.ClassFor(nil)]
			if op.ClassFor(nil).Writes() {
				s += " " + string(op.RecoveryFor(nil))
			}
			got = append(got, s)
		}
		if text := strings.Join(got, ", "); text != want[m.Name] {
			t.Errorf("%s declares\n%s, want\n%s", m.Name, text, want[m.Name])
		}
	}
	if !slices.Equal(c.Names(), []string{"db", "deploy", "dns", "exec", "files", "health", "hosts", "http", "ipfs", "notify", "secrets", "traffic"}) {
		t.Errorf("modules %v", c.Names())
	}
	for _, name := range []string{"dns.wait", "dns.failover", "ipfs.restore", "health.wait", "health.watch", "notify.escalate"} {
		if comp, ok := c.Composite(name); !ok || comp.Run == nil {
			t.Errorf("there is no composite %s", name)
		}
	}
}

// TestDocs keeps the style of what is shown to people: an imperative sentence,
// a text for every field, no full stop.
func TestDocs(t *testing.T) {
	var fields func(where string, list []effect.Field)
	fields = func(where string, list []effect.Field) {
		for _, f := range list {
			if f.Doc == "" || strings.HasSuffix(f.Doc, ".") {
				t.Errorf("%s.%s has the doc %q", where, f.Name, f.Doc)
			}
			fields(where+"."+f.Name, f.Fields)
			if f.Elem != nil {
				fields(where+"."+f.Name, f.Elem.Fields)
			}
		}
	}
	for _, m := range Modules() {
		ops := slices.Clone(m.Ops)
		for _, c := range m.Composites {
			ops = append(ops, c.Op)
		}
		for i := range ops {
			op := &ops[i]
			if op.Doc == "" || strings.HasSuffix(op.Doc, ".") || op.Doc[0] < 'A' || op.Doc[0] > 'Z' {
				t.Errorf("%s has the doc %q", op, op.Doc)
			}
			fields(op.String(), op.Args)
			fields(op.String(), op.Returns)
		}
	}
}

func TestArgumentsThatNoFieldChecks(t *testing.T) {
	c, err := effect.NewCatalog(Modules()...)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		op   string
		args map[string]any
		want string // "" if the arguments are fine
	}{
		{"db.restore", map[string]any{"copy": "c", "time": "2026-01-31T03:00:00+01:00"}, ""},
		{"db.restore", map[string]any{"copy": "c", "time": 1e9}, ""},
		{"db.restore", map[string]any{"copy": "c", "time": "yesterday"}, "time: wants a time"},
		{"db.restore", map[string]any{"time": 1e9}, "copy: is required"},
		{"deploy.activate", map[string]any{}, "names neither env nor region"},
		{"notify.update", map[string]any{"to": "a", "key": "k"}, "says nothing new"},
		{"notify.escalate", map[string]any{"text": "t", "levels": []any{}}, "levels"},
		{"dns.set", map[string]any{"name": "a", "values": []any{}}, "values"},
	} {
		op, ok := c.Op(test.op)
		if comp, is := c.Composite(test.op); is {
			op, ok = &comp.Op, true
		}
		if !ok {
			t.Fatalf("no op %s", test.op)
		}
		_, err := op.Check(test.args)
		if (test.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s %v: %v, want %q", test.op, test.args, err, test.want)
		}
	}
	if op, _ := c.Op("health.load"); op.TimeoutFor(map[string]any{"during": 60.0}) <= effect.Seconds(60) {
		t.Error("the host waits for health.load no longer than it takes")
	}
}

func TestCarry(t *testing.T) {
	ops := Carry("health", "measure", "check", "chek")
	names := make([]string, len(ops))
	for i := range ops {
		names[i] = ops[i].Name
	}
	if !slices.Equal(names, []string{"check", "measure", "chek"}) || ops[2].Doc != "" || ops[0].Doc == "" {
		t.Errorf("carried %v", names)
	}
}
