package mariadb

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
)

// Errors that MariaDB reports, as its manual lists them.
// https://mariadb.com/kb/en/mariadb-error-codes/
const (
	tooManyConnections = 1040
	accessDenied       = 1045
	unknownDatabase    = 1049
	shuttingDown       = 1053
	duplicate          = 1062
	noSuchTable        = 1146
	unknownVariable    = 1193
	lockWait           = 1205
	deadlock           = 1213
	readOnlyServer     = 1290
	readOnlyTx         = 1792
	statementTime      = 1969
)

// number returns the code that a server reported; 0 if none did.
func number(err error) uint16 {
	var m *mysql.MySQLError
	if errors.As(err, &m) {
		return m.Number
	}
	return 0
}

// conn is the only connection of a handle of its own.
type conn struct {
	*sql.Conn
	db    *sql.DB
	title string // for people
}

func (c *conn) close() {
	_ = c.Conn.Close()
	_ = c.db.Close()
}

// connect connects to the live server. What it does ends with the call.
func (j *job) connect() (*conn, *effect.Error) {
	if j.absent != nil {
		return nil, j.absent
	}
	config := mysql.NewConfig()
	config.Net, config.Addr, config.User, config.Passwd, config.DBName = j.network, j.address, j.user, j.password, j.name
	if j.tls != "disable" {
		config.TLS = &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: j.tls == "require"} // encrypted, as was asked for, without a proof of who answers
		if j.tls == "verify-full" {
			config.TLS.ServerName, _, _ = net.SplitHostPort(j.address)
			if j.ca != "" {
				pem, err := os.ReadFile(j.ca)
				config.TLS.RootCAs = x509.NewCertPool()
				if err != nil || !config.TLS.RootCAs.AppendCertsFromPEM(pem) {
					return nil, effect.Errorf(effect.CodeInvalid, "ca: %s holds no certificates (%v)", j.ca, err).WithHint("check ca in the configuration of mariadb")
				}
			}
		}
	}
	c, err := j.dial(config)
	if err != nil {
		return nil, j.unreached(err)
	}
	c.title = j.title()
	return c, nil
}

func (j *job) dial(config *mysql.Config) (*conn, error) {
	config.Timeout, config.Logger = j.timeout, &mysql.NopLogger{}
	config.Params = map[string]string{"sql_mode": "concat(@@sql_mode, ',STRICT_TRANS_TABLES')"}
	if until, bound := j.Ctx.Deadline(); bound { // the server ends what we no longer wait for
		config.Params["max_statement_time"] = fmt.Sprintf("%.3f", max(time.Until(until).Seconds(), 0.001))
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, errors.New("its address makes no sense")
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	ctx, cancel := context.WithTimeout(j.Ctx, j.timeout)
	defer cancel()
	one, err := db.Conn(ctx)
	if err != nil {
		_ = db.Close()
		return nil, err
	}
	return &conn{Conn: one, db: db}, nil
}

// unreached returns the error for a server that did not let us in.
func (j *job) unreached(err error) *effect.Error {
	if j.Ctx.Err() != nil {
		return j.Ended("connecting to " + j.title())
	}
	why := j.why(err)
	switch number(err) {
	case accessDenied, 1044, 1698:
		return effect.Errorf(effect.CodeRefused, "%s does not let the user %s in: %s", j.title(), j.user, why).WithHint("check user and password in the configuration of mariadb, and the accounts of the server")
	case unknownDatabase:
		return effect.Errorf(effect.CodeNotFound, "%s has no database %s", j.title(), j.name).WithHint("check database in the configuration of mariadb")
	case unknownVariable: // of those that a connection begins with
		return effect.Errorf(effect.CodeUnsupported, "%s is no MariaDB, or one before 10.1: %s", j.title(), why).
			WithHint("the backend mariadb carries out what MariaDB has; for MySQL run its own tools by exec")
	case tooManyConnections:
		return effect.Errorf(effect.CodeUnavailable, "%s takes no more connections: %s", j.title(), why).WithHint("end sessions that are not needed, or raise max_connections")
	}
	return effect.Errorf(effect.CodeUnavailable, "%s does not answer: %s", j.title(), why).
		WithHint("check that the server runs, its address in the configuration of mariadb, bind-address, and the network between")
}

// why tells the cause of an error, and never a password.
func (j *job) why(err error) string {
	var op *net.OpError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer within " + effect.FormatDuration(j.timeout)
	case errors.As(err, &op):
		return j.hide(op.Error())
	case errors.Is(err, mysql.ErrInvalidConn):
		return "the connection broke"
	}
	return j.hide(err.Error())
}

func (j *job) hide(text string) string { return shared.Hide(text, j.password) }

var rights = []uint16{1044, 1142, 1143, 1227, 1370}

// damage is reported of tables and indexes.
var damage = []uint16{126, 127, 134, 145, 1034, 1035, 1194, 1195, 1712, 1932}

// failed returns the error for a statement that a server did not carry out.
// It is for what is within a transaction that is not committed, and for reads:
// nothing changed.
func (j *job) failed(c *conn, what string, err error) *effect.Error {
	code, why := number(err), j.why(err)
	switch {
	case j.Ctx.Err() != nil || code == statementTime:
		return j.Ended(c.title + ": " + what)
	case errors.Is(err, errNoteGone):
		return effect.Errorf(effect.CodeFailed, "%s: %s; nothing changed", c.title, why).WithHint("leave the table %s alone", j.marks)
	case code == 0:
		return effect.Errorf(effect.CodeUnavailable, "%s was asked for %s, and the connection broke: %s; nothing changed", c.title, what, why).WithHint("check that the server runs, and its log")
	case slices.Contains(rights, code):
		return effect.Errorf(effect.CodeRefused, "%s: the user %s may not do %s: %s; nothing changed", c.title, j.user, what, why).WithHint("grant it, or configure another user")
	case code == readOnlyTx:
		return effect.Errorf(effect.CodeRefused, "%s: %s only reads here: %s; nothing changed", c.title, what, why).WithHint("changes are made with db.exec")
	case code == readOnlyServer:
		return effect.Errorf(effect.CodeRefused, "%s takes no writes: %s; nothing changed", c.title, why).WithHint("configure the address of the primary")
	case code == lockWait, code == deadlock:
		return effect.Errorf(effect.CodeUnavailable, "%s: %s waited for a lock: %s; nothing changed", c.title, what, why).WithHint("find who holds it: SHOW ENGINE INNODB STATUS")
	case code == shuttingDown:
		return effect.Errorf(effect.CodeUnavailable, "%s was asked for %s and shut down: %s; nothing changed", c.title, what, why).WithHint("see the server's log")
	case slices.Contains(damage, code):
		return effect.Errorf(effect.CodeUnhealthy, "%s: %s found damaged data: %s", c.title, what, why).WithHint("validate it; restore a backup beside it and validate that")
	}
	return effect.Errorf(effect.CodeFailed, "%s: %s: %s; nothing changed", c.title, what, why)
}
