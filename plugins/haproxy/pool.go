package haproxy

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// pool is what HAProxy reported about one of its backends at one time.
type pool struct {
	name      string
	servers   []*server // in HAProxy's order
	total     int       // the weight that HAProxy divides by, 0 if it is not known
	algorithm string    // as `balance` has it: "roundrobin"; "" if it is not told
}

// readPool reads a pool. aliases are the names that scripts use; with strict,
// each of them has to stand for a server of this pool.
func readPool(ctx context.Context, c *client, name string, aliases map[string][]string, strict bool) (*pool, error) {
	state, _, err := c.ask(ctx, "show servers state "+name)
	if err != nil {
		return nil, err
	}
	p := &pool{name: name}
	rows, ok := parseState(state)
	if !ok {
		return nil, c.notRead(ctx, name, state)
	}
	for _, row := range rows {
		s := &server{name: row["srv_name"], real: row["srv_name"]}
		if err := numbers(row, map[string]*int{"srv_uweight": &s.weight, "srv_iweight": &s.initial,
			"srv_admin_state": &s.admin, "srv_op_state": &s.op}); err != nil {
			return nil, effect.Errorf(effect.CodeFailed, "%s: `show servers state %s`: server %s: %v", c, name, s.real, err)
		}
		p.servers = append(p.servers, s)
	}
	// 6 stands for the backend and its servers, -1 for all of them.
	stat, _, err := c.ask(ctx, "show stat "+name+" 6 -1")
	if err != nil {
		return nil, err
	}
	if err := p.addStat(stat); err != nil {
		return nil, effect.Errorf(effect.CodeFailed, "%s: `show stat %s 6 -1`: %v", c, name, err)
	}
	return p, p.rename(aliases, strict)
}

// addStat adds what only the statistics tell.
func (p *pool) addStat(text string) error {
	rows, err := parseStat(text)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row["pxname"] != p.name {
			continue
		}
		if row["svname"] == "BACKEND" && row["type"] == "1" {
			p.total, _ = strconv.Atoi(row["weight"])
			p.algorithm = row["algo"]
			continue
		}
		for _, s := range p.servers {
			if s.real != row["svname"] {
				continue
			}
			s.backup = row["bck"] == "1"
			// Between the two replies the weight may have been set anew: what
			// one reply says of both counts, where it does (HAProxy 2.5 on).
			s.effective = s.weight
			columns := map[string]*int{"scur": &s.sessions, "weight": &s.effective}
			if row["uweight"] != "" {
				columns["uweight"] = &s.weight
			}
			if err := numbers(row, columns); err != nil {
				return fmt.Errorf("server %s: %w", s.real, err)
			}
			s.throttle = row["throttle"]
			if s.agent = row["agent_desc"]; s.agent == "" {
				s.agent = row["agent_status"]
			}
		}
	}
	return nil
}

// rename gives the servers the names that scripts use. Those of a group have one
// name.
func (p *pool) rename(aliases map[string][]string, strict bool) error {
	for _, alias := range sortedKeys(aliases) {
		for _, real := range aliases[alias] {
			s := p.byReal(real)
			if s == nil && strict {
				return effect.Errorf(effect.CodeNotFound, "the configuration calls %s the server %s, which pool %s does not have",
					alias, real, p.name).WithHint("its servers are %s; mend `servers` or `groups` in the configuration", p.reals())
			}
			if s != nil {
				s.name, s.grouped = alias, len(aliases[alias]) > 1
			}
		}
	}
	for _, s := range p.servers {
		if other := p.byReal(s.name); other != nil && other != s && other.name == s.name && !other.grouped {
			return effect.Errorf(effect.CodeInvalid, "pool %s: the name %s means the server %s by the configuration, and is another server's own",
				p.name, s.name, s.real).WithHint("give %s a name of its own in `servers` of the configuration", other.real)
		}
	}
	return nil
}

// find returns the server that a script names, or those of the group.
func (p *pool) find(name string) ([]*server, error) {
	var found []*server
	for _, s := range p.servers {
		if s.name == name {
			found = append(found, s)
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	names := p.names()
	sort.Strings(names)
	return nil, effect.Errorf(effect.CodeNotFound, "pool %s has no server %q", p.name, name).WithHint("%s", effect.Among("its servers are ", name, names))
}

// names returns the names that scripts use, each once, in HAProxy's order.
func (p *pool) names() []string {
	var names []string
	for _, s := range p.servers {
		if !slices.Contains(names, s.name) {
			names = append(names, s.name)
		}
	}
	return names
}

func (p *pool) byReal(name string) *server {
	for _, s := range p.servers {
		if s.real == name {
			return s
		}
	}
	return nil
}

func (p *pool) reals() string {
	names := make([]string, len(p.servers))
	for i, s := range p.servers {
		names[i] = s.real
	}
	return strings.Join(names, ", ")
}

// share returns the percentage of new requests that a server takes now: a
// server that is not up takes none, a backup only when no other server can,
// and one in slow start less than its weight says.
func (p *pool) share(of *server) float64 {
	total := 0
	for _, s := range p.inUse() {
		total += s.capacity()
	}
	if total == 0 || !slices.Contains(p.inUse(), of) {
		return 0
	}
	return 100 * float64(of.capacity()) / float64(total)
}

// inUse returns the servers among which requests are divided: those that are no
// backups, or else the first backup that can, or all of them with `option
// allbackups`. The option shows in the weight that HAProxy divides by.
func (p *pool) inUse() []*server {
	var list []*server
	active, total := p.hasActive(), 0
	for _, s := range p.servers {
		if s.backup != active && s.capacity() > 0 {
			list = append(list, s)
			total += s.capacity()
		}
	}
	if active || len(list) < 2 {
		return list
	}
	// In slow start each weight is rounded up, and the sum of them by itself.
	if first := list[0].capacity(); p.total-first < total-p.total {
		return list[:1]
	}
	return list
}

// hasActive reports whether a server that is no backup takes requests.
func (p *pool) hasActive() bool {
	for _, s := range p.servers {
		if !s.backup && s.capacity() > 0 {
			return true
		}
	}
	return false
}

// configured returns the percentage of new requests that a server takes when
// all are healthy: by the weights that are set. A backup has none.
func (p *pool) configured(of *server) float64 {
	total := 0
	for _, s := range p.servers {
		if !s.backup {
			total += s.configured()
		}
	}
	if total == 0 || of.backup {
		return 0
	}
	return 100 * float64(of.configured()) / float64(total)
}

// notRead explains a reply to `show servers state` that is no table.
func (c *client) notRead(ctx context.Context, name, reply string) *effect.Error {
	first, _, _ := strings.Cut(reply, "\n")
	e := effect.Errorf(effect.CodeRefused, "%s: `show servers state %s` was answered %q", c, name, first)
	switch {
	case strings.HasPrefix(reply, "Can't find backend"):
		e = effect.Errorf(effect.CodeNotFound, "HAProxy has no backend %q", name)
		if all, _, err := c.ask(ctx, "show servers state"); err == nil {
			rows, _ := parseState(all)
			seen := map[string]bool{}
			for _, row := range rows {
				seen[row["be_name"]] = true
			}
			return e.WithHint("%s", effect.Among("it has ", name, sortedKeys(seen)))
		}
		return e
	case strings.HasPrefix(reply, "Unknown command"):
		return e.WithHint("version 1.8 of HAProxy or newer is needed, or the address is no stats socket")
	case strings.HasPrefix(reply, "Permission denied"):
		return e.WithHint("write `stats socket … level admin` in haproxy.cfg")
	}
	return e.WithHint("check the address: something else seems to answer there")
}

// parseState reads `show servers state`: a line with the format's version, a
// line with the columns' names after "# ", then a line a server.
func parseState(text string) ([]map[string]string, bool) {
	var columns []string
	var rows []map[string]string
	for _, line := range strings.Split(text, "\n") {
		if names, ok := strings.CutPrefix(line, "# "); ok {
			columns = strings.Fields(names)
			continue
		}
		values := strings.Fields(line)
		if columns == nil || len(values) == 0 {
			continue
		}
		row := make(map[string]string, len(columns))
		for i, v := range values[:min(len(values), len(columns))] {
			row[columns[i]] = v
		}
		rows = append(rows, row)
	}
	return rows, columns != nil
}

// parseStat reads `show stat`: CSV whose first line begins with "# ".
func parseStat(text string) ([]map[string]string, error) {
	header, ok := strings.CutPrefix(text, "# ")
	if !ok {
		first, _, _ := strings.Cut(text, "\n")
		return nil, fmt.Errorf("the answer is no table: %q", first)
	}
	r := csv.NewReader(strings.NewReader(header))
	r.FieldsPerRecord, r.LazyQuotes = -1, true
	records, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read the table: %w", err)
	}
	if len(records) == 0 {
		return nil, errors.New("the table has no columns")
	}
	var rows []map[string]string
	for _, record := range records[1:] {
		row := make(map[string]string, len(record))
		for i, v := range record[:min(len(record), len(records[0]))] {
			row[records[0][i]] = v
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// numbers reads whole numbers out of a row.
func numbers(row map[string]string, into map[string]*int) error {
	for _, column := range sortedKeys(into) {
		n, err := strconv.Atoi(row[column])
		if err != nil {
			return fmt.Errorf("column %s: %q is not a number", column, row[column])
		}
		*into[column] = n
	}
	return nil
}

// validName keeps what could end or extend a command off the socket.
func validName(name string) bool {
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.:", r) {
			return false
		}
	}
	return name != ""
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
