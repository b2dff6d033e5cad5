package mariadb

import (
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

// TestOrphans kills the backend while the server carries a statement of it out,
// which goes on: until it is over nobody may say that nothing happened.
func TestOrphans(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.do("CREATE TABLE app.schema_versions (version int PRIMARY KEY)")
	c := l.config()
	c["timeout"] = "500ms"
	c["migrate"] = obj{"versions": "SELECT version FROM schema_versions", "command": []any{"sh", "-c",
		// One request of several statements, as drivers send it: its client need not be there for the second.
		`exec mariadb --no-defaults --user="$MYSQL_USER" --database="$MYSQL_DATABASE" --delimiter="//" -e "ALTER TABLE orders ADD COLUMN v1 int; INSERT INTO schema_versions VALUES (1)//"`}}
	b := backend(t, c)
	for _, of := range []struct {
		op    string
		args  obj
		after effect.Observed
	}{
		{"exec", obj{"sql": "UPDATE orders SET paid = true"}, effect.NotApplied},
		{"migrate", obj{"to": 1.0}, effect.Applied},
	} {
		t.Run(of.op, func(t *testing.T) {
			j := &job{shared.Quiet(t.Context()), b.settings.Unnamed, nil}
			lock, e := j.connect()
			if e != nil {
				t.Fatal(e)
			}
			defer lock.close()
			for _, text := range []string{"START TRANSACTION", "UPDATE orders SET paid = NULL"} {
				if _, err := lock.ExecContext(t.Context(), text); err != nil {
					t.Fatal(err)
				}
			}
			req := request(t, of.op, of.op, of.args)
			plugintest.Kill(t, "mariadb", c, req, func() {
				const waiting = "SELECT count(*) FROM information_schema.PROCESSLIST WHERE COMMAND = 'Query' AND (INFO LIKE 'ALTER%' OR INFO LIKE 'UPDATE%')"
				for deadline := time.Now().Add(time.Minute); l.do(waiting) != "1"; {
					if time.Now().After(deadline) {
						t.Fatal("no statement waits for the lock: " + l.do("SHOW FULL PROCESSLIST"))
					}
				}
			})
			observe := func() (effect.Observed, *effect.Error) {
				seen, err := b.Observe(t.Context(), req)
				return seen.State, effect.AsError(err)
			}
			if seen, e := observe(); e == nil || e.Code != effect.CodeUnknown || !strings.Contains(e.Message, "still carries out") {
				t.Errorf("while the server goes on: %q, %v", seen, e)
			}
			if _, err := lock.ExecContext(t.Context(), "ROLLBACK"); err != nil {
				t.Fatal(err)
			}
			for deadline := time.Now().Add(time.Minute); ; {
				seen, e := observe()
				if seen == of.after {
					break
				}
				if e == nil || e.Code != effect.CodeUnknown || time.Now().After(deadline) {
					t.Fatalf("once it is over: %q, %v", seen, e)
				}
			}
		})
	}
}
