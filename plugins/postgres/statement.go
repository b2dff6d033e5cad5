package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
	"github.com/q-ecosystem/runbook/plugins/internal/plainjson"
)

// Types that reach scripts as more than text, by their OIDs, which never
// change.
const (
	boolOID    = 16
	int8OID    = 20
	int2OID    = 21
	int4OID    = 23
	oidOID     = 26
	jsonOID    = 114
	float4OID  = 700
	float8OID  = 701
	numericOID = 1700
	jsonbOID   = 3802
)

// value returns what a column holds as scripts see it; everything else is the
// text that psql prints.
func value(oid uint32, text string) any {
	switch oid {
	case boolOID:
		return text == "t"
	case int2OID, int4OID, int8OID, oidOID:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return shared.Integer(n)
		}
	case float4OID, float8OID, numericOID:
		n, err := strconv.ParseFloat(text, 64)
		if err == nil && n-n == 0 && (oid != numericOID || exact(text, n)) { // neither NaN nor infinite
			return n
		}
	case jsonOID, jsonbOID:
		if v, err := plainjson.Decode([]byte(text)); err == nil {
			return v
		}
	}
	return text
}

// exact reports whether a number says the same as a numeric's text.
func exact(text string, n float64) bool {
	const digits = 15 // that many a float64 always holds
	count := 0
	for _, r := range text {
		if r >= '0' && r <= '9' {
			count++
		}
	}
	return count <= digits || strconv.FormatFloat(n, 'f', -1, 64) == text
}

// control matches statements that would end or nest the transaction which the
// backend keeps.
var control = lazyregexp.New(`(?is)^(?:\s|--[^\n]*\n|/\*.*?\*/)*(begin|start|commit|end|abort|rollback|savepoint|release|prepare\s+transaction)\b`)

func (j *job) params() ([]column, *effect.Error) {
	list, _ := j.Args["params"].([]any)
	out := make([]column, len(list))
	for i, v := range list {
		text, there, err := shared.Text(v)
		if err != nil {
			return nil, effect.Errorf(effect.CodeInvalid, "params[%d]: %v", i+1, err)
		}
		if there {
			out[i] = &text
		}
	}
	return out, nil
}

// statement returns what a call wants to run.
func (j *job) statement() (string, []column, *effect.Error) {
	text := j.Text("sql")
	if control.MatchString(text) {
		return "", nil, effect.Errorf(effect.CodeRefused, "the statement controls transactions, which is not its to do; nothing was run").WithHint("each call is a transaction of its own")
	}
	params, e := j.params()
	return text, params, e
}

func (j *job) query() (map[string]any, *effect.Error) {
	statement, params, e := j.statement()
	if e != nil {
		return nil, e
	}
	c, done, e := j.reading()
	if e != nil {
		return nil, e
	}
	defer done()
	most, _ := j.Args["max_rows"].(float64)
	rows, more, err := j.rows(c, statement, params, int(most))
	if err != nil {
		return nil, j.failed(c, "the query", err)
	}
	return map[string]any{"rows": rows, "count": float64(len(rows)), "truncated": more}, nil
}

// reading connects to what query and validate look at: a copy, a node or the
// primary.
func (j *job) reading() (*conn, func(), *effect.Error) {
	if name := j.Text("copy"); name != "" {
		return j.onCopy(name)
	}
	var c *conn
	var e *effect.Error
	if name := j.Text("node"); name != "" {
		n, e := j.named(name)
		if e != nil {
			return nil, nil, e
		}
		if c, e = j.connect(n); e != nil {
			return nil, nil, e
		}
	} else if c, _, e = j.onPrimary(); e != nil {
		return nil, nil, e
	}
	return c, c.close, nil
}

// rows returns the first rows of a statement that only reads, and whether
// there are more.
func (j *job) rows(c *conn, statement string, params []column, most int) (list []any, more bool, err error) {
	if _, err := c.run(j.Ctx, "BEGIN READ ONLY", nil, nil); err != nil {
		return nil, false, err
	}
	list = []any{}
	_, err = c.run(j.Ctx, statement, params, func(r *pgconn.ResultReader) bool {
		if more = most > 0 && len(list) == most; more {
			// The rest would come all the same; a new connection costs less.
			stop, cancel := context.WithTimeout(context.WithoutCancel(j.Ctx), j.timeout)
			defer cancel()
			_ = c.CancelRequest(stop)
			return false
		}
		row := map[string]any{}
		for i, v := range r.Values() {
			if f := r.FieldDescriptions()[i]; v != nil { // a column without a value is left out
				row[f.Name] = value(f.DataTypeOID, string(v))
			}
		}
		list = append(list, row)
		return true
	})
	if more && state(err) == canceled {
		err = nil
	}
	if err != nil {
		return nil, false, err
	}
	_, _ = c.run(j.Ctx, "ROLLBACK", nil, nil)
	return list, more, nil
}

// note is what the table of effects says of one.
type note struct {
	there  bool
	result string
}

// within runs something in a transaction that begins with the note of this
// effect. did is called where there is none yet; the note then holds what it
// returns. Where there is one, within returns it.
func (j *job) within(c *conn, op string, did func() (map[string]any, error)) (map[string]any, *effect.Error) {
	for made := false; ; made = true {
		value, err := j.transaction(c, op, did)
		switch {
		case err == nil:
			return value, nil
		case state(err.cause) == undefinedTable && err.marking && !made:
			if e := j.makeTable(c); e != nil {
				return nil, e
			}
		case state(err.cause) == uniqueViolation && err.marking:
			n, lookErr := j.lookUp(c)
			if lookErr != nil {
				return nil, j.failed(c, "the note of the effect", lookErr)
			}
			return n.value()
		case err.committing:
			return nil, effect.Errorf(effect.CodeUnknown, "%s: whether the statement was committed is not known: %s", c.title, j.why(err.cause)).
				WithHint("a resume looks for the note of the effect in %s", j.marks)
		default:
			return nil, j.failed(c, "the statement", err.cause)
		}
	}
}

func (n *note) value() (map[string]any, *effect.Error) {
	var v map[string]any
	if err := json.Unmarshal([]byte(n.result), &v); err != nil {
		return nil, effect.Errorf(effect.CodeFailed, "the note of the effect cannot be read: %v", err)
	}
	return v, nil
}

// broken says at which point of a transaction an error came.
type broken struct {
	cause               error
	marking, committing bool
}

func (j *job) transaction(c *conn, op string, did func() (map[string]any, error)) (map[string]any, *broken) {
	abort := func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(j.Ctx), j.timeout)
		defer cancel()
		_, _ = c.run(ctx, "ROLLBACK", nil, nil)
	}
	if _, err := c.run(j.Ctx, "BEGIN", nil, nil); err != nil {
		return nil, &broken{cause: err}
	}
	if _, err := c.run(j.Ctx, "INSERT INTO "+j.marks+" (key, op) VALUES ($1, $2)", []column{&j.Key, &op}, nil); err != nil {
		abort()
		return nil, &broken{cause: err, marking: true}
	}
	value, err := did()
	if err == nil && c.TxStatus() != 'T' {
		err = errors.New("the statement ended its transaction")
	}
	var data []byte
	if err == nil {
		data, err = json.Marshal(value)
	}
	result := string(data)
	if err == nil {
		_, err = c.run(j.Ctx, "UPDATE "+j.marks+" SET result = $2 WHERE key = $1", []column{&j.Key, &result}, nil)
	}
	if err != nil {
		abort()
		return nil, &broken{cause: err}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(j.Ctx), max(j.timeout, 30*time.Second))
	defer cancel()
	tag, err := c.run(ctx, "COMMIT", nil, nil)
	if err == nil && tag.String() != "COMMIT" {
		return nil, &broken{cause: fmt.Errorf("the server answered %s to COMMIT", tag)}
	}
	// A server that reports a state has rolled back; where the connection
	// broke nobody knows.
	if err != nil {
		return nil, &broken{cause: err, committing: state(err) == "" || state(err)[:2] == "57" || state(err)[:2] == "08"}
	}
	return value, nil
}

// makeTable makes the table of effects, perhaps beside another that does.
func (j *job) makeTable(c *conn) *effect.Error {
	_, err := c.run(j.Ctx, "CREATE TABLE IF NOT EXISTS "+j.marks+" (key text PRIMARY KEY, op text NOT NULL, result text, at timestamptz NOT NULL DEFAULT now())", nil, nil)
	if code := state(err); err == nil || code == uniqueViolation || code == duplicateTable {
		return nil
	}
	e := j.failed(c, "making the table "+j.marks, err)
	return e.WithHint("create it yourself: CREATE TABLE %s (key text PRIMARY KEY, op text NOT NULL, result text, at timestamptz NOT NULL DEFAULT now())", j.marks)
}

func (j *job) lookUp(c *conn) (note, error) {
	r, err := c.row(j.Ctx, "SELECT result FROM "+j.marks+" WHERE key = $1", j.Key)
	if state(err) == undefinedTable {
		return note{}, nil
	}
	if err != nil || len(r) == 0 {
		return note{}, err
	}
	return note{there: true, result: is(r[0])}, nil
}

func (j *job) exec() (map[string]any, *effect.Error) {
	statement, params, e := j.statement()
	if e != nil {
		return nil, e
	}
	c, _, e := j.onPrimary()
	if e != nil {
		return nil, e
	}
	defer c.close()
	return j.within(c, "exec", func() (map[string]any, error) {
		tag, err := c.run(j.Ctx, statement, params, nil)
		rows := tag.RowsAffected()
		if tag.Select() {
			rows = 0
		}
		return map[string]any{"rows": float64(rows)}, err
	})
}

// patience is how long Observe waits for a transaction of an earlier attempt.
const patience = "10s"

// noted reads this effect's note once no transaction of an earlier attempt can
// write it any more: whoever tries to write the same key waits for that.
func (j *job) noted() (note, *effect.Error) {
	c, _, e := j.onPrimary()
	if e != nil {
		return note{}, e
	}
	defer c.close()
	_, err := c.run(j.Ctx, "BEGIN", nil, nil)
	if err == nil {
		_, err = c.run(j.Ctx, "SET LOCAL lock_timeout = '"+patience+"'", nil, nil)
	}
	if err == nil {
		op := "observe"
		_, err = c.run(j.Ctx, "INSERT INTO "+j.marks+" (key, op) VALUES ($1, $2)", []column{&j.Key, &op}, nil)
	}
	code := state(err)
	_, rollback := c.run(j.Ctx, "ROLLBACK", nil, nil)
	switch {
	case err == nil, code == undefinedTable:
		return note{}, nil
	case code == uniqueViolation && rollback == nil:
		n, err := j.lookUp(c)
		if err != nil {
			return note{}, j.failed(c, "the note of the effect", err)
		}
		return n, nil
	case code == lockTimeout:
		return note{}, effect.Errorf(effect.CodeUnknown, "%s still carries out the statement of an attempt that was ended: resume once that is over, or end it there (pg_stat_activity), and resume", c.title)
	}
	return note{}, j.failed(c, "the note of the effect", err)
}

func (j *job) seeExec() (effect.Observed, map[string]any, *effect.Error) {
	n, e := j.noted()
	if e != nil || !n.there {
		return effect.NotApplied, nil, e
	}
	v, e := n.value()
	return effect.Applied, v, e
}
