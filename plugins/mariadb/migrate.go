package mariadb

import (
	"encoding/json"
	"net"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
)

// migrating is a migration of the live server.
type migrating struct{ *job }

// Versions implements shared.Migrator. Before the first migration the statement
// may find no table.
func (j *migrating) Versions() ([]int64, *effect.Error) {
	c, e := j.connect()
	if e != nil {
		return nil, e
	}
	defer c.close()
	rows, err := c.QueryContext(j.Ctx, j.migrate.Versions)
	if number(err) == noSuchTable {
		return nil, nil
	}
	if err != nil {
		return nil, j.failed(c, "the versions of the schema", err)
	}
	defer rows.Close()
	var list []int64
	for rows.Next() {
		var v int64
		if err := rows.Scan(&v); err != nil {
			return nil, effect.Errorf(effect.CodeInvalid, "migrate.versions returns what is no version: %v", err).WithHint("it returns one whole number a row; mend it in the configuration of mariadb")
		}
		list = append(list, v)
	}
	if err := rows.Err(); err != nil {
		return nil, j.failed(c, "the versions of the schema", err)
	}
	slices.Sort(list)
	return list, nil
}

// Begun implements shared.Migrator.
func (j *migrating) Begun() (*shared.Begun, *effect.Error) {
	n, e := j.noted()
	if e != nil || !n.there {
		return nil, e
	}
	b, e := shared.ReadBegun(n.result)
	if e != nil || b.Value != nil {
		return b, e
	}
	return b, j.settle(b)
}

// sessions lists those of our user that are younger than the note of the migration
// and do something: the command has the same user. Statements may hold secrets:
// their first words are shown.
const sessions = `SELECT ID, concat_ws(' ', substring_index(trim(INFO), ' ', 2), 'for', concat(TIME, 's')) FROM information_schema.PROCESSLIST
 WHERE ID <> connection_id() AND ID > ? AND USER = substring_index(user(), '@', 1) AND COMMAND NOT IN ('Sleep', 'Daemon', 'Binlog Dump')`

// settle waits for statements of an attempt that was killed.
func (j *migrating) settle(b *shared.Begun) *effect.Error {
	c, e := j.connect()
	if e != nil {
		return e
	}
	defer c.close()
	return j.Settle(c.title, j.timeout, func() (list []shared.Session, e *effect.Error) {
		rows, err := c.QueryContext(j.Ctx, sessions, b.Since)
		if err != nil {
			return nil, j.failed(c, "its sessions", err)
		}
		defer rows.Close()
		for rows.Next() {
			var s shared.Session
			if err := rows.Scan(&s.ID, &s.Does); err != nil {
				return nil, j.failed(c, "its sessions", err)
			}
			list = append(list, shared.Session{ID: "connection " + s.ID, Does: j.hide(s.Does)})
		}
		if err := rows.Err(); err != nil {
			return nil, j.failed(c, "its sessions", err)
		}
		return list, nil
	})
}

// Note implements shared.Migrator.
func (j *migrating) Note(b *shared.Begun) *effect.Error {
	c, e := j.connect()
	if e != nil {
		return e
	}
	defer c.close()
	if b.Since == 0 { // connections are numbered in their order
		if err := c.QueryRowContext(j.Ctx, "SELECT connection_id()").Scan(&b.Since); err != nil {
			return j.failed(c, "the number of the connection", err)
		}
	}
	data, err := json.Marshal(b)
	if err != nil {
		return effect.Errorf(effect.CodeInternal, "note the migration: %v", err)
	}
	for made := false; ; made = true {
		_, err := c.ExecContext(j.Ctx, "INSERT INTO "+j.marks+" (effect, op, result) VALUES (?, 'migrate', ?) ON DUPLICATE KEY UPDATE result = VALUES(result)", j.mark(), string(data))
		if number(err) == noSuchTable && !made {
			if e := j.makeTable(c); e != nil {
				return e
			}
			continue
		}
		if err != nil {
			return j.failed(c, "noting the migration", err)
		}
		return nil
	}
}

// RunMigrations implements shared.Migrator.
func (j *migrating) RunMigrations() *effect.Error {
	env := []string{"MYSQL_USER=" + j.user, "MYSQL_DATABASE=" + j.name, "MYSQL_PWD=" + j.password}
	if j.network == "unix" {
		env = append(env, "MYSQL_UNIX_PORT="+j.address)
	} else {
		host, port, _ := net.SplitHostPort(j.address)
		env = append(env, "MYSQL_HOST="+host, "MYSQL_TCP_PORT="+port)
	}
	e := j.migrate.Run(j.Ctx, j.Args, j.Key, func(line string) { j.Progress.Say("%s", line) }, env...)
	if e != nil {
		e.Message = j.hide(e.Message)
	}
	return e
}

func (j *job) runMigrations() (map[string]any, *effect.Error) {
	if j.migrate == nil {
		return nil, shared.Missing("mariadb")
	}
	return j.Migrate(j.migrate, &migrating{j})
}

// migrations is db.migrations.
func (j *job) migrations() (map[string]any, *effect.Error) {
	if j.migrate == nil {
		return nil, shared.Missing("mariadb")
	}
	return j.Migrations(j.migrate, &migrating{j})
}

func (j *job) seeMigration() (effect.Observed, map[string]any, *effect.Error) {
	if j.migrate == nil {
		return "", nil, shared.Missing("mariadb")
	}
	return j.SeeMigration(j.migrate, &migrating{j})
}
