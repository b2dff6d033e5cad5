package sqlite

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mattn/go-sqlite3"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
)

// params returns a statement's parameters as SQLite takes them.
func (j *job) params() ([]any, *effect.Error) {
	list, _ := j.Args["params"].([]any)
	out := make([]any, len(list))
	for i, v := range list {
		switch v := v.(type) {
		case nil, string, bool:
			out[i] = v
		case float64:
			if out[i] = v; v == float64(int64(v)) {
				out[i] = int64(v)
			}
		default:
			text, _, err := shared.Text(v)
			if err != nil {
				return nil, effect.Errorf(effect.CodeInvalid, "params[%d]: %v", i+1, err)
			}
			out[i] = text
		}
	}
	return out, nil
}

var trigger = lazyregexp.New(`(?is)^\s*create\s+(temp\s+|temporary\s+)?trigger\b`)

// one refuses several statements in one. The body of a trigger has semicolons
// of its own.
func one(text string) *effect.Error {
	if trigger.MatchString(text) {
		return nil
	}
	for ended, i := false, 0; i < len(text); i++ {
		end := ""
		switch c := text[i]; {
		case c == '\'' || c == '"' || c == '`':
			end = string(c)
		case c == '[':
			end = "]"
		case strings.HasPrefix(text[i:], "--"):
			end = "\n"
		case strings.HasPrefix(text[i:], "/*"):
			end = "*/"
		case c == ';':
			ended = true
			continue
		case strings.IndexByte(" \t\r\n\f", c) >= 0:
			continue
		}
		if ended && end != "\n" && end != "*/" {
			return effect.Errorf(effect.CodeInvalid, "sql holds several statements; nothing was run").WithHint("give each a call of its own")
		}
		if end == "" {
			continue
		}
		skip := 1
		if end == "*/" {
			skip = 2
		}
		n := strings.Index(text[i+skip:], end)
		if n < 0 {
			return nil // SQLite says better what is open
		}
		i += skip + n + len(end) - 1
	}
	return nil
}

func (j *job) query() (map[string]any, *effect.Error) {
	c, e := j.reading()
	if e != nil {
		return nil, e
	}
	defer c.close()
	if e := one(j.Text("sql")); e != nil {
		return nil, e
	}
	params, e := j.params()
	if e != nil {
		return nil, e
	}
	most, _ := j.Args["max_rows"].(float64)
	rows, more, err := j.rows(c, j.Text("sql"), params, int(most))
	if err != nil {
		return nil, j.failed(j.file, "be queried", err)
	}
	return map[string]any{"rows": rows, "count": float64(len(rows)), "truncated": more}, nil
}

// reading opens what query and validate look at: a copy, or the live data.
func (j *job) reading() (*conn, *effect.Error) {
	if node := j.Text("node"); node != "" {
		return nil, shared.Names("node", node, nil)
	}
	name := j.Text("copy")
	if name == "" {
		return j.open(j.file, readOnly)
	}
	if !j.copies.Has(name) {
		return nil, shared.Names("copy", name, j.copies.Known())
	}
	return j.open(j.copies.DataOf(name), still)
}

// rows returns the first rows of a statement, and whether there are more.
func (j *job) rows(c *conn, text string, params []any, most int) (list []any, more bool, err error) {
	c.strict = true
	rows, err := c.QueryContext(j.Ctx, text, params...)
	c.strict = false
	if err != nil {
		return nil, false, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, false, err
	}
	list = []any{}
	values, into := make([]any, len(names)), make([]any, len(names))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if most > 0 && len(list) == most {
			return list, true, nil
		}
		if err := rows.Scan(into...); err != nil {
			return nil, false, err
		}
		row := map[string]any{}
		for i, v := range values {
			if v := value(v); v != nil { // a column without a value is left out
				row[names[i]] = v
			}
		}
		list = append(list, row)
	}
	return list, false, rows.Err()
}

// value returns what a column holds as scripts see it. Bytes that are no text
// are shown as SQLite's hex() does.
func value(v any) any {
	switch v := v.(type) {
	case int64:
		return shared.Integer(v)
	case []byte:
		if utf8.Valid(v) {
			return string(v)
		}
		return strings.ToUpper(hex.EncodeToString(v))
	case time.Time:
		return v.Format(time.RFC3339Nano)
	}
	return v
}

// note is what the table of effects says of one.
type note struct {
	there  bool
	result string
}

// look reads the note of this effect.
func (j *job) look(c *conn) (note, error) {
	var n note
	err := c.QueryRowContext(j.Ctx, "SELECT result FROM "+j.marks+" WHERE key = ?", j.Key).Scan(&n.result)
	var s sqlite3.Error
	switch {
	case err == nil:
		n.there = true
	case errors.Is(err, sql.ErrNoRows):
		err = nil
	case errors.As(err, &s) && s.Code == sqlite3.ErrError: // is the table there?
		var found int
		if c.QueryRowContext(j.Ctx, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND lower(name) = lower(?)", j.marks).Scan(&found) == nil && found == 0 {
			err = nil
		}
	}
	return n, err
}

// mark notes this effect, in the transaction that is open.
func (j *job) mark(c *conn, op, result string) error {
	_, err := c.ExecContext(j.Ctx, "CREATE TABLE IF NOT EXISTS "+j.marks+" (key TEXT PRIMARY KEY, op TEXT NOT NULL, result TEXT NOT NULL, at TEXT NOT NULL)")
	if err == nil {
		_, err = c.ExecContext(j.Ctx, "INSERT INTO "+j.marks+" (key, op, result, at) VALUES (?, ?, ?, strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) ON CONFLICT (key) DO UPDATE SET result = excluded.result", j.Key, op, result)
	}
	return err
}

func (j *job) exec() (map[string]any, *effect.Error) {
	if e := one(j.Text("sql")); e != nil {
		return nil, e
	}
	params, e := j.params()
	if e != nil {
		return nil, e
	}
	c, e := j.open(j.file, readWrite)
	if e != nil {
		return nil, e
	}
	defer c.close()
	calm := context.WithoutCancel(j.Ctx)
	if _, err := c.ExecContext(j.Ctx, "BEGIN IMMEDIATE"); err != nil {
		return nil, j.failed(j.file, "be changed", err)
	}
	value, again, err := j.change(c, params)
	if err != nil || again {
		_, _ = c.ExecContext(calm, "ROLLBACK")
		if err != nil {
			return nil, j.failed(j.file, "be changed", err)
		}
		return value, nil
	}
	if _, err := c.ExecContext(calm, "COMMIT"); err != nil {
		var s sqlite3.Error
		if errors.As(err, &s) && (s.Code == sqlite3.ErrBusy || s.Code == sqlite3.ErrConstraint) {
			_, _ = c.ExecContext(calm, "ROLLBACK")
			return nil, j.failed(j.file, "be changed", err)
		}
		return nil, effect.Errorf(effect.CodeUnknown, "%s: whether the statement was committed is not known: %v", j.file, err).WithHint("check the disk; a resume looks for the note of the effect")
	}
	return value, nil
}

// change runs the statement and notes it; again says that it was carried out
// before.
func (j *job) change(c *conn, params []any) (value map[string]any, again bool, err error) {
	n, err := j.look(c)
	if err != nil {
		return nil, false, err
	}
	if n.there {
		err = json.Unmarshal([]byte(n.result), &value)
		return value, true, err
	}
	total := func() (n int64) {
		if err == nil {
			err = c.QueryRowContext(j.Ctx, "SELECT total_changes()").Scan(&n)
		}
		return n
	}
	before := total()
	if err != nil {
		return nil, false, err
	}
	c.strict = true
	result, err := c.ExecContext(j.Ctx, j.Text("sql"), params...)
	c.strict = false
	if err != nil {
		return nil, false, err
	}
	changed, err := result.RowsAffected()
	// SQLite counts the rows of the last statement that changed any.
	if total() == before {
		changed = 0
	}
	value = map[string]any{"rows": float64(changed)}
	data, jsonErr := json.Marshal(value)
	if err = errors.Join(err, jsonErr); err == nil {
		err = j.mark(c, "exec", string(data))
	}
	return value, false, err
}

// noted reads this effect's note; no transaction of an earlier attempt is
// under way then, because it holds the lock that this one takes.
func (j *job) noted() (note, *effect.Error) {
	c, e := j.open(j.file, readWrite)
	if e != nil {
		return note{}, e
	}
	defer c.close()
	if _, err := c.ExecContext(j.Ctx, "BEGIN IMMEDIATE"); err != nil {
		return note{}, j.failed(j.file, "be asked", err)
	}
	n, err := j.look(c)
	_, _ = c.ExecContext(context.WithoutCancel(j.Ctx), "ROLLBACK")
	if err != nil {
		return note{}, j.failed(j.file, "be asked", err)
	}
	return n, nil
}

func (j *job) seeExec() (effect.Observed, map[string]any, *effect.Error) {
	n, e := j.noted()
	if e != nil || !n.there {
		return effect.NotApplied, nil, e
	}
	var value map[string]any
	if err := json.Unmarshal([]byte(n.result), &value); err != nil {
		return "", nil, effect.Errorf(effect.CodeFailed, "the note of the effect in %s cannot be read: %v", j.marks, err)
	}
	return effect.Applied, value, nil
}
