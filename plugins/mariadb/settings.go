package mariadb

import (
	"maps"
	"net"
	"path/filepath"
	"slices"
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

// database is one database of a server and what stands beside it.
type database struct {
	network, address string           // "tcp" or "unix"; of several nodes, that of the primary
	nodes            map[string]*node // empty if there is one server
	user, password   string
	name             string // "" for none
	tls, ca          string
	timeout          time.Duration
	backups, binlogs string // "" for none
	data             string // of the live server; "" if it is elsewhere
	copies           shared.Copies
	bin, runAs       string
	options          map[string]string
	marks            string
	migrate          *shared.Migration
	serving          *shared.Serving
}

// title says which server, for people.
func (db *database) title() string { return "the server at " + db.address }

var identifier = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_]{0,62}(\.[A-Za-z_][A-Za-z0-9_]{0,62})?$`)

func databaseFields() []effect.Field {
	path := func(name, doc string) effect.Field {
		return effect.Field{Name: name, Type: effect.String, Path: effect.IsPath, Doc: doc}
	}
	text := func(name, doc string) effect.Field { return effect.Field{Name: name, Type: effect.String, Doc: doc} }
	return []effect.Field{
		text("address", "host or host:port; or its socket, as /run/mysqld/mysqld.sock"),
		{Name: "nodes", Type: effect.Map, Doc: "its servers where there are replicas, by the names that runbooks use, instead of address",
			Elem: &effect.Field{Type: effect.Object, Fields: []effect.Field{
				{Name: "address", Type: effect.String, Required: true, Doc: "as above"},
				path("binlogs", "the directory of its binary log, if that is on the runner's machine: so promote can tell what was lost with a server that does not answer")}}},
		text("database", "the name of the database that statements are about, and that holds the table of effects"),
		text("user", "whom it knows us as; root if left out"),
		{Name: "password", Type: effect.String, Secret: true, Doc: "the password, if it wants one"},
		{Name: "tls", Type: effect.Enum, Enum: []string{"disable", "require", "verify-full"}, Default: "disable", Doc: "whether the connection is encrypted, and the server's certificate verified"},
		path("ca", "the certificates of the authorities that verify-full trusts; the system's if left out"),
		{Name: "timeout", Type: effect.Duration, Default: "5s", Min: effect.Bound(0.01), Doc: "how long connecting may take"},
		path("backups", "the directory for dumps of this server, and for no others; without it there are none"),
		path("binlogs", "the directory of its binary log, or where mariadb-binlog --raw copies that to; without it only what backups hold can be restored"),
		path("data", "its data directory, if that is on the runner's machine: nothing is restored there"),
		path("copies", "the directory for restored copies"),
		path("bin", "where MariaDB's programs are; the PATH and /usr/sbin if left out"),
		text("run_as", "the user that the servers of copies run as where the runner is root; mysql if left out"),
		{Name: "options", Type: effect.Map, Elem: &effect.Field{Type: effect.String}, Doc: `settings for the servers of copies: { lower_case_table_names: "1" }`},
		{Name: "marks", Type: effect.String, Default: shared.Marks, Pattern: identifier.String(), Doc: "the table that exec and migrate note effects in; made when it is needed"},
		shared.MigrationField("the server in MYSQL_UNIX_PORT, or MYSQL_HOST and MYSQL_TCP_PORT, and MYSQL_USER, MYSQL_DATABASE and MYSQL_PWD"),
	}
}

func text(m map[string]any, name, preset string) string {
	if hidden, ok := m[name].(effect.Secret); ok {
		return hidden.Reveal()
	}
	if s, _ := m[name].(string); s != "" {
		return s
	}
	return preset
}

func newDatabase(config map[string]any) (*database, *effect.Error) {
	invalid := func(format string, args ...any) *effect.Error {
		return effect.Errorf(effect.CodeInvalid, format, args...)
	}
	var failed error
	path := func(name string) string {
		s := text(config, name, "")
		if s == "" {
			return ""
		}
		abs, err := filepath.Abs(s)
		if err != nil {
			failed = err
		}
		return abs
	}
	db := &database{nodes: map[string]*node{}, user: text(config, "user", "root"), password: text(config, "password", ""), name: text(config, "database", ""),
		tls: text(config, "tls", "disable"), ca: path("ca"), timeout: 5 * time.Second, backups: path("backups"), binlogs: path("binlogs"), data: path("data"),
		copies: shared.Copies{Dir: path("copies"), Data: "data"}, bin: path("bin"), runAs: text(config, "run_as", "mysql"), options: map[string]string{},
		marks: text(config, "marks", shared.Marks), serving: &shared.Serving{}}
	if s, ok := config["timeout"].(float64); ok {
		db.timeout = effect.Seconds(s)
	}
	options, _ := config["options"].(map[string]any)
	for name := range options {
		db.options[name] = text(options, name, "")
	}
	var e *effect.Error
	if db.migrate, e = shared.NewMigration(config); e != nil {
		return nil, e
	}
	switch {
	case failed != nil:
		return nil, invalid("%v", failed)
	}
	address, several := text(config, "address", ""), config["nodes"] != nil
	switch {
	case address == "" && !several:
		return nil, invalid("no server is named").WithHint("say where it is: address: 10.0.0.1")
	case address != "" && several:
		return nil, invalid("address and nodes both name servers").WithHint("give the server of address a name among nodes")
	case !several:
		if db.network, db.address, e = reached("address", address); e != nil {
			return nil, e
		}
	}
	nodes, _ := config["nodes"].(map[string]any)
	for name, v := range nodes {
		m, _ := v.(map[string]any)
		n := &node{name: name}
		if n.network, n.address, e = reached("nodes."+name+".address", text(m, "address", "")); e != nil {
			return nil, e
		}
		if dir := text(m, "binlogs", ""); dir != "" {
			var err error
			if n.binlogs, err = filepath.Abs(dir); err != nil {
				return nil, invalid("%v", err)
			}
		}
		db.nodes[name] = n
	}
	switch {
	case several && len(nodes) == 0:
		return nil, invalid("nodes names no server").WithHint("say where they are: nodes: { a: { address: 10.0.0.1 } }")
	case several && (db.backups != "" || db.binlogs != "" || db.data != ""):
		return nil, invalid("backups, binlogs and data belong to one server, and nodes are several").
			WithHint("describe the server that is backed up as a database of its own, by its address, among databases")
	}
	if !identifier.MatchString(db.marks) {
		return nil, invalid("marks: %q is no name of a table", db.marks).WithHint("letters, digits and _, with a database and a dot before it if need be")
	}
	return db, db.apart()
}

// reached reads an address.
func reached(field, address string) (network, to string, e *effect.Error) {
	switch {
	case address == "" || strings.ContainsAny(address, "@()"):
		return "", "", effect.Errorf(effect.CodeInvalid, "%s is no address of a server", field).WithHint("write host:port; the user and the password have keys of their own")
	case strings.HasPrefix(address, "/"):
		return "unix", address, nil
	}
	if _, _, err := net.SplitHostPort(address); err != nil {
		address = net.JoinHostPort(strings.Trim(address, "[]"), "3306")
	}
	return "tcp", address, nil
}

// all returns the servers of a database.
func (db *database) all() []*node {
	if len(db.nodes) == 0 {
		return []*node{{network: db.network, address: db.address}}
	}
	var list []*node
	for _, name := range slices.Sorted(maps.Keys(db.nodes)) {
		list = append(list, db.nodes[name])
	}
	return list
}

// apart refuses directories that lie within live data, or live data within
// them: nothing of ours may come over it.
func (db *database) apart() *effect.Error {
	for what, dir := range map[string]string{"backups": db.backups, "copies": db.copies.Dir} {
		if dir == "" || db.data == "" || !within(dir, db.data) && !within(db.data, dir) {
			continue
		}
		return effect.Errorf(effect.CodeInvalid, "%s (%s) and the live data (%s) lie in one another", what, dir, db.data).
			WithHint("keep them apart: what is ours never comes over live data")
	}
	return nil
}

func within(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, "../")
}
