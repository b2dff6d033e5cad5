package database

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Migration is how a team changes a schema.
type Migration struct {
	Command  []string
	Versions string // a statement that returns the applied versions, one a row
	Dir      string
	Table    string // of goose, whose library carries them out; "" for the command
}

// MigrationField declares the configuration of a Migration.
func MigrationField(what string) effect.Field {
	return effect.Field{Name: "migrate", Type: effect.Object, Doc: "the team's own migrations; without it there is no db.migrate", Fields: []effect.Field{
		{Name: "command", Type: effect.List, Required: true, Min: effect.Bound(1), Elem: &effect.Field{Type: effect.String, Path: effect.MayBePath},
			Doc: "the program and its arguments; it finds " + what + ", RUNBOOK_TO (the version to end at, empty for the newest), RUNBOOK_DIR and RUNBOOK_KEY in its environment"},
		{Name: "versions", Type: effect.String, Required: true, Min: effect.Bound(1),
			Doc: `a statement that returns the applied versions, one a row: "SELECT version_id FROM goose_db_version WHERE is_applied"`},
		{Name: "dir", Type: effect.String, Path: effect.IsPath, Doc: "where the migrations are, unless a call says"}}}
}

// NewMigration reads what MigrationField and GooseField declare; nil if there is
// nothing.
func NewMigration(config map[string]any) (*Migration, *effect.Error) {
	m, ok := config["migrate"].(map[string]any)
	library, also := config["goose"].(map[string]any)
	switch {
	case ok && also:
		return nil, effect.Errorf(effect.CodeInvalid, "migrate and goose are both given").WithHint("leave out one: migrations are carried out by the command or by goose's library")
	case also:
		return newGoose(library), nil
	case !ok:
		return nil, nil
	}
	out := &Migration{}
	out.Versions, _ = m["versions"].(string)
	out.Dir, _ = m["dir"].(string)
	list, _ := m["command"].([]any)
	for _, a := range list {
		s, _ := a.(string)
		out.Command = append(out.Command, s)
	}
	return out, nil
}

// Missing is the error where there is no Migration.
func Missing(backend string) *effect.Error {
	return effect.Errorf(effect.CodeUnsupported, "the configuration of %s names no migrations", backend).
		WithHint("give it the command of your migrations and the statement that lists versions: migrate = { command, versions }; or, where it has that, goose = { dir }")
}

// dir returns where the migrations of a call are.
func (m *Migration) dir(args map[string]any) string {
	if s, _ := args["dir"].(string); s != "" {
		return s
	}
	return m.Dir
}

// Run runs the command; env tells it where the database is.
func (m *Migration) Run(ctx context.Context, args map[string]any, key string, line func(string), env ...string) *effect.Error {
	to := ""
	if n, given := args["to"].(float64); given {
		to = strconv.FormatInt(int64(n), 10)
	}
	c := Command{Argv: m.Command, Env: Environment(append(env, "RUNBOOK_TO="+to, "RUNBOOK_DIR="+m.dir(args), "RUNBOOK_KEY="+key)...), Line: line}
	said, err := c.Run(ctx)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return effect.Errorf(effect.CodeUnknown, "%s was ended before it was through (%v); whether it changed the schema is not known", m.Command[0], err).
			WithHint("look at the versions; give it longer by timeout")
	case !Started(err):
		return effect.Errorf(effect.CodeUnavailable, "%s was not run: %v; nothing changed", m.Command[0], err).WithHint("check migrate.command in the configuration")
	case !Ended(err): // killed, as where memory runs out, or survived by what it started
		return effect.Errorf(effect.CodeUnknown, "%s did not come to its end (%v)%s; whether it changed the schema is not known", m.Command[0], err, after(said)).
			WithHint("look at the versions, and whether the database still carries out a statement of it; the kernel's log tells what ran out of memory")
	}
	return effect.Errorf(effect.CodeFailed, "%s: %v: %s", strings.Join(m.Command, " "), err, said).
		WithHint("what it applied before that stays; read what it said, mend the migration, and run it again")
}

func after(said string) string {
	if said == "" {
		return ""
	}
	return ": " + said
}

// Value returns what db.migrate returns: what was applied before, and what is
// now.
func Value(before, now []int64) map[string]any {
	applied := []any{}
	for _, v := range now {
		if !slices.Contains(before, v) {
			applied = append(applied, fmt.Sprint(v))
		}
	}
	for _, v := range slices.Backward(before) {
		if !slices.Contains(now, v) {
			applied = append(applied, fmt.Sprintf("%d down", v))
		}
	}
	return map[string]any{"from": newest(before), "to": newest(now), "applied": applied}
}

// Reached returns an error where a schema did not come to the version that a
// call asked for.
func Reached(args map[string]any, now []int64) *effect.Error {
	to, given := args["to"].(float64)
	if !given || newest(now) == to {
		return nil
	}
	return effect.Errorf(effect.CodeFailed, "the migrations ended well and the schema is at version %v, not at %v", newest(now), to).
		WithHint("check that the command goes by RUNBOOK_TO, and that there is a migration to that version")
}

func newest(versions []int64) float64 {
	if len(versions) == 0 {
		return 0
	}
	return float64(slices.Max(versions))
}

// Begun is what a table notes of a migration: the versions before, and the
// value once it is through.
type Begun struct {
	Before []int64        `json:"before"`
	Since  int64          `json:"since,omitempty"` // what tells sessions of the migration from older ones, where the server has that
	Value  map[string]any `json:"value,omitempty"`
}

// Outcome says how far a migration came that was begun, from what is applied
// now. sources are what goose's library knows; nil where a command does it. The
// error says why nobody can tell.
func (b *Begun) Outcome(args map[string]any, now []int64, sources []Source) (effect.Observed, map[string]any, *effect.Error) {
	to, given := args["to"].(float64)
	switch {
	case b.Value != nil:
		return effect.Applied, b.Value, nil
	case sources != nil:
		return b.cameTo(args, now, sources)
	case given && newest(now) == to:
		return effect.Applied, Value(b.Before, now), nil
	case slices.Equal(b.Before, now):
		return effect.NotApplied, nil, nil
	}
	return effect.Uncertain, nil, nil
}

// cameTo is Outcome where the library writes its table in the transaction of each
// migration: what stands there is all that has happened, unless the next one has no
// transaction.
func (b *Begun) cameTo(args map[string]any, now []int64, sources []Source) (effect.Observed, map[string]any, *effect.Error) {
	waiting, _ := Waiting(args, now, sources)
	switch {
	case len(waiting) == 0:
		return effect.Applied, Value(b.Before, now), nil
	case waiting[0].Bare:
		return effect.Uncertain, nil, effect.Errorf(effect.CodeUnknown, "%s is next and runs outside of a transaction: whether some of it was carried out is not in the table of versions", waiting[0].File).
			WithHint("look at what it changes: put right what it left, then say whether the migration is through, or that it may run again")
	}
	return effect.NotApplied, nil, nil
}

// Migrator is what a backend does for db.migrate: it keeps a note of the effect
// in the database, and knows which versions are applied. It keeps no connection
// meanwhile: the command may take long, and idle ones are ended on the way.
type Migrator interface {
	// Begun reads the note, once the server carries out nothing more of an
	// attempt that was killed; nil if there is none.
	Begun() (*Begun, *effect.Error)
	Note(*Begun) *effect.Error
	// Versions returns what is applied, oldest first.
	Versions() ([]int64, *effect.Error)
	// RunMigrations runs the team's command.
	RunMigrations() *effect.Error
}

// Migrate carries db.migrate out, or goes on where an attempt ended.
func (c *Call) Migrate(of *Migration, m Migrator) (map[string]any, *effect.Error) {
	b, e := m.Begun()
	if e != nil {
		return nil, e
	}
	if b != nil && b.Value != nil {
		return b.Value, nil
	}
	now, e := m.Versions()
	if e != nil {
		return nil, e
	}
	sources, e := of.Sources(c.Args)
	if e != nil {
		return nil, e
	}
	if b == nil {
		b = &Begun{Before: now}
		if e := m.Note(b); e != nil {
			return nil, e
		}
	} else if state, value, _ := b.Outcome(c.Args, now, sources); state == effect.Applied {
		return value, nil
	}
	if e := m.RunMigrations(); e != nil {
		return nil, e
	}
	if now, e = m.Versions(); e != nil { // what the error says of changes is only true of the question
		return nil, effect.Errorf(effect.CodeUnknown, "the migrations ended well, and the versions of the schema cannot be read: %s", strings.ReplaceAll(e.Message, "; nothing changed", "")).
			WithHint("a resume looks at them: see that the database answers, and resume")
	}
	if e := Reached(c.Args, now); e != nil {
		return nil, e
	}
	b.Value = Value(b.Before, now)
	if e := m.Note(b); e != nil {
		return nil, effect.Errorf(effect.CodeUnknown, "the migrations ended well, and noting that failed: %s", strings.ReplaceAll(e.Message, "; nothing changed", "")).
			WithHint("a resume looks at the versions of the schema: see that the database answers, and resume")
	}
	return b.Value, nil
}

// SeeMigration says how far a migration came.
func (c *Call) SeeMigration(of *Migration, m Migrator) (effect.Observed, map[string]any, *effect.Error) {
	b, e := m.Begun()
	if e != nil || b == nil {
		return effect.NotApplied, nil, e
	}
	now, e := m.Versions()
	if e != nil {
		return "", nil, e
	}
	sources, e := of.Sources(c.Args)
	if e != nil {
		return "", nil, e
	}
	return b.Outcome(c.Args, now, sources)
}

// Migrations is db.migrations: what is applied, and, where that is known, what waits.
func (c *Call) Migrations(of *Migration, m Migrator) (map[string]any, *effect.Error) {
	now, e := m.Versions()
	if e != nil {
		return nil, e
	}
	sources, e := of.Sources(c.Args)
	if e != nil {
		return nil, e
	}
	applied := []any{}
	for _, v := range now {
		applied = append(applied, float64(v))
	}
	out := map[string]any{"version": newest(now), "applied": applied}
	if sources == nil {
		return out, nil
	}
	pending := []any{}
	waiting, _ := Waiting(nil, now, sources)
	for _, s := range waiting {
		pending = append(pending, map[string]any{"version": float64(s.Version), "name": s.File})
	}
	out["pending"] = pending
	return out, nil
}

// ReadBegun reads a note of a migration.
func ReadBegun(note string) (*Begun, *effect.Error) {
	b := &Begun{}
	if err := json.Unmarshal([]byte(note), b); err != nil {
		return nil, effect.Errorf(effect.CodeFailed, "the note of the effect cannot be read: %v", err)
	}
	return b, nil
}
