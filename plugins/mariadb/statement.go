package mariadb

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
	"github.com/q-ecosystem/runbook/plugins/internal/plainjson"
)

// comment matches one that ends where MariaDB ends it: what follows is carried
// out. Those with a ! are carried out themselves and are none.
const comment = `--\n|--[ \t\r\f][^\n]*\n|#[^\n]*\n|/\*\*+/|/\*(?:[^*!M]|\*+[^*/])(?:[^*]|\*+[^*/])*\*+/`

// before matches what may stand before the first word of a statement.
const before = `(?is)^(?:\s|` + comment + `|\()*`

var (
	// reads are statements that db.query carries out; others commit by themselves,
	// a transaction that only reads or not.
	reads = lazyregexp.New(before + `(select|with|show|explain|describe|desc|values)\b`)
	// writes are statements that belong to the transaction in which they are.
	writes = lazyregexp.New(before + `(insert|update|delete|replace|with|select|load\s+data)\b`)
	// intoFile matches more than what writes files: comments may stand within.
	intoFile = lazyregexp.New(`(?i)\b(outfile|dumpfile)\b`)
)

// params returns a statement's parameters as the driver takes them.
func (j *job) params() ([]any, *effect.Error) {
	list, _ := j.Args["params"].([]any)
	out := make([]any, len(list))
	for i, v := range list {
		if b, ok := v.(bool); ok {
			out[i] = b
			continue
		}
		text, there, err := shared.Text(v)
		if err != nil {
			return nil, effect.Errorf(effect.CodeInvalid, "params[%d]: %v", i+1, err)
		}
		if there {
			out[i] = text
		}
	}
	return out, nil
}

func (j *job) query() (map[string]any, *effect.Error) {
	if e := only(j.Text("sql")); e != nil {
		return nil, e
	}
	params, e := j.params()
	if e != nil {
		return nil, e
	}
	c, done, e := j.reading()
	if e != nil {
		return nil, e
	}
	defer done()
	most, _ := j.Args["max_rows"].(float64)
	rows, more, err := j.rows(c, j.Text("sql"), params, int(most))
	if err != nil {
		return nil, j.failed(c, "the query", err)
	}
	return map[string]any{"rows": rows, "count": float64(len(rows)), "truncated": more}, nil
}

func only(statement string) *effect.Error {
	if !reads.MatchString(statement) || intoFile.MatchString(statement) {
		return effect.Errorf(effect.CodeRefused, "the statement is none that only reads (select, with, show, explain, describe, values); nothing was run").WithHint("changes are made with db.exec")
	}
	return nil
}

// reading connects to what query and validate look at: a copy, or the server.
func (j *job) reading() (*conn, func(), *effect.Error) {
	if name := j.Text("copy"); name != "" {
		return j.onCopy(name)
	}
	at := j
	if name := j.Text("node"); name == "" {
		j.onPrimary()
	} else {
		n, e := j.named(name)
		if e != nil {
			return nil, nil, e
		}
		at = j.at(n)
	}
	c, e := at.connect()
	if e != nil {
		return nil, nil, e
	}
	return c, c.close, nil
}

// rows returns the first rows of a statement that only reads, and whether
// there are more. The connection serves no longer then: the rest would come
// all the same.
func (j *job) rows(c *conn, statement string, params []any, most int) (list []any, more bool, err error) {
	if _, err := c.ExecContext(j.Ctx, "START TRANSACTION READ ONLY"); err != nil {
		return nil, false, err
	}
	ctx, cancel := context.WithCancel(j.Ctx)
	defer cancel()
	rows, err := c.QueryContext(ctx, statement, params...)
	if err != nil {
		return nil, false, err
	}
	defer rows.Close()
	columns, err := rows.ColumnTypes()
	if err != nil {
		return nil, false, err
	}
	list = []any{}
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if most > 0 && len(list) == most {
			cancel()
			return list, true, nil
		}
		if err := rows.Scan(into...); err != nil {
			return nil, false, err
		}
		row := map[string]any{}
		for i, v := range values {
			if v != nil { // a column without a value is left out
				row[columns[i].Name()] = value(columns[i].DatabaseTypeName(), v)
			}
		}
		list = append(list, row)
	}
	if err := rows.Err(); err != nil {
		return nil, false, err
	}
	_ = rows.Close()
	_, err = c.ExecContext(j.Ctx, "ROLLBACK")
	return list, false, err
}

// value returns what a column holds as scripts see it. Bytes that are no text
// are shown as HEX() does.
func value(kind string, v any) any {
	switch v := v.(type) {
	case int64:
		return shared.Integer(v)
	case uint64:
		if v > 1<<53 {
			return strconv.FormatUint(v, 10)
		}
		return float64(v)
	case float32:
		n, _ := strconv.ParseFloat(strconv.FormatFloat(float64(v), 'g', -1, 32), 64)
		return n
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case []byte:
		text := string(v)
		switch {
		case strings.HasSuffix(kind, "INT") || kind == "YEAR":
			if n, err := strconv.ParseInt(text, 10, 64); err == nil {
				return shared.Integer(n)
			}
		case kind == "DECIMAL" || kind == "DOUBLE" || kind == "FLOAT":
			if n, err := strconv.ParseFloat(text, 64); err == nil && (kind != "DECIMAL" || exact(text, n)) {
				return n
			}
		case kind == "JSON":
			if out, err := plainjson.Decode(v); err == nil {
				return out
			}
		case !utf8.Valid(v) || kind == "BIT":
			return strings.ToUpper(hex.EncodeToString(v))
		}
		return text
	}
	return v
}

// exact reports whether a number says the same as a decimal's text.
func exact(text string, n float64) bool {
	const digits = 15 // that many a float64 always holds
	count := len(strings.Trim(strings.ReplaceAll(strings.TrimLeft(text, "-"), ".", ""), " "))
	return count <= digits || strconv.FormatFloat(n, 'f', -1, 64) == text
}

// transactional refuses a statement that names a table without transactions:
// what it does there would stay although the transaction is rolled back.
func (j *job) transactional(c *conn, statement string) *effect.Error {
	rows, err := c.QueryContext(j.Ctx, `SELECT t.TABLE_NAME, t.ENGINE FROM information_schema.TABLES t JOIN information_schema.ENGINES e ON e.ENGINE = t.ENGINE
 WHERE t.TABLE_TYPE = 'BASE TABLE' AND (e.TRANSACTIONS IS NULL OR e.TRANSACTIONS <> 'YES') AND t.TABLE_SCHEMA NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')`)
	if err != nil {
		return j.failed(c, "the engines of its tables", err)
	}
	defer rows.Close()
	for rows.Next() {
		var name, engine string
		if err := rows.Scan(&name, &engine); err != nil {
			return j.failed(c, "the engines of its tables", err)
		}
		if regexp.MustCompile(`(?i)(^|[^\w$])` + regexp.QuoteMeta(name) + `($|[^\w$])`).MatchString(statement) {
			return effect.Errorf(effect.CodeRefused, "the statement names %s, a table of the engine %s, which has no transactions; nothing was run", name, engine).
				WithHint("ALTER TABLE %s ENGINE = InnoDB; or run it with the client by exec.run, and say there how it recovers", name)
		}
	}
	if err := rows.Err(); err != nil {
		return j.failed(c, "the engines of its tables", err)
	}
	return nil
}

func (j *job) exec() (map[string]any, *effect.Error) {
	statement := j.Text("sql")
	if !writes.MatchString(statement) || intoFile.MatchString(statement) {
		return nil, effect.Errorf(effect.CodeRefused, "the statement is none of a transaction (insert, update, delete, replace, with, select, load data); nothing was run").
			WithHint("MariaDB commits others by themselves, so that nobody could tell whether they were carried out: run them with the client by exec.run, and say there how they recover")
	}
	params, e := j.params()
	if e != nil {
		return nil, e
	}
	c, e := j.connect()
	if e != nil {
		return nil, e
	}
	defer c.close()
	if e := j.transactional(c, statement); e != nil {
		return nil, e
	}
	return j.within(c, statement, params)
}

// within runs the statement in a transaction that begins with the note of this
// effect. Where there is a note already, it returns that.
func (j *job) within(c *conn, statement string, params []any) (map[string]any, *effect.Error) {
	for made := false; ; made = true {
		value, marking, committing, err := j.transaction(c, statement, params)
		switch {
		case err == nil:
			return value, nil
		case number(err) == noSuchTable && marking && !made:
			if e := j.makeTable(c); e != nil {
				return nil, e
			}
		case number(err) == duplicate && marking:
			n, lookErr := j.lookUp(c)
			if lookErr != nil {
				return nil, j.failed(c, "the note of the effect", lookErr)
			}
			return n.value()
		case committing:
			return nil, effect.Errorf(effect.CodeUnknown, "%s: whether the statement was committed is not known: %s", c.title, j.why(err)).
				WithHint("a resume looks for the note of the effect in %s", j.marks)
		default:
			return nil, j.failed(c, "the statement", err)
		}
	}
}

// errNoteGone refuses a statement after which nobody could tell that it was
// carried out.
var errNoteGone = errors.New("the statement took the note of its effect away")

// transaction says at which point an error came.
func (j *job) transaction(c *conn, statement string, params []any) (value map[string]any, marking, committing bool, err error) {
	calm, cancel := context.WithTimeout(context.WithoutCancel(j.Ctx), max(j.timeout, 30*time.Second))
	defer cancel()
	defer func() {
		if err != nil && !committing {
			_, _ = c.ExecContext(calm, "ROLLBACK")
		}
	}()
	if _, err = c.ExecContext(j.Ctx, "START TRANSACTION"); err != nil {
		return nil, false, false, err
	}
	if _, err = c.ExecContext(j.Ctx, "INSERT INTO "+j.marks+" (effect, op) VALUES (?, 'exec')", j.mark()); err != nil {
		return nil, true, false, err
	}
	rows, err := j.change(c, statement, params)
	if err != nil {
		return nil, false, false, err
	}
	value = map[string]any{"rows": float64(rows)}
	data, err := json.Marshal(value)
	if err != nil {
		return nil, false, false, err
	}
	done, err := c.ExecContext(j.Ctx, "UPDATE "+j.marks+" SET result = ? WHERE effect = ?", string(data), j.mark())
	if err != nil {
		return nil, false, false, err
	}
	if n, err := done.RowsAffected(); err != nil || n != 1 {
		return nil, false, false, errors.Join(errNoteGone, err)
	}
	if _, err = c.ExecContext(calm, "COMMIT"); err != nil {
		return nil, false, number(err) == 0 || number(err) == shuttingDown, err
	}
	return value, false, false, nil
}

// change runs the statement, to its last row if it returns some.
func (j *job) change(c *conn, statement string, params []any) (int64, error) {
	if reads.MatchString(statement) {
		rows, err := c.QueryContext(j.Ctx, statement, params...)
		if err != nil {
			return 0, err
		}
		for rows.Next() {
		}
		return 0, errors.Join(rows.Err(), rows.Close())
	}
	done, err := c.ExecContext(j.Ctx, statement, params...)
	if err != nil {
		return 0, err
	}
	return done.RowsAffected()
}

// mark is the effect's key, as the table holds it.
func (j *job) mark() string {
	const room = 255
	if len(j.Key) > room {
		return j.ID()
	}
	return j.Key
}

// note is what the table of effects says of one.
type note struct {
	there  bool
	result string
}

func (n note) value() (map[string]any, *effect.Error) {
	var v map[string]any
	if err := json.Unmarshal([]byte(n.result), &v); err != nil {
		return nil, effect.Errorf(effect.CodeFailed, "the note of the effect cannot be read: %v", err)
	}
	return v, nil
}

func (j *job) makeTable(c *conn) *effect.Error {
	const columns = " (effect varbinary(255) PRIMARY KEY, op varchar(20) NOT NULL, result longtext, at timestamp NOT NULL DEFAULT current_timestamp) ENGINE = InnoDB"
	if _, err := c.ExecContext(j.Ctx, "CREATE TABLE IF NOT EXISTS "+j.marks+columns); err != nil {
		return j.failed(c, "making the table "+j.marks, err).WithHint("create it yourself: CREATE TABLE %s%s", j.marks, columns)
	}
	return nil
}

func (j *job) lookUp(c *conn) (n note, err error) {
	var result sql.NullString
	err = c.QueryRowContext(j.Ctx, "SELECT result FROM "+j.marks+" WHERE effect = ?", j.mark()).Scan(&result)
	switch {
	case err == nil:
		return note{there: true, result: result.String}, nil
	case errors.Is(err, sql.ErrNoRows), number(err) == noSuchTable:
		return note{}, nil
	}
	return note{}, err
}

// patience is how long Observe waits for a transaction of an earlier attempt,
// in seconds.
const patience = "10"

// noted reads this effect's note once no transaction of an earlier attempt can
// write it any more: whoever tries to write the same key waits for that.
func (j *job) noted() (note, *effect.Error) {
	c, e := j.connect()
	if e != nil {
		return note{}, e
	}
	defer c.close()
	_, err := c.ExecContext(j.Ctx, "SET SESSION innodb_lock_wait_timeout = "+patience)
	if err == nil {
		_, err = c.ExecContext(j.Ctx, "START TRANSACTION")
	}
	if err == nil {
		_, err = c.ExecContext(j.Ctx, "INSERT INTO "+j.marks+" (effect, op) VALUES (?, 'observe')", j.mark())
	}
	_, rollback := c.ExecContext(context.WithoutCancel(j.Ctx), "ROLLBACK")
	switch {
	case err == nil && rollback == nil, number(err) == noSuchTable:
		return note{}, nil
	case number(err) == duplicate && rollback == nil:
		n, err := j.lookUp(c)
		if err != nil {
			return note{}, j.failed(c, "the note of the effect", err)
		}
		return n, nil
	case number(err) == lockWait:
		return note{}, effect.Errorf(effect.CodeUnknown, "%s still carries out the statement of an attempt that was ended: resume once that is over, or end it there (SHOW PROCESSLIST, KILL), and resume", c.title)
	}
	return note{}, j.failed(c, "the note of the effect", errors.Join(err, rollback))
}

func (j *job) seeExec() (effect.Observed, map[string]any, *effect.Error) {
	n, e := j.noted()
	if e != nil || !n.there {
		return effect.NotApplied, nil, e
	}
	v, e := n.value()
	return effect.Applied, v, e
}
