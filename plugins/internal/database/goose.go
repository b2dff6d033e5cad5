package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pressly/goose/v3"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
)

// GooseField declares the configuration of migrations that goose's library carries
// out, instead of a command of the team.
func GooseField() effect.Field {
	return effect.Field{Name: "goose", Type: effect.Object, Doc: "migrations in goose's form, carried out without a program; instead of migrate", Fields: []effect.Field{
		{Name: "dir", Type: effect.String, Required: true, Min: effect.Bound(1), Path: effect.IsPath, Doc: "where they are, unless a call says: 00001_orders.sql, …"},
		{Name: "table", Type: effect.String, Default: goose.DefaultTablename, Pattern: `^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?$`, Doc: "the table in which goose notes what is applied"}}}
}

// newGoose reads what GooseField declares.
func newGoose(config map[string]any) *Migration {
	m := &Migration{Table: goose.DefaultTablename}
	m.Dir, _ = config["dir"].(string)
	if table, _ := config["table"].(string); table != "" {
		m.Table = table
	}
	m.Versions = "SELECT version_id FROM " + m.Table + " WHERE is_applied AND version_id > 0"
	return m
}

// Source is a migration in a directory.
type Source struct {
	Version int64
	File    string // its name in the directory
	// Bare says that it runs outside of a transaction: one that died within it has
	// left what it did until then, and the version table does not know of it.
	Bare bool
}

// bare matches the line by which a migration asks for no transaction.
var bare = lazyregexp.New(`(?mi)^\s*--\s*\+goose\s+NO\s+TRANSACTION\b`)

// Sources lists the migrations of goose, oldest first; none where a command of the
// team knows them.
func (m *Migration) Sources(args map[string]any) ([]Source, *effect.Error) {
	if m.Table == "" {
		return nil, nil
	}
	dir := m.dir(args)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, effect.Errorf(effect.CodeNotFound, "the migrations cannot be read: %v; nothing changed", err).WithHint("check dir of the call, or goose.dir in the configuration")
	}
	list := []Source{}
	for _, entry := range entries {
		version, err := goose.NumericComponent(entry.Name())
		if err != nil || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		if filepath.Ext(entry.Name()) == ".go" {
			return nil, effect.Errorf(effect.CodeUnsupported, "%s is written in Go, which only a program of its own can carry out; nothing changed", filepath.Join(dir, entry.Name())).
				WithHint("let your program do it: migrate = { command, versions } instead of goose")
		}
		text, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return nil, effect.Errorf(effect.CodeNotFound, "a migration cannot be read: %v; nothing changed", err)
		}
		list = append(list, Source{version, entry.Name(), bare.Match(text)})
	}
	slices.SortFunc(list, func(a, b Source) int { return int(a.Version - b.Version) })
	return list, nil
}

// Waiting returns the migrations that a call would run, in order, and whether they
// are taken back.
func Waiting(args map[string]any, now []int64, sources []Source) (list []Source, down bool) {
	to, given := args["to"].(float64)
	if down = given && to < newest(now); down {
		for _, s := range slices.Backward(sources) {
			if float64(s.Version) > to && slices.Contains(now, s.Version) {
				list = append(list, s)
			}
		}
		return list, true
	}
	for _, s := range sources {
		if !slices.Contains(now, s.Version) && (!given || float64(s.Version) <= to) {
			list = append(list, s)
		}
	}
	return list, false
}

// Target is what the library works on.
type Target struct {
	Dialect string  // goose's name of it: "postgres", "sqlite3"
	DB      *sql.DB // of this call alone
	Options []goose.ProviderOption
	// Why says what an error of the server means, and whether the server has said
	// it: then what it was about has not happened.
	Why func(error) (text string, said bool)
}

// Goose carries the migrations out.
func (m *Migration) Goose(ctx context.Context, args map[string]any, line func(string), on Target) *effect.Error {
	sources, e := m.Sources(args)
	if e != nil {
		return e
	}
	to, given := args["to"].(float64)
	if e := reachable(to, given, sources); e != nil {
		return e
	}
	failed := func(err error) *effect.Error {
		if ctx.Err() != nil {
			return effect.Errorf(effect.CodeUnknown, "the migrations were ended before they were through: %v; how far they came is not known", context.Cause(ctx)).
				WithHint("look at the versions; give them longer by timeout")
		}
		return m.partly(err, sources, on)
	}
	p, err := goose.NewProvider(goose.Dialect(on.Dialect), on.DB, os.DirFS(m.dir(args)), append(on.Options,
		goose.WithTableName(m.Table), goose.WithDisableGlobalRegistry(true))...)
	if err != nil {
		return effect.Errorf(effect.CodeInvalid, "the migrations in %s cannot be carried out: %v; nothing changed", m.dir(args), err).WithHint("mend them, or dir")
	}
	at, err := p.GetDBVersion(ctx)
	if err != nil {
		return failed(err)
	}
	var done []*goose.MigrationResult
	switch {
	case given && to < float64(at):
		done, err = p.DownTo(ctx, int64(to))
	case given:
		done, err = p.UpTo(ctx, int64(to))
	default:
		done, err = p.Up(ctx)
	}
	if err != nil {
		return failed(err)
	}
	for _, r := range done {
		line(fmt.Sprintf("%s %s in %s", r.Direction, filepath.Base(r.Source.Path), effect.FormatDuration(r.Duration)))
	}
	return nil
}

// partly says what an error of the library has left.
func (m *Migration) partly(err error, sources []Source, on Target) *effect.Error {
	var partial *goose.PartialError
	if !errors.As(err, &partial) {
		why, _ := on.Why(err)
		return effect.Errorf(effect.CodeFailed, "the migrations did not begin: %s; nothing changed", why).
			WithHint("compare the directory with the table %s: what is numbered below the newest has to be applied before it", m.Table)
	}
	file := filepath.Base(partial.Failed.Source.Path)
	before := ""
	for _, r := range partial.Applied {
		before += " " + filepath.Base(r.Source.Path)
	}
	if before != "" {
		before = "; before it went well:" + before
	}
	why, said := on.Why(partial.Err)
	message := fmt.Sprintf("%s (%s): %s%s", file, partial.Failed.Direction, why, before)
	if !said {
		return effect.Errorf(effect.CodeUnknown, "%s; whether it was carried out is not known", message).WithHint("a resume asks the table %s: see that the database answers, and resume", m.Table)
	}
	at := slices.IndexFunc(sources, func(s Source) bool { return s.Version == partial.Failed.Source.Version })
	if at >= 0 && sources[at].Bare {
		return effect.Errorf(effect.CodeFailed, "%s; it runs outside of a transaction: what its statements did before stays, and %s does not have it", message, m.Table).
			WithHint("put right by hand what it left, mend it, and migrate again")
	}
	return effect.Errorf(effect.CodeFailed, "%s; nothing of it stays", message).WithHint("mend it, and migrate again: what went well before it stays")
}

// reachable refuses a version that no migration leads to.
func reachable(to float64, given bool, sources []Source) *effect.Error {
	if !given || to == 0 || slices.ContainsFunc(sources, func(s Source) bool { return float64(s.Version) == to }) {
		return nil
	}
	last := int64(0)
	if len(sources) > 0 {
		last = sources[len(sources)-1].Version
	}
	return effect.Errorf(effect.CodeNotFound, "there is no migration to version %d; the newest is %d; nothing changed", int64(to), last).WithHint("check to, and dir")
}
