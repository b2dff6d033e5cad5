package sqlite

import (
	"path/filepath"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
)

// settings is the configuration of a Backend.
type settings struct {
	shared.Choice[database]
}

// database is one file and what stands beside it.
type database struct {
	file    string // absolute
	backups string // "" for none
	copies  shared.Copies
	busy    time.Duration
	marks   string
	migrate *shared.Migration
}

// identifier is what the table of effects may be called, since names cannot be
// parameters.
var identifier = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_]{0,62}$`)

func databaseFields() []effect.Field {
	path := func(name, doc string) effect.Field {
		return effect.Field{Name: name, Type: effect.String, Path: effect.IsPath, Doc: doc}
	}
	return []effect.Field{
		path("file", "the database"),
		path("backups", "the directory for its backups, and for no others; without it there are none"),
		path("copies", "the directory for restored copies, on the same file system; the file's name and .copies if left out"),
		{Name: "timeout", Type: effect.Duration, Default: "5s", Min: effect.Bound(0.01), Doc: "how long to wait for locks of others"},
		{Name: "marks", Type: effect.String, Default: shared.Marks, Pattern: identifier.String(), Doc: "the table that exec and migrate note effects in; made when it is needed"},
		shared.MigrationField("RUNBOOK_FILE (the database)"),
		shared.GooseField(),
	}
}

func newSettings(config map[string]any) (*settings, error) {
	choice, err := shared.NewChoice("sqlite", "file", config, newDatabase)
	if err != nil {
		return nil, err
	}
	s := &settings{choice}
	taken := map[string]string{}
	for _, db := range s.All() {
		for _, dir := range []string{db.backups, db.copies.Dir} {
			if other, there := taken[dir]; there && dir != "" {
				return nil, effect.Errorf(effect.CodeInvalid, "configure sqlite: %s and %s both keep files in %s", other, db.file, dir).WithHint("give each a directory of its own")
			}
			taken[dir] = db.file
		}
	}
	return s, nil
}

func newDatabase(config map[string]any) (*database, *effect.Error) {
	var failed error
	path := func(name string) string {
		s, _ := config[name].(string)
		if s == "" {
			return ""
		}
		abs, err := filepath.Abs(s)
		if err != nil {
			failed = err
		}
		return abs
	}
	db := &database{file: path("file"), backups: path("backups"), copies: shared.Copies{Dir: path("copies"), Data: dataFile}, busy: 5 * time.Second, marks: shared.Marks}
	if failed != nil {
		return nil, effect.Errorf(effect.CodeInvalid, "%v", failed)
	}
	var e *effect.Error
	if db.migrate, e = shared.NewMigration(config); e != nil {
		return nil, e
	}
	if db.file == "" {
		return nil, effect.Errorf(effect.CodeInvalid, "no file is named").WithHint("say which database: file: /var/lib/app/app.db")
	}
	if db.copies.Dir == "" {
		db.copies.Dir = db.file + ".copies"
	}
	if s, ok := config["timeout"].(float64); ok {
		db.busy = effect.Seconds(s)
	}
	if s, ok := config["marks"].(string); ok {
		db.marks = s
	}
	if !identifier.MatchString(db.marks) {
		return nil, effect.Errorf(effect.CodeInvalid, "marks: %q is no name of a table", db.marks).WithHint("letters, digits and _")
	}
	return db, nil
}
