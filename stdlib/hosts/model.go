package hosts

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/field"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// Model is a set of hosts with files and services, and says what commands do on
// them.
//
//	hosts = {
//	  hosts = {
//	    ["web-1"] = { groups = { "web" }, services = { nginx = "active" }, files = { ["/etc/motd"] = "hello\n" } },
//	    ["web-2"] = { groups = { "web" }, labels = { zone = "b" }, reachable = false },
//	  },
//	  commands = { ["./deploy.sh"] = { takes = "30s", stdout = "done\n", sets = { deployed = "v2" } } },
//	}
//
// The longest entry of commands counts with which the command's words begin;
// what has none succeeds and changes nothing, which is assumed. Where nobody
// named any host, a dry run reads the inventory; elsewhere those exist, assumed,
// that on names. A call that fails on one host has changed none, which real ones
// do not promise.
//
// State: { hosts = { ["web-1"] = { groups, services, files = { path = hash } } }, vars = { … } }.
type Model struct {
	hosts   map[string]*machine
	assumed bool // on named them, and nobody else
	script  model.Scripted
}

// machine is one host; its members are replaced, never changed in place.
type machine struct {
	Host
	services map[string]string // by unit, its state
	since    map[string]time.Time
	files    map[string]file
	learned  bool // its files and services are those that were read
	down     bool
	leaves   bool            // cannot be reached from the next call on
	back     time.Time       // until when it cannot be reached
	lost     bool            // the next write's connection breaks
	broken   map[string]bool // services and commands that fail once
}

// file is what a file holds; that of the runner is not known, but for the hash that it
// was copied by.
type file struct {
	text, sum   string
	size        float64
	known       bool // text and size
	hashed      bool
	mode, owner string
}

// NewModel returns one in the state that holds where a scenario says nothing.
func NewModel() *Model {
	return &Model{hosts: map[string]*machine{}, script: model.NewScripted("hosts")}
}

// scenario declares what a scenario says of the module.
func scenario() effect.ScenarioFields {
	s := model.ScriptedFields("commands", "what commands do, on each host, by how their line begins, in whole words; the longest entry counts", []effect.Field{
		field.Of("code", effect.Int, "its exit code, or a function that returns it; 0 if left out"),
		field.Text("stdout", "what it writes to standard output, or a function that returns it"),
		field.Text("stderr", "what it writes to standard error, or a function that returns it"),
		field.Of("json", effect.Any, "what its standard output decodes to with json = true, or a function that returns it")},
		"code", "stdout", "stderr", "json")
	s.Fields = append(s.Fields, effect.Field{Name: "hosts", Type: effect.Map, Doc: "the hosts, by name", Elem: &effect.Field{Type: effect.Object, Fields: []effect.Field{
		field.Text("address", "where it is reached"), field.Texts("groups", "the groups it is in"),
		{Name: "labels", Type: effect.Map, Elem: &effect.Field{Type: effect.String}, Doc: "its labels"},
		{Name: "services", Type: effect.Map, Doc: "the state of its services, by unit", Elem: &effect.Field{Type: effect.Enum, Enum: []string{"active", "inactive", "failed"}}},
		{Name: "files", Type: effect.Map, Elem: &effect.Field{Type: effect.String}, Doc: "its files, by path: what they hold"},
		{Name: "reachable", Type: effect.Bool, Default: true, Doc: "whether it can be reached"},
	}}})
	return s
}

// Load implements effect.Model.
func (x *Model) Load(state map[string]any) error {
	if err := x.script.Load(state, "commands", scenario()); err != nil {
		return err
	}
	got, _ := scenario().Check(state) // as Load did
	named := plain.Table(got, "hosts")
	for name := range named {
		told := plain.Table(named, name)
		was := x.hosts[name]
		m := &machine{Host: Host{Name: name, Address: plain.Str(told, "address"), Groups: plain.Sorted(plain.List(told["groups"])), Labels: texts(told, "labels")},
			services: map[string]string{}, since: map[string]time.Time{}, files: map[string]file{}, broken: map[string]bool{}, down: told["reachable"] == false}
		for unit, state := range texts(told, "services") {
			m.services[unitName(unit)] = state
		}
		for path, text := range texts(told, "files") {
			m.files[path] = fileOf(text)
		}
		if was != nil { // a command's effects may name one thing of it
			m = was.with(m, told)
		}
		x.hosts[name] = m
	}
	return nil
}

// with returns the host with what is told of it anew.
func (m *machine) with(next *machine, told map[string]any) *machine {
	c := m.clone()
	if told["address"] != nil {
		c.Address = next.Address
	}
	if told["groups"] != nil {
		c.Groups = next.Groups
	}
	if told["reachable"] != nil {
		c.down = next.down
	}
	if told["labels"] != nil {
		c.Labels = maps.Clone(c.Labels)
		if c.Labels == nil {
			c.Labels = map[string]string{}
		}
		maps.Copy(c.Labels, next.Labels)
	}
	maps.Copy(c.services, next.services)
	maps.Copy(c.files, next.files)
	return c
}

func texts(t map[string]any, name string) map[string]string {
	out := map[string]string{}
	for k, v := range plain.Table(t, name) {
		out[k], _ = v.(string)
	}
	return out
}

func fileOf(text string) file {
	sum := sha256.Sum256([]byte(text))
	return file{text: text, sum: hex.EncodeToString(sum[:]), size: float64(len(text)), known: true, mode: "0644", owner: "root:root"}
}

// unitName is how systemd completes the name of a unit.
func unitName(name string) string {
	if strings.Contains(name, ".") {
		return name
	}
	return name + ".service"
}

// Do implements effect.Model.
func (x *Model) Do(m effect.Moment, op string, args map[string]any) (any, error) {
	if op == "list" {
		return x.list(args)
	}
	before, was := maps.Clone(x.hosts), x.assumed
	v, err := x.act(m, op, args)
	if err != nil { // what was assumed for it is not assumed any more
		x.hosts, x.assumed = before, was
	}
	return v, err
}

// act carries out what is done on hosts.
func (x *Model) act(m effect.Moment, op string, args map[string]any) (any, error) {
	chosen, e := x.choose(op, args)
	if e != nil {
		return nil, e
	}
	if e := x.reach(m, op, args, chosen); e != nil {
		return nil, e
	}
	switch op {
	case "run":
		return x.run(m, args, chosen)
	case "copy":
		return x.copy(m, args, chosen)
	case "read":
		return x.read(m, args, chosen)
	case "service":
		return x.service(m, args, chosen)
	}
	return nil, model.NoOp("hosts", op)
}

func (x *Model) list(args map[string]any) (any, error) {
	if len(x.hosts) == 0 || x.assumed {
		return nil, cannotTell("nobody said which hosts there are")
	}
	entries := plain.List(args["on"])
	if len(entries) == 0 {
		entries = []string{"all"}
	}
	chosen, e := Choose(x.inventory(), entries)
	if e != nil {
		return nil, e
	}
	out := []any{}
	for _, h := range chosen {
		labels := map[string]any{}
		for k, v := range h.Labels {
			labels[k] = v
		}
		out = append(out, map[string]any{"name": h.Name, "address": h.Address, "groups": plain.ToAny(h.Groups), "labels": labels})
	}
	return map[string]any{"hosts": out, "count": float64(len(out))}, nil
}

func cannotTell(format string, args ...any) *effect.Error {
	return model.CannotTell(`hosts = { hosts = { ["web-1"] = { groups = { "web" }, services = { nginx = "active" }, files = { ["/etc/motd"] = "…" } } } }`, format, args...)
}

func (x *Model) inventory() []Host {
	all := make([]Host, 0, len(x.hosts))
	for _, name := range plain.SortedNames(x.hosts) {
		all = append(all, x.hosts[name].Host)
	}
	return all
}

// choose returns the machines that are meant. Where nobody named any, those
// that on names are there for what writes.
func (x *Model) choose(op string, args map[string]any) ([]*machine, *effect.Error) {
	entries := plain.List(args["on"])
	if len(x.hosts) == 0 || x.assumed {
		if op == "read" || args["action"] == "status" {
			if len(x.hosts) == 0 {
				return nil, cannotTell("nobody said which hosts there are")
			}
		} else {
			x.assume(entries)
		}
	}
	chosen, e := Choose(x.inventory(), entries)
	if e != nil {
		return nil, e
	}
	out := make([]*machine, len(chosen))
	for i := range chosen {
		out[i] = x.hosts[chosen[i].Name]
	}
	return out, nil
}

// assume makes a host of each word that means none yet.
func (x *Model) assume(entries []string) {
	known := x.inventory()
	for _, entry := range entries {
		entry = strings.TrimPrefix(entry, "!")
		if _, e := Choose(known, []string{entry}); e == nil {
			continue
		}
		x.assumed = true
		x.hosts[entry] = &machine{Host: Host{Name: entry, Groups: []string{}, Labels: map[string]string{}}, learned: true,
			services: map[string]string{}, since: map[string]time.Time{}, files: map[string]file{}, broken: map[string]bool{}}
	}
}

// reach finds hosts to which there is no connection, or to which it breaks.
func (x *Model) reach(m effect.Moment, op string, args map[string]any, chosen []*machine) *effect.Error {
	writes := op == "copy" || op == "run" && args["class"] != string(effect.Read) || op == "service" && args["action"] != "status"
	for _, h := range chosen {
		if h.lost && writes {
			h.lost = false
			return effect.Errorf(effect.CodeUnknown, "%s: the connection broke after the request was sent, and nobody knows what came of it", h.Name).
				WithHint("a resume asks the host; if it cannot be asked, look there and say what happened")
		}
	}
	var gone []string
	for _, h := range chosen {
		h.meet(m.Now)
		if h.gone(m.Now) {
			gone = append(gone, h.Name)
			h.broken = map[string]bool{} // a fault is that of one call, and this one does not come there
		}
	}
	if len(gone) == 0 || args["partial"] == true {
		return nil
	}
	return effect.Errorf(effect.CodeUnavailable, "%s cannot be reached; nothing was sent there", strings.Join(gone, ", ")).
		WithHint("see whether the host is up, or leave it out: on = { …, \"!%s\" }", gone[0])
}

// each returns what is told of the hosts; of those that are down that they are.
// do must not fail.
func each(m effect.Moment, chosen []*machine, do func(h *machine) map[string]any) map[string]any {
	out := map[string]any{}
	for _, h := range chosen {
		if h.gone(m.Now) {
			out[h.Name] = awayNow()
			continue
		}
		out[h.Name] = do(h)
	}
	return map[string]any{"hosts": out, "count": float64(len(out))}
}

// failed is what partial tells of a host, or the error of the whole call.
type failed struct {
	host string
	why  *effect.Error
}

// fails returns the first failure as the error of the call.
func fails(args map[string]any, all []failed) *effect.Error {
	if len(all) == 0 || args["partial"] == true {
		return nil
	}
	e := *all[0].why
	e.Message = all[0].host + ": " + e.Message
	return &e
}

// told returns the failure of a host, as partial tells it; nil if it has none.
func told(all []failed, h *machine) map[string]any {
	at := slices.IndexFunc(all, func(f failed) bool { return f.host == h.Name })
	if at < 0 {
		return nil
	}
	return map[string]any{"error": all[at].why.Message, "failure": string(all[at].why.Code)}
}

// State implements effect.Model.
func (x *Model) State(effect.Moment) map[string]any {
	out := x.script.State()
	named := map[string]any{}
	for name, h := range x.hosts {
		services, files := map[string]any{}, map[string]any{}
		for unit, state := range h.services {
			services[unit] = state
		}
		for path, f := range h.files {
			files[path] = f.sum[:min(12, len(f.sum))]
		}
		told := map[string]any{"groups": plain.ToAny(h.Groups), "services": services, "files": files}
		if len(h.Labels) > 0 {
			labels := map[string]any{}
			for k, v := range h.Labels {
				labels[k] = v
			}
			told["labels"] = labels
		}
		if h.down {
			told["reachable"] = false
		}
		named[name] = told
	}
	if len(named) > 0 {
		out["hosts"] = named
	}
	if x.assumed {
		out["assumed"] = true
	}
	return out
}

// Clone implements effect.Model.
func (x *Model) Clone() effect.Model {
	c := &Model{hosts: map[string]*machine{}, assumed: x.assumed, script: x.script.Clone()}
	for name, h := range x.hosts {
		c.hosts[name] = h.clone()
	}
	return c
}

func (m *machine) clone() *machine {
	c := *m
	c.services, c.since, c.files, c.broken = maps.Clone(m.services), maps.Clone(m.since), maps.Clone(m.files), maps.Clone(m.broken)
	return &c
}

// Takes implements effect.Timed.
func (x *Model) Takes(op string, args map[string]any) time.Duration {
	switch {
	case op == "list":
		return time.Millisecond
	case op == "run":
		took := x.takes(args)
		if timeout := effect.Seconds(plain.Num(args, "timeout")); timeout > 0 {
			took = min(took, timeout)
		}
		return took
	case op == "service" && args["action"] != "status":
		return 2 * time.Second
	}
	return 200 * time.Millisecond
}

func (x *Model) takes(args map[string]any) time.Duration {
	if s, ok := x.script.Find(commandLine(args))["takes"].(float64); ok {
		return effect.Seconds(s)
	}
	return time.Second
}

// Assumes reports whether nobody said what the op does, or where.
func (x *Model) Assumes(op string, args map[string]any) bool {
	return op == "run" && x.script.Find(commandLine(args)) == nil || x.assumed || len(x.hosts) == 0
}
