package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
)

// States that PostgreSQL reports, as its manual lists them (appendix A).
const (
	undefinedTable  = "42P01"
	duplicateTable  = "42P07"
	uniqueViolation = "23505"
	noRights        = "42501"
	activeTx        = "25001"
	readOnlyTx      = "25006"
	lockTimeout     = "55P03"
	canceled        = "57014"
	startingUp      = "57P03"
)

// state returns the code that a server reported; "" if none did.
func state(err error) string {
	var p *pgconn.PgError
	if errors.As(err, &p) {
		return p.Code
	}
	return ""
}

// conn is a connection to a node, or to the server of a copy.
type conn struct {
	*pgconn.PgConn
	title string // for people
}

func (c *conn) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = c.PgConn.Close(ctx)
}

// dsn returns how a server is connected to; the password is not in it.
func (j *job) dsn(host, port string) string {
	quote := func(s string) string { return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'" }
	out := "host=" + quote(host) + " port=" + quote(port) + " user=" + quote(j.user) + " dbname=" + quote(or(j.name, j.user)) + " sslmode=" + j.tls
	if j.ca != "" {
		out += " sslrootcert=" + quote(j.ca)
	}
	return out
}

// connect connects to a node within the configured time. What is said over the
// connection ends with the call.
func (j *job) connect(n *node) (*conn, *effect.Error) {
	c, err := j.dial(j.dsn(n.host, n.port), j.password)
	if err != nil {
		return nil, j.unreached(n.title(), err)
	}
	return &conn{PgConn: c, title: n.title()}, nil
}

func (j *job) dial(dsn, password string) (*pgconn.PgConn, error) {
	config, err := pgconn.ParseConfig(dsn)
	if err != nil {
		return nil, errors.New("its address makes no sense") // the error may show more
	}
	if password != "" {
		config.Password = password
	}
	config.RuntimeParams = map[string]string{"application_name": "runbook", "client_encoding": "UTF8", "DateStyle": "ISO", "extra_float_digits": "1"}
	if until, bound := j.Ctx.Deadline(); bound { // the server ends what we no longer wait for
		config.RuntimeParams["statement_timeout"] = strconv.FormatInt(max(time.Until(until).Milliseconds(), 1), 10)
	}
	ctx, cancel := context.WithTimeout(j.Ctx, j.timeout)
	defer cancel()
	return pgconn.ConnectConfig(ctx, config)
}

// unreached returns the error for a server that did not let us in.
func (j *job) unreached(title string, err error) *effect.Error {
	if j.Ctx.Err() != nil {
		return j.Ended("connecting to " + title)
	}
	why := j.why(err)
	switch code := state(err); {
	case strings.HasPrefix(code, "28"):
		return effect.Errorf(effect.CodeRefused, "%s does not let the user %s in: %s", title, j.user, why).
			WithHint("check user and password in the configuration of %s, and the server's pg_hba.conf", j.backend)
	case code == "3D000":
		return effect.Errorf(effect.CodeNotFound, "%s has no database %s", title, or(j.name, j.user)).WithHint("check database in the configuration of %s", j.backend)
	case code == startingUp:
		return effect.Errorf(effect.CodeUnavailable, "%s is starting up, shutting down or recovering: %s", title, why).WithHint("wait until it takes connections; its log says what it does")
	case code == "53300":
		return effect.Errorf(effect.CodeUnavailable, "%s takes no more connections: %s", title, why).WithHint("end sessions that are not needed, or raise max_connections")
	}
	return effect.Errorf(effect.CodeUnavailable, "%s does not answer: %s", title, why).
		WithHint("check that the server runs, its address in the configuration of %s, listen_addresses, and the network between", j.backend)
}

// why tells the cause of an error of a connection or a statement, without
// what is said around it, and never a password.
func (j *job) why(err error) string {
	var p *pgconn.PgError
	if errors.As(err, &p) {
		text := p.Message
		if p.Detail != "" {
			text += ": " + p.Detail
		}
		return j.hide(fmt.Sprintf("%s (%s)", text, p.Code))
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return j.hide(op.Error())
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer within " + effect.FormatDuration(j.timeout)
	}
	text := err.Error()
	if i := strings.LastIndex(text, "\n"); i >= 0 {
		text = text[i+1:]
	}
	return j.hide(strings.TrimSpace(text))
}

func (j *job) hide(text string) string { return shared.Hide(text, j.password) }

// failed returns the error for a statement that a server did not carry out.
// It is for what is within a transaction that is not committed, and for reads:
// nothing changed.
func (j *job) failed(c *conn, what string, err error) *effect.Error {
	code, why := state(err), j.why(err)
	switch {
	case j.Ctx.Err() != nil || code == canceled:
		return j.Ended(c.title + ": " + what)
	case code == "":
		return effect.Errorf(effect.CodeUnavailable, "%s was asked for %s, and the connection broke: %s; nothing changed", c.title, what, why).
			WithHint("check that the server runs, and its log")
	case code == noRights:
		return effect.Errorf(effect.CodeRefused, "%s: the user %s may not do %s: %s; nothing changed", c.title, j.user, what, why).WithHint("grant it, or configure another user")
	case code == readOnlyTx:
		return effect.Errorf(effect.CodeRefused, "%s: %s only reads here: %s; nothing changed", c.title, what, why).WithHint("changes are made with db.exec, on the primary")
	case code == activeTx:
		return effect.Errorf(effect.CodeRefused, "%s: %s cannot be done within a transaction, which db.exec is: %s; nothing changed", c.title, what, why).
			WithHint("run it with psql by exec.run, and say there how it recovers")
	case code == lockTimeout:
		return effect.Errorf(effect.CodeUnavailable, "%s: %s waited too long for a lock: %s; nothing changed", c.title, what, why).WithHint("find who holds it in pg_stat_activity")
	case strings.HasPrefix(code, "57P"):
		return effect.Errorf(effect.CodeUnavailable, "%s was asked for %s and shut down: %s; nothing changed", c.title, what, why).WithHint("see the server's log")
	case strings.HasPrefix(code, "XX"):
		return effect.Errorf(effect.CodeUnhealthy, "%s: %s found damaged data: %s", c.title, what, why).WithHint("validate it; restore a backup beside it, validate that, and swap")
	}
	return effect.Errorf(effect.CodeFailed, "%s: %s: %s; nothing changed", c.title, what, why)
}

// column is one value in PostgreSQL's own text form; nil for NULL.
type column = *string

// run carries one statement out, with parameters in text form, and hands rows
// over. It returns how many rows were changed.
func (c *conn) run(ctx context.Context, text string, params []column, each func(r *pgconn.ResultReader) bool) (pgconn.CommandTag, error) {
	values := make([][]byte, len(params))
	for i, p := range params {
		if p != nil {
			values[i] = []byte(*p)
		}
	}
	r := c.ExecParams(ctx, text, values, nil, nil, nil)
	for r.NextRow() {
		if each != nil && !each(r) {
			break
		}
	}
	return r.Close()
}

// row returns the first row of a statement; nil if there is none.
func (c *conn) row(ctx context.Context, text string, params ...string) ([]column, error) {
	var out []column
	list := make([]column, len(params))
	for i := range params {
		list[i] = &params[i]
	}
	_, err := c.run(ctx, text, list, func(r *pgconn.ResultReader) bool {
		if out == nil {
			for _, v := range r.Values() {
				if v == nil {
					out = append(out, nil)
					continue
				}
				s := string(v)
				out = append(out, &s)
			}
		}
		return true
	})
	return out, err
}

func is(c column) string {
	if c == nil {
		return ""
	}
	return *c
}
