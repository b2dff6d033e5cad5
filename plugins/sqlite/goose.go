package sqlite

import (
	"database/sql"
	"errors"
	"net/url"
	"strconv"

	"github.com/mattn/go-sqlite3"
	"github.com/pressly/goose/v3"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
)

// goose carries migrations out by the library.
func (j *job) goose() *effect.Error {
	c, e := j.open(j.file, readWrite) // says what is wrong with the file, if something is
	if e != nil {
		return e
	}
	c.close()
	where := url.URL{Scheme: "file", Path: j.file}
	db, err := sql.Open("sqlite3", where.String()+"?"+string(readWrite)+"&_busy_timeout="+strconv.FormatInt(j.busy.Milliseconds(), 10))
	if err != nil {
		return j.failed(j.file, "be opened", err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	return j.database.migrate.Goose(j.Ctx, j.Args, func(line string) { j.Progress.Say("%s", line) }, shared.Target{
		Dialect: string(goose.DialectSQLite3), DB: db, Why: func(err error) (string, bool) {
			var s sqlite3.Error
			return err.Error(), errors.As(err, &s)
		}})
}

// migrations is db.migrations.
func (j *job) migrations() (map[string]any, *effect.Error) {
	if j.database.migrate == nil {
		return nil, shared.Missing("sqlite")
	}
	return j.Migrations(j.database.migrate, j)
}
