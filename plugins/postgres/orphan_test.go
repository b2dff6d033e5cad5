package postgres

import (
	"context"
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
	a := l.primary("a")
	a.do("CREATE TABLE schema_versions (version int PRIMARY KEY)")
	psql := programs(t) + `/psql -XAtq -c "ALTER TABLE orders ADD COLUMN v$RUNBOOK_TO int; INSERT INTO schema_versions VALUES ($RUNBOOK_TO)"`
	for _, of := range []struct {
		name, op string
		args     obj
		command  string
		after    effect.Observed
	}{
		{"exec", "exec", obj{"sql": "UPDATE orders SET paid = true"}, psql, effect.NotApplied},
		{"migrate", "migrate", obj{"to": 1.0}, psql, effect.Applied},
		{"a migration that calls itself otherwise", "migrate", obj{"to": 2.0}, "PGAPPNAME=flyway " + psql, effect.Applied},
	} {
		t.Run(of.name, func(t *testing.T) {
			c := l.config(a)
			c["timeout"] = "500ms"
			c["migrate"] = obj{"command": []any{"sh", "-c", of.command}, "versions": "SELECT version FROM schema_versions"}
			b := backend(t, c)
			j := &job{shared.Quiet(t.Context()), b.settings.Unnamed}
			lock, e := j.connect(j.nodes["a"])
			if e != nil {
				t.Fatal(e)
			}
			defer lock.close()
			for _, text := range []string{"BEGIN", "LOCK TABLE orders IN SHARE MODE"} {
				if _, err := lock.run(t.Context(), text, nil, nil); err != nil {
					t.Fatal(err)
				}
			}
			const waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND (query LIKE 'ALTER%' OR query LIKE 'UPDATE%')"
			req := request(t, of.op, of.name, of.args)
			plugintest.Kill(t, "postgres", c, req, func() { a.await(waiting, "1") })
			observe := func() (effect.Observed, *effect.Error) {
				seen, err := b.Observe(t.Context(), req)
				return seen.State, effect.AsError(err)
			}
			if seen, e := observe(); e == nil || e.Code != effect.CodeUnknown || !strings.Contains(e.Message, "still carries out") {
				t.Errorf("while the server goes on: %q, %v", seen, e)
			}
			if of.op == "migrate" { // exec waits at the row of its note
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				_, err := b.Invoke(ctx, req)
				cancel()
				if err == nil || effect.AsError(err).Code != effect.CodeUnknown {
					t.Errorf("repeated while the server goes on: %v", err)
				}
			}
			if _, err := lock.run(t.Context(), "ROLLBACK", nil, nil); err != nil {
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
			if _, err := b.Invoke(t.Context(), req); err != nil {
				t.Errorf("repeated: %v", err)
			}
		})
	}
}
