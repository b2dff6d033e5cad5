package mariadb

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
)

func (j *job) validate() (map[string]any, *effect.Error) {
	what := "the live data"
	if name := j.Text("copy"); name != "" {
		what = "the copy " + name
	}
	checks, _ := j.Args["checks"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(checks)) {
		statement, _ := checks[name].(string)
		if e := only(statement); e != nil {
			return nil, effect.Errorf(e.Code, "checks.%s: %s", name, e.Message).WithHint("a check is one SELECT")
		}
	}
	c, done, e := j.reading()
	if e != nil {
		return nil, e
	}
	defer done()
	verified, e := j.tables(c, what)
	if e != nil {
		return nil, e
	}
	for _, name := range slices.Sorted(maps.Keys(checks)) {
		statement, _ := checks[name].(string)
		rows, _, err := j.rows(c, statement, nil, 2)
		if err != nil {
			return nil, j.failed(c, "checks."+name, err)
		}
		if !shared.Holds(rows) {
			return nil, effect.Errorf(effect.CodeUnhealthy, "%s does not pass the check %s: %s", what, name, shared.Told(rows)).WithHint("the check is one row with one column that is true: %s", statement)
		}
	}
	return map[string]any{"valid": true, "checks": float64(len(checks)), "detail": fmt.Sprintf("%s: CHECK TABLE found nothing in %d tables", what, verified)}, nil
}

// tables verifies each table of each database of applications.
func (j *job) tables(c *conn, what string) (int, *effect.Error) {
	found, _, err := j.rows(c, `SELECT concat('`+"`', replace(TABLE_SCHEMA, '`', '``'), '`.`', replace(TABLE_NAME, '`', '``'), '`'"+`) AS name FROM information_schema.TABLES
 WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys') ORDER BY 1`, nil, 0)
	if err != nil {
		return 0, j.failed(c, "the list of tables", err)
	}
	for i, row := range found {
		j.Progress.Say("verified %d of %d tables", i, len(found))
		name, _ := row.(map[string]any)["name"].(string)
		says, e := j.check(c, name)
		if e != nil {
			return 0, e
		}
		if says != "" {
			return 0, effect.Errorf(effect.CodeUnhealthy, "%s is damaged: %s: %s", what, name, says).WithHint("restore another backup and validate that")
		}
	}
	return len(found), nil
}

func (j *job) check(c *conn, table string) (string, *effect.Error) {
	rows, err := c.QueryContext(j.Ctx, "CHECK TABLE "+table)
	if err != nil {
		return "", j.failed(c, "CHECK TABLE "+table, err)
	}
	defer rows.Close()
	var says []string
	for rows.Next() {
		var name, op, kind, text string
		if err := rows.Scan(&name, &op, &kind, &text); err != nil {
			return "", j.failed(c, "CHECK TABLE "+table, err)
		}
		if strings.Contains(text, "doesn't exist") { // dropped meanwhile
			return "", nil
		}
		if strings.EqualFold(kind, "error") || strings.EqualFold(kind, "warning") {
			says = append(says, text)
		}
	}
	if err := rows.Err(); err != nil {
		return "", j.failed(c, "CHECK TABLE "+table, err)
	}
	return strings.Join(says, "; "), nil
}
