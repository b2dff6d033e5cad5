package postgres

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
)

// relations lists what amcheck can look at in a database: tables kept as heaps,
// and B-tree indexes that are in use.
const relations = `SELECT c.oid::text, c.oid::regclass::text, c.relkind::text FROM pg_class c LEFT JOIN pg_am a ON a.oid = c.relam
 WHERE c.relpersistence <> 't' AND (c.relkind IN ('r', 'm', 't') AND a.amname = 'heap'
  OR c.relkind = 'i' AND a.amname = 'btree' AND (SELECT i.indisvalid AND i.indisready FROM pg_index i WHERE i.indexrelid = c.oid)) ORDER BY 2`

func (j *job) validate() (map[string]any, *effect.Error) {
	what := "the live data"
	if name := j.Text("copy"); name != "" {
		what = "the copy " + name
	}
	c, done, e := j.reading()
	if e != nil {
		return nil, e
	}
	defer done()
	schema, lent, e := j.amcheck(c)
	if e != nil {
		return nil, e
	}
	verified, e := j.relations(c, what, schema)
	if e != nil {
		return nil, e
	}
	_, _ = c.run(j.Ctx, "ROLLBACK", nil, nil) // of a copy; elsewhere there is none to roll back
	checks, _ := j.Args["checks"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(checks)) {
		statement, _ := checks[name].(string)
		if control.MatchString(statement) {
			return nil, effect.Errorf(effect.CodeRefused, "checks.%s controls transactions, which is not its to do", name).WithHint("a check is one SELECT")
		}
		rows, _, err := j.rows(c, statement, nil, 2)
		if err != nil {
			e := j.failed(c, "checks."+name, err)
			return nil, e
		}
		if !shared.Holds(rows) {
			return nil, effect.Errorf(effect.CodeUnhealthy, "%s does not pass the check %s: %s", what, name, shared.Told(rows)).WithHint("the check is one row with one column that is true: %s", statement)
		}
	}
	out := map[string]any{"valid": true, "checks": float64(len(checks)),
		"detail": fmt.Sprintf("%s: amcheck found nothing in %d tables and indexes of the database %s", what, verified, or(j.name, j.user))}
	if lent {
		out["again"] = false
		out["detail"] = out["detail"].(string) + "; the database has no extension amcheck of its own, without which live data cannot be verified (CREATE EXTENSION amcheck, once it is live)"
	}
	return out, nil
}

// amcheck returns the schema of the extension. A copy without it has it lent, for a
// transaction that is rolled back.
func (j *job) amcheck(c *conn) (schema string, lent bool, e *effect.Error) {
	const where = "SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'amcheck'"
	r, err := c.row(j.Ctx, where)
	if err == nil && len(r) == 0 && j.Text("copy") != "" {
		lent = true
		if _, err = c.run(j.Ctx, "BEGIN", nil, nil); err == nil {
			_, err = c.run(j.Ctx, "CREATE EXTENSION amcheck", nil, nil)
		}
		if err == nil {
			r, err = c.row(j.Ctx, where)
		}
	}
	if err != nil {
		e := j.failed(c, "amcheck", err)
		return "", false, e.WithHint("the extension amcheck has to be installed beside the server (Debian: it is), and the user %s a superuser", j.user)
	}
	if len(r) == 0 {
		return "", false, effect.Errorf(effect.CodeUnsupported, "the database %s has no extension amcheck, by which its data is verified", or(j.name, j.user)).
			WithHint("CREATE EXTENSION amcheck; and let the user %s execute its functions", j.user)
	}
	return `"` + strings.ReplaceAll(is(r[0]), `"`, `""`) + `"`, lent, nil
}

// relations verifies each table and index.
func (j *job) relations(c *conn, what, schema string) (int, *effect.Error) {
	type relation struct{ id, name, kind string }
	var list []relation
	_, err := c.run(j.Ctx, relations, nil, func(r *pgconn.ResultReader) bool {
		v := r.Values()
		list = append(list, relation{string(v[0]), string(v[1]), string(v[2])})
		return true
	})
	if err != nil {
		return 0, j.failed(c, "the list of tables", err)
	}
	for i, r := range list {
		j.Progress.Say("verified %d of %d tables and indexes", i, len(list))
		check := "SELECT blkno, msg FROM " + schema + ".verify_heapam($1::oid::regclass) LIMIT 1"
		if r.kind == "i" {
			check = "SELECT NULL, NULL FROM (SELECT " + schema + ".bt_index_check($1::oid::regclass, true)) AS s"
		}
		found, err := c.row(j.Ctx, check, r.id)
		says := ""
		switch code := state(err); {
		case strings.HasPrefix(code, "XX"):
			says = j.why(err)
		case code == undefinedTable: // dropped meanwhile
			continue
		case err != nil:
			return 0, j.failed(c, "amcheck of "+r.name, err)
		case len(found) == 2 && found[1] != nil:
			says = fmt.Sprintf("block %s: %s", is(found[0]), is(found[1]))
		}
		if says != "" {
			return 0, effect.Errorf(effect.CodeUnhealthy, "%s is damaged: %s: %s", what, r.name, says).WithHint("restore another backup and validate that; an index alone is mended by REINDEX")
		}
	}
	return len(list), nil
}
