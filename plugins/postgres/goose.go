package postgres

import (
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
)

// lockPause is how often it is tried to take the lock of goose, which keeps two
// that migrate apart; for as long as the call has time.
const lockPause = 1 // in seconds

// goose carries migrations out by the library, over a connection of its own, which
// has the name by which a later attempt finds what the server still does.
func (j *migrating) goose() *effect.Error {
	config, err := pgx.ParseConfig(j.dsn(j.n.host, j.n.port))
	if err != nil {
		return effect.Errorf(effect.CodeInvalid, "the address of %s makes no sense", j.n.title()) // the error may show more
	}
	if j.password != "" {
		config.Password = j.password
	}
	config.ConnectTimeout = j.timeout
	config.RuntimeParams = map[string]string{"application_name": j.title()}
	patience := uint64(1)
	if until, bound := j.Ctx.Deadline(); bound { // the server ends what we no longer wait for
		left := max(time.Until(until), time.Second)
		config.RuntimeParams["statement_timeout"] = strconv.FormatInt(left.Milliseconds(), 10)
		patience = uint64(left / (lockPause * time.Second))
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(lockPause, max(patience, 1)))
	if err != nil {
		return effect.Errorf(effect.CodeInternal, "the lock of goose: %v", err)
	}
	db := stdlib.OpenDB(*config)
	defer db.Close()
	return j.migrate.Goose(j.Ctx, j.Args, func(line string) { j.Progress.Say("%s", line) }, shared.Target{
		Dialect: string(goose.DialectPostgres), DB: db, Options: []goose.ProviderOption{goose.WithSessionLocker(locker)},
		Why: func(err error) (string, bool) {
			code := state(err)
			return j.why(err), code != "" && code[:2] != "57" && code[:2] != "08" // it ends connections with a code, too
		}})
}

// migrations is db.migrations.
func (j *job) migrations() (map[string]any, *effect.Error) {
	m, e := j.onMigration()
	if e != nil {
		return nil, e
	}
	return j.Migrations(j.migrate, m)
}
