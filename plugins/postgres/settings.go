package postgres

import (
	"net"
	"path/filepath"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
)

// settings is the configuration of a Backend.
type settings struct {
	shared.Choice[database]
}

// database is one database of a cluster and what stands beside it.
type database struct {
	label          string // for people: "app"
	name           string // "" for that of the user
	user, password string
	tls, ca        string
	nodes          map[string]*node
	timeout        time.Duration
	backend        string  // which has it: "postgres"
	backups        backups // nil for none
	wal            archive // nil for none
	copies         shared.Copies
	bin, runAs     string
	options        map[string]string
	marks          string
	migrate        *shared.Migration
	serving        *shared.Serving
}

// node is one server of a cluster.
type node struct {
	name        string
	host, port  string
	data        string // its data directory on this machine; "" if it is elsewhere
	start, stop []string
}

// title says which node, for people: "node a (10.0.0.1:5432)".
func (n *node) title() string {
	return "node " + n.name + " (" + net.JoinHostPort(n.host, n.port) + ")"
}

var identifier = lazyregexp.New(`^[a-z_][a-z0-9_]{0,62}(\.[a-z_][a-z0-9_]{0,62})?$`)

func databaseFields() []effect.Field {
	path := func(name, doc string) effect.Field {
		return effect.Field{Name: name, Type: effect.String, Path: effect.IsPath, Doc: doc}
	}
	text := func(name, doc string) effect.Field { return effect.Field{Name: name, Type: effect.String, Doc: doc} }
	command := func(name, doc string) effect.Field {
		return effect.Field{Name: name, Type: effect.List, Elem: &effect.Field{Type: effect.String}, Doc: doc}
	}
	return []effect.Field{
		{Name: "nodes", Type: effect.Map, Doc: "its servers, by the names that runbooks use", Elem: &effect.Field{Type: effect.Object, Fields: []effect.Field{
			{Name: "address", Type: effect.String, Required: true, Min: effect.Bound(1), Doc: "host or host:port; or the directory of its socket, as /run/postgresql or /run/postgresql:5433"},
			path("data", "its data directory, if that is on the runner's machine; swap needs it"),
			command("start", `what starts it: ["systemctl", "start", "postgresql@15-main"]; pg_ctl if left out`),
			command("stop", "what stops it; pg_ctl if left out"),
		}}},
		text("database", "the name of the database; that of the user if left out"),
		text("user", "whom it knows us as; postgres if left out"),
		{Name: "password", Type: effect.String, Secret: true, Doc: "the password, if it wants one"},
		{Name: "tls", Type: effect.Enum, Enum: []string{"prefer", "disable", "require", "verify-ca", "verify-full"}, Default: "prefer", Doc: "as libpq's sslmode"},
		path("ca", "the certificates of the authorities that verify-ca and verify-full trust"),
		{Name: "timeout", Type: effect.Duration, Default: "5s", Min: effect.Bound(0.01), Doc: "how long connecting, and one answer about a server's state, may take"},
		path("backups", "the directory for base backups of this cluster; without it there are none"),
		path("wal", "the directory that archive_command copies WAL to; without it only the ends of backups can be restored"),
		path("copies", "the directory for restored copies; swap needs it on the file system of the data directory"),
		path("bin", "where PostgreSQL's programs are; the newest of /usr/lib/postgresql, or the PATH, if left out"),
		text("run_as", "the user that these run as where the runner is root, since they refuse root; postgres if left out"),
		{Name: "options", Type: effect.Map, Elem: &effect.Field{Type: effect.String}, Doc: `settings for the servers of copies: { shared_preload_libraries: "timescaledb" }`},
		{Name: "marks", Type: effect.String, Default: shared.Marks, Pattern: identifier.String(), Doc: "the table that exec and migrate note effects in; made when it is needed"},
		shared.MigrationField("the primary in PGHOST, PGPORT, PGUSER, PGDATABASE and PGPASSWORD"),
		shared.GooseField(),
	}
}

// newSettings reads the configuration of a backend; kept reads where one of them
// keeps backups.
func newSettings(backend string, config map[string]any, kept func(*database, map[string]any) *effect.Error) (*settings, error) {
	choice, err := shared.NewChoice(backend, "nodes", config, func(m map[string]any) (*database, *effect.Error) {
		db, e := newDatabase(m)
		if e != nil {
			return nil, e
		}
		db.backend = backend
		return db, kept(db, m)
	})
	return &settings{choice}, err
}

// directories reads where the backend postgres keeps backups and WAL.
func directories(db *database, config map[string]any) *effect.Error {
	dirs := map[string]string{}
	for _, name := range []string{"backups", "wal"} {
		if s := text(config, name); s != "" {
			abs, err := filepath.Abs(s)
			if err != nil {
				return effect.Errorf(effect.CodeInvalid, "%s: %v", name, err)
			}
			dirs[name] = abs
		}
	}
	if dir := dirs["backups"]; dir != "" {
		db.backups = baseBackups(dir)
	}
	if dir := dirs["wal"]; dir != "" {
		db.wal = walDirectory(dir)
		if e := carried("wal", dir); e != nil {
			return e
		}
	}
	return db.apart(dirs)
}

// carried refuses a path that restore_command cannot carry.
func carried(name, path string) *effect.Error {
	if strings.ContainsAny(path, `'%\`) {
		return effect.Errorf(effect.CodeInvalid, "%s: %q holds a sign that restore_command cannot carry", name, path).WithHint("choose a path without quotes, %% and backslashes")
	}
	return nil
}

func text(m map[string]any, name string) string {
	if hidden, ok := m[name].(effect.Secret); ok {
		return hidden.Reveal()
	}
	s, _ := m[name].(string)
	return s
}

func texts(m map[string]any, name string) []string {
	list, _ := m[name].([]any)
	var out []string
	for _, v := range list {
		s, _ := v.(string)
		out = append(out, s)
	}
	return out
}

// or returns the first text that is not empty.
func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func newDatabase(config map[string]any) (*database, *effect.Error) {
	invalid := func(format string, args ...any) *effect.Error {
		return effect.Errorf(effect.CodeInvalid, format, args...)
	}
	var failed error
	path := func(m map[string]any, name string) string {
		s := text(m, name)
		if s == "" {
			return ""
		}
		abs, err := filepath.Abs(s)
		if err != nil {
			failed = err
		}
		return abs
	}
	db := &database{name: text(config, "database"), user: or(text(config, "user"), "postgres"), password: text(config, "password"),
		tls: or(text(config, "tls"), "prefer"), ca: path(config, "ca"), nodes: map[string]*node{}, timeout: 5 * time.Second,
		copies: shared.Copies{Dir: path(config, "copies"), Data: "data"},
		bin:    path(config, "bin"), runAs: or(text(config, "run_as"), "postgres"), options: map[string]string{}, marks: or(text(config, "marks"), shared.Marks),
		serving: &shared.Serving{}}
	var e *effect.Error
	if db.migrate, e = shared.NewMigration(config); e != nil {
		return nil, e
	}
	db.label = or(db.name, db.user)
	if s, ok := config["timeout"].(float64); ok {
		db.timeout = effect.Seconds(s)
	}
	options, _ := config["options"].(map[string]any)
	for name := range options {
		db.options[name] = text(options, name)
	}
	nodes, _ := config["nodes"].(map[string]any)
	for name, v := range nodes {
		m, _ := v.(map[string]any)
		host, port, e := address(text(m, "address"))
		if e != nil {
			return nil, invalid("nodes.%s.address: %s", name, e.Message).WithHint("%s", e.Hint)
		}
		db.nodes[name] = &node{name: name, host: host, port: port, data: path(m, "data"), start: texts(m, "start"), stop: texts(m, "stop")}
	}
	switch {
	case failed != nil:
		return nil, invalid("%v", failed)
	case len(db.nodes) == 0:
		return nil, invalid("no node is named").WithHint("say where its servers are: nodes: { a: { address: 10.0.0.1 } }")
	case !identifier.MatchString(db.marks):
		return nil, invalid("marks: %q is no name of a table", db.marks).WithHint("letters, digits and _, with a schema and a dot before it if need be")
	}
	return db, db.apart(map[string]string{"copies": db.copies.Dir})
}

// apart refuses directories that lie within live data, or live data within
// them: nothing of ours may come over it.
func (db *database) apart(dirs map[string]string) *effect.Error {
	for what, dir := range dirs {
		for _, n := range db.nodes {
			if dir == "" || n.data == "" || !within(dir, n.data) && !(what == "copies" && within(n.data, dir)) {
				continue
			}
			return effect.Errorf(effect.CodeInvalid, "%s (%s) and the live data of %s (%s) lie in one another", what, dir, n.name, n.data).
				WithHint("keep them apart: what is ours never comes over live data")
		}
	}
	return nil
}

func within(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, "../")
}

// address takes host, host:port and the directory of a socket apart.
func address(s string) (host, port string, e *effect.Error) {
	if strings.Contains(s, "://") || strings.Contains(s, "@") {
		return "", "", effect.Errorf(effect.CodeInvalid, "it is no address of a server").WithHint("write host:port; the user and the password have keys of their own")
	}
	if strings.HasPrefix(s, "/") {
		dir, port, given := strings.Cut(s, ":")
		if !given {
			port = "5432"
		}
		return dir, port, nil
	}
	if host, port, err := net.SplitHostPort(s); err == nil {
		return host, port, nil
	}
	return strings.Trim(s, "[]"), "5432", nil
}
