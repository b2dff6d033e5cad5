package mariadb

import (
	"database/sql"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
)

// node is one server of a database that has several.
type node struct {
	name, network, address string
	binlogs                string // the directory of its binary log; "" if that is elsewhere
}

// at returns the job as it is at one node.
func (j *job) at(n *node) *job {
	db := *j.database
	db.network, db.address = n.network, n.address
	return &job{j.Call, &db, nil}
}

// named returns the node that a call names.
func (j *job) named(name string) (*node, *effect.Error) {
	if len(j.nodes) == 0 {
		return nil, effect.Errorf(effect.CodeUnsupported, "the configuration of mariadb names no nodes of this database").
			WithHint("give its servers names: nodes: { a: { address: 10.0.0.1 }, b: { address: 10.0.0.2 } }")
	}
	if n := j.nodes[name]; n != nil {
		return n, nil
	}
	return nil, shared.Names("node", name, slices.Sorted(maps.Keys(j.nodes)))
}

// place is one in a binary log.
type place struct {
	file string
	at   uint64
}

// segment is a file of a binary log, and how long it is.
type segment struct {
	name string
	size uint64
}

// status is what a node said of itself.
type status struct {
	node     *node
	err      *effect.Error // why it said nothing
	id       string        // its server_id
	readOnly bool
	logs     []segment // its own, the oldest first; none if it may not be asked
	// Of a node that replicates:
	follows  bool
	source   string  // the server_id of whom
	applied  place   // in the log of that
	received place   // what came of it
	drained  bool    // it has applied all that came
	stopped  string  // why it applies nothing; "" if it does
	behind   float64 // seconds; below zero if it does not say
}

// primary reports whether a node takes writes, and gets none from another.
func (s *status) primary() bool { return s.err == nil && !s.follows && !s.readOnly }

// status asks a node.
func (j *job) status(n *node) *status {
	at, s := j.at(n), &status{node: n}
	at.name = "" // a replica may have no database yet
	c, e := at.connect()
	if e != nil {
		s.err = e
		return s
	}
	defer c.close()
	own, err := at.table(c, "SELECT @@server_id AS id, @@read_only AS read_only")
	if err == nil && len(own) == 1 {
		s.id, s.readOnly = own[0]["id"], own[0]["read_only"] != "0"
		var sources []map[string]string
		if sources, err = at.table(c, "SHOW ALL SLAVES STATUS"); err == nil && len(sources) > 0 {
			if len(sources) > 1 || sources[0]["Connection_name"] != "" {
				s.err = effect.Errorf(effect.CodeUnsupported, "%s replicates by connections with names", at.title()).WithHint("nodes follow one primary, by the connection without a name")
				return s
			}
			s.follow(sources[0])
		}
	}
	if err != nil {
		s.err = at.failed(c, "its state", err)
		return s
	}
	if logs, err := at.table(c, "SHOW BINARY LOGS"); err == nil { // it may have none, or not tell
		for _, l := range logs {
			size, _ := strconv.ParseUint(l["File_size"], 10, 64)
			s.logs = append(s.logs, segment{l["Log_name"], size})
		}
	}
	return s
}

// follow reads what a node tells of its replication.
func (s *status) follow(row map[string]string) {
	at := func(file, pos string) place {
		n, _ := strconv.ParseUint(row[pos], 10, 64)
		return place{row[file], n}
	}
	s.follows, s.source, s.behind = true, row["Master_Server_Id"], -1
	s.applied, s.received = at("Relay_Master_Log_File", "Exec_Master_Log_Pos"), at("Master_Log_File", "Read_Master_Log_Pos")
	s.drained = s.applied == s.received || strings.HasPrefix(row["Slave_SQL_Running_State"], "Slave has read all relay log")
	if row["Slave_SQL_Running"] != "Yes" {
		s.stopped = "its SQL thread does not run"
		if why := row["Last_SQL_Error"]; why != "" {
			s.stopped += ": " + why
		}
	}
	if v, err := strconv.ParseFloat(row["Seconds_Behind_Master"], 64); err == nil {
		s.behind = v
	}
}

// table returns all rows of a question to the server, by column.
func (j *job) table(c *conn, question string) ([]map[string]string, error) {
	rows, err := c.QueryContext(j.Ctx, question)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	var list []map[string]string
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		row := map[string]string{}
		for i, name := range columns {
			row[name] = values[i].String
		}
		list = append(list, row)
	}
	return list, rows.Err()
}

// look asks all nodes at once.
func (j *job) look() map[string]*status { return shared.AskAll(j.nodes, j.status) }

// primary returns the node that takes writes.
func (j *job) primary(seen map[string]*status) (*status, *effect.Error) {
	var found []string
	var says []string
	code, hint := effect.CodeUnavailable, "promote a replica with db.promote"
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		switch s := seen[name]; {
		case s.primary():
			found = append(found, name)
		case s.err != nil:
			says = append(says, s.err.Message)
			if code == effect.CodeUnavailable {
				code, hint = s.err.Code, s.err.Hint+"; or promote a replica with db.promote"
			}
		case s.follows:
			says = append(says, name+" is a replica")
		default:
			says = append(says, name+" only reads (read_only)")
		}
	}
	switch len(found) {
	case 1:
		return seen[found[0]], nil
	case 0:
		return nil, effect.Errorf(code, "no primary answers: %s", strings.Join(says, "; ")).WithHint("%s", hint)
	}
	return nil, effect.Errorf(effect.CodeConflict, "several nodes take writes: %s; nothing was asked of them", strings.Join(found, ", ")).
		WithHint("keep all but one from it (SET GLOBAL read_only = 1), and let them follow that one")
}

// onPrimary leads what follows to the node that takes writes now.
func (j *job) onPrimary() {
	if len(j.nodes) == 0 {
		return
	}
	s, e := j.primary(j.look())
	if j.absent = e; e == nil {
		db := *j.database
		db.network, db.address = s.node.network, s.node.address
		j.database = &db
	}
}

// between returns how many bytes of logs there are behind a place. known is false
// where the logs do not have it any more.
func between(from place, logs []segment) (bytes uint64, known bool) {
	for _, l := range logs {
		switch {
		case l.name == from.file:
			bytes, known = max(l.size, from.at)-from.at, true
		case known:
			bytes += l.size
		}
	}
	return bytes, known
}

// onDisk returns the logs of a node that does not answer, where they are here.
func (n *node) onDisk(from place) []segment {
	base, _, found := strings.Cut(from.file, ".")
	if n.binlogs == "" || !found {
		return nil
	}
	paths, _ := filepath.Glob(filepath.Join(n.binlogs, base+".[0-9]*"))
	slices.Sort(paths)
	var list []segment
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil {
			list = append(list, segment{filepath.Base(path), uint64(info.Size())})
		}
	}
	return list
}

func (j *job) isPrimary() (map[string]any, *effect.Error) {
	name := j.Text("node")
	if name == "" {
		if len(j.nodes) == 0 {
			_, e := j.named("")
			return nil, e
		}
		s, e := j.primary(j.look())
		if e != nil {
			return nil, e
		}
		return map[string]any{"primary": true, "node": s.node.name}, nil
	}
	n, e := j.named(name)
	if e != nil {
		return nil, e
	}
	s := j.status(n)
	if s.err != nil {
		return nil, s.err
	}
	return map[string]any{"primary": s.primary(), "node": name}, nil
}

// lag tells how far replicas are behind: measured against the primary's log, or,
// if that is gone, by what has come of it.
func (j *job) lag() (map[string]any, *effect.Error) {
	only := j.Text("node")
	if only != "" || len(j.nodes) == 0 {
		if _, e := j.named(only); e != nil {
			return nil, e
		}
	}
	seen := j.look()
	if only != "" && seen[only].err != nil {
		return nil, seen[only].err
	}
	primary, _ := j.primary(seen)
	out := map[string]any{"measured": "replicas"}
	if primary != nil {
		out["measured"] = "primary"
	}
	replicas, bytes := map[string]any{}, map[string]any{}
	for name, s := range seen {
		if s.err != nil || !s.follows || only != "" && only != name || primary != nil && s.source != primary.id {
			continue // it says nothing, or follows another one
		}
		missing, known := uint64(0), s.drained || s.applied.file == s.received.file
		if primary != nil {
			missing, known = between(s.applied, primary.logs)
		} else if !s.drained && known {
			missing = s.received.at - s.applied.at
		}
		behind := s.behind
		if known {
			bytes[name] = float64(missing)
			if primary != nil && missing == 0 {
				behind = 0 // it has everything, whether or not it hears of more
			}
		}
		if behind < 0 {
			continue
		}
		replicas[name] = behind
		if worst, said := out["lag"].(float64); !said || behind > worst {
			out["lag"] = behind
		}
	}
	out["replicas"], out["bytes"] = replicas, bytes
	return out, nil
}
