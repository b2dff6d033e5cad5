package postgres

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/databasetest"
)

// spoil damages pages of a table's file behind the server's back, and returns
// the file as pgBackRest calls it.
func (c *cluster) spoil(table string) string {
	c.l.t.Helper()
	name := c.do("CHECKPOINT; SELECT pg_relation_filepath('" + table + "')")
	f, err := os.OpenFile(filepath.Join(c.data, name), os.O_RDWR, 0)
	if err != nil {
		c.l.t.Fatal(err)
	}
	defer f.Close()
	const page = 8192
	if _, err := f.WriteAt([]byte("damaged by the test"), 2*page+page/2); err != nil {
		c.l.t.Fatal(err)
	}
	return name
}

// TestPgBackRestDamaged makes backups of a cluster with pages whose checksums
// are wrong, which pgBackRest keeps and ends well with.
func TestPgBackRestDamaged(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	a, config, ours := l.kept("a")
	b, pg := restBackend(t, config), backend(t, ours)
	sound := must(t, b, "backup", obj{})
	a.do("CREATE TABLE wide AS SELECT i, repeat('x', 100) FROM generate_series(1, 1000) i")
	file := a.spoil("wide")

	req := request(t, "backup", "spoilt", obj{})
	for _, attempt := range []string{"made", "repeated"} {
		_, err := b.Invoke(t.Context(), req)
		e := effect.AsError(err)
		if e == nil || e.Code != effect.CodeUnhealthy || !strings.Contains(e.Message, "pages of "+file+" had wrong checksums") || !strings.Contains(e.Hint, "db.validate") {
			t.Errorf("%s: %v", attempt, err)
		}
	}
	if seen, err := b.Observe(t.Context(), req); err != nil || seen.State == effect.Applied {
		t.Errorf("observed %+v, %v", seen, err)
	}
	databasetest.Fails(t, b, "backup", obj{"type": "incr"}, effect.CodeUnhealthy, "pages of "+file)

	got := must(t, b, "backups", obj{})
	list := got["backups"].([]any)
	if len(list) != 3 || list[0].(obj)["damaged"] != nil || list[1].(obj)["damaged"] != true || list[2].(obj)["damaged"] != true || got["earliest"] != sound["ended"] {
		t.Errorf("listed %v", got)
	}
	databasetest.Fails(t, b, "restore", obj{"copy": "named", "backup": list[1].(obj)["name"]}, effect.CodeUnhealthy, "pages of "+file)

	var says []string
	req = request(t, "restore", "chosen", obj{"copy": "chosen"})
	req.Progress = func(line string) { says = append(says, line) }
	v, err := b.Invoke(t.Context(), req)
	if err != nil || v.(obj)["backup"] != sound["backup"] {
		t.Fatalf("restored %v, %v", v, err)
	}
	if told := strings.Join(says, "\n"); !strings.Contains(told, "passed over") || !strings.Contains(told, list[2].(obj)["name"].(string)) {
		t.Errorf("it does not say which backups it passed over: %s", told)
	}
	must(t, pg, "validate", obj{"copy": "chosen", "checks": obj{"wide": "SELECT count(*) = 1000 FROM wide"}})
	l.run("/usr/bin/pgbackrest", "--config="+config["config"].(string), "--stanza=main", "--log-level-console=off", "expire", "--set="+sound["backup"].(string))
	databasetest.Fails(t, b, "restore", obj{"copy": "none"}, effect.CodeUnhealthy, "no backup that is whole reaches back")
}

// TestACopyIsLentAmcheck: whether a copy can be verified once it is live, too, is
// known before it is.
func TestACopyIsLentAmcheck(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	a := l.primary("a")
	b := backend(t, l.config(a))
	a.do("DROP EXTENSION amcheck")
	must(t, b, "backup", obj{})
	must(t, b, "restore", obj{"copy": "without"})
	if got := must(t, b, "validate", obj{"copy": "without"}); got["again"] != false || !strings.Contains(got["detail"].(string), "CREATE EXTENSION amcheck, once it is live") {
		t.Errorf("validated %v", got)
	}
	fails(t, b, "validate", obj{}, effect.CodeUnsupported, "CREATE EXTENSION amcheck")
	a.do("CREATE EXTENSION amcheck")
	must(t, b, "restore", obj{"copy": "with"})
	if got := must(t, b, "validate", obj{"copy": "with"}); got["again"] != nil {
		t.Errorf("validated %v", got)
	}
}
