package ipfs

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/field"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// Model is a network of nodes; "" is the one that calls without a node
// mean. Content can be had as long as somebody holds all of it: a node of ours,
// pinned or left over from a pin, or somebody else. What is left over counts for
// nothing where the last copy is asked for: it goes with the next collection of
// garbage.
//
//	ipfs = {
//	  content  = { bafyA = { blocks = 12, size = "3MiB", providers = { "12D3KooW…" } } },
//	  nodes    = { main = { pins = { "bafyA" }, missing = { "bafyA" }, damaged = { "bafyB" }, up = false } },
//	  pins     = { "bafyA" },                        -- of the configured node
//	  archives = { ["backup/bafyA.car"] = { "bafyA" } },
//	  files    = { ["./site"] = "bafyA" },
//	}
//
// A node believes that it has what is damaged: it fetches none of it again, and a
// pin that it has tells of it. Storing it anew mends it: a CAR file, or the file itself.
//
// State: { nodes = { main = { pins, missing, damaged, up } }, pins, missing, damaged, providers
// = { bafyA = { names of those that keep it } }, assumed = true }.
type Model struct {
	content  map[string]content
	nodes    map[string]*node
	archives map[string][]string
	files    map[string]string
	declared bool
	assumed  bool // content of which nobody said anything was used
}

// content is content, whoever has it.
type content struct {
	blocks, size float64
	providers    []string // beside our nodes
}

// node is a node of ours.
type node struct {
	pins map[string]string // by content: what the pin is called
	held map[string]bool   // content whose blocks are all there, pinned or not
	bad  map[string]bool   // content of which a block is damaged; it is not held
	told map[string]bool   // content that it told the network to have; nobody takes that back
	up   any               // a bool or a Func
}

// NewModel returns one in the state that holds where a scenario says nothing.
func NewModel() *Model {
	return &Model{content: map[string]content{}, nodes: map[string]*node{}, archives: map[string][]string{}, files: map[string]string{}}
}

// scenario declares what a scenario says of the module.
func scenario() effect.ScenarioFields {
	pins, missing := field.Texts("pins", "content that is pinned"), field.Texts("missing", "pinned content of which blocks are lost")
	damaged := field.Texts("damaged", "pinned content of which a block is not what its hash says")
	return effect.ScenarioFields{Functions: []string{"nodes.*.up"}, Fields: []effect.Field{pins, missing, damaged,
		{Name: "content", Type: effect.Map, Doc: "all content, by CID", Elem: &effect.Field{Type: effect.Object, Fields: []effect.Field{
			{Name: "blocks", Type: effect.Int, Default: 1.0, Doc: "how many"}, {Name: "size", Type: effect.Size, Default: "1MiB", Doc: "in bytes"},
			field.Texts("providers", "who has it beside our nodes")}}},
		{Name: "nodes", Type: effect.Map, Doc: "nodes that calls name", Elem: &effect.Field{Type: effect.Object, Fields: []effect.Field{pins, missing, damaged,
			field.Of("up", effect.Bool, "whether it runs, or a function that returns it")}}},
		{Name: "archives", Type: effect.Map, Doc: "CAR files: the content in each", Elem: &effect.Field{Type: effect.List, Elem: &effect.Field{Type: effect.String}}},
		{Name: "files", Type: effect.Map, Doc: "what files come out as", Elem: &effect.Field{Type: effect.String}},
	}}
}

// Load implements effect.Model.
func (x *Model) Load(state map[string]any) error {
	s, err := scenario().Check(state)
	if err != nil {
		return err
	}
	x.declared = len(s) > 0
	for cid := range plain.Table(s, "content") {
		c := plain.Table(plain.Table(s, "content"), cid)
		x.content[cid] = content{plain.Num(c, "blocks"), plain.Num(c, "size"), plain.List(c["providers"])}
	}
	load := func(name string, of map[string]any) {
		n := x.node(name)
		if up, said := of["up"]; said {
			n.up = up
		}
		for _, cid := range plain.List(of["pins"]) {
			n.pins[cid], n.held[cid], n.told[cid] = "", true, true
		}
		for _, cid := range plain.List(of["missing"]) {
			n.pins[cid], n.told[cid] = "", true
			delete(n.held, cid)
		}
		for _, cid := range plain.List(of["damaged"]) {
			n.pins[cid], n.told[cid], n.bad[cid] = "", true, true
			delete(n.held, cid)
		}
		for cid := range n.pins { // of which nobody says that others have it
			if _, said := x.content[cid]; !said {
				x.content[cid] = content{blocks: 1, size: 1 << 20}
			}
		}
		x.nodes[name] = n
	}
	if s["pins"] != nil || s["missing"] != nil || s["damaged"] != nil {
		load("", s)
	}
	for name := range plain.Table(s, "nodes") {
		load(name, plain.Table(plain.Table(s, "nodes"), name))
	}
	for file, cids := range plain.Table(s, "archives") {
		x.archives[file] = plain.List(cids)
	}
	for file := range plain.Table(s, "files") {
		x.files[file] = plain.Str(plain.Table(s, "files"), file)
	}
	return nil
}

// node returns a copy of the node of that name, an empty one if nobody
// declared it.
func (x *Model) node(name string) *node {
	if n := x.nodes[name]; n != nil {
		return &node{maps.Clone(n.pins), maps.Clone(n.held), maps.Clone(n.bad), maps.Clone(n.told), n.up}
	}
	return &node{map[string]string{}, map[string]bool{}, map[string]bool{}, map[string]bool{}, true}
}

// missing lists what is pinned and lacks blocks.
func (n *node) missing() []string {
	return slices.DeleteFunc(plain.SortedNames(n.pins), func(cid string) bool { return n.held[cid] || n.bad[cid] })
}

// damaged is the error of whoever reads what is damaged.
func damaged(cid string) *effect.Error {
	return effect.Errorf(effect.CodeUnhealthy, "a block of %s is damaged on the node", cid).
		WithHint("the node does not fetch again what it believes to have: bring it back from a CAR file (ipfs.import, or archive of ipfs.restore)")
}

func (n *node) runs(m effect.Moment) (bool, *effect.Error) {
	v, err := model.ResolveAs(m, field.Of("up", effect.Bool, ""), n.up)
	up, _ := v.(bool)
	return up || err != nil, err
}

// Do implements effect.Model.
func (x *Model) Do(m effect.Moment, op string, args map[string]any) (any, error) {
	name, cid := plain.Str(args, "node"), plain.Str(args, "cid")
	named := slices.DeleteFunc(plain.SortedNames(x.nodes), func(n string) bool { return n == "" })
	if name != "" && x.nodes[name] == nil && len(named) > 0 {
		return nil, model.NotFound("node", name, named)
	}
	n := x.node(name)
	up, err := n.runs(m)
	if err != nil {
		return nil, err
	}
	if !up {
		return nil, effect.Errorf(effect.CodeUnavailable, "node %q does not answer", name)
	}
	next := x.Clone().(*Model)
	value, err := next.do(m, op, args, n)
	if err != nil && op != "add" { // whose blocks stay also where another CID was expected
		return nil, err
	}
	if _, used := next.content[cid]; cid != "" && !used && op != "unpin" && op != "pins" {
		next.assumed = true
	}
	next.nodes[name] = n
	*x = *next
	if err != nil {
		return nil, err
	}
	return value, nil
}

// do carries an op out on a copy of the network and a copy of the node.
func (x *Model) do(m effect.Moment, op string, args map[string]any, n *node) (map[string]any, *effect.Error) {
	cid := plain.Str(args, "cid")
	switch op {
	case "pins":
		pins := []any{}
		for _, c := range plain.SortedNames(n.pins) {
			if (cid == "" || c == cid) && (args["type"] == "recursive" || args["type"] == "all") {
				pins = append(pins, map[string]any{"cid": c, "type": "recursive", "name": n.pins[c]})
			}
		}
		return map[string]any{"pins": pins, "count": float64(len(pins))}, nil
	case "providers":
		found := []any{}
		for _, id := range x.providers(m, cid, offers) {
			if limit := plain.Num(args, "limit"); limit == 0 || float64(len(found)) < limit {
				found = append(found, map[string]any{"id": id, "addrs": []any{}})
			}
		}
		return map[string]any{"providers": found, "count": float64(len(found))}, nil
	case "add":
		file := plain.Str(args, "path")
		got := x.files[file]
		if got == "" {
			sum := sha256.Sum256([]byte(file))
			got, x.assumed = "bafysimulated"+hex.EncodeToString(sum[:10]), true
		}
		if want := plain.Str(args, "cid"); want != "" && want != got && x.files[file] != "" {
			x.keep(n, got, false)
			return nil, effect.Errorf(effect.CodeConflict, "%s comes out as %s, expected was %s; nothing was pinned", file, got, want)
		} else if want != "" {
			got = want
		}
		x.keep(n, got, args["pin"] != false)
		return map[string]any{"cid": got, "size": x.of(got).size}, nil
	case "pin":
		_, pinned := n.pins[cid]
		switch { // what is pinned is read for it
		case n.bad[cid] && pinned:
			return nil, damaged(cid)
		case n.bad[cid]:
			n.pins[cid] = plain.Str(args, "name")
			return map[string]any{"cid": cid, "type": "recursive"}, nil
		}
		if !x.holds(n, cid) && len(x.providers(m, cid, has)) == 0 {
			return nil, effect.Errorf(effect.CodeTimeout, "nobody gave %s within %s", cid, effect.FormatDuration(effect.Seconds(plain.Num(args, "timeout")))).
				WithHint("ask ipfs.providers who has it, or import it from a CAR file")
		}
		if pin := plain.Str(args, "name"); pin != "" || n.pins[cid] == "" {
			n.pins[cid] = pin
		}
		n.held[cid], n.told[cid] = true, true
		return map[string]any{"cid": cid, "type": "recursive"}, nil
	case "unpin":
		_, pinned := n.pins[cid] // the blocks stay for now
		delete(n.pins, cid)
		return map[string]any{"cid": cid, "was_pinned": pinned}, nil
	case "import":
		return x.bring(args, n)
	case "validate", "export":
		return x.read(op, args, n)
	}
	return nil, model.NoOp("ipfs", op)
}

// read is validate and export: every block has to be on the node.
func (x *Model) read(op string, args map[string]any, n *node) (map[string]any, *effect.Error) {
	cid := plain.Str(args, "cid")
	if n.bad[cid] {
		return nil, damaged(cid)
	}
	if !x.holds(n, cid) {
		return nil, effect.Errorf(effect.CodeUnhealthy, "blocks of %s are missing on the node", cid).
			WithHint("bring it back with ipfs.restore")
	}
	c := x.of(cid)
	if op == "validate" {
		return map[string]any{"valid": true, "blocks": c.blocks, "size": c.size}, nil
	}
	file := plain.Str(args, "path")
	x.archives[file] = []string{cid}
	sum := sha256.Sum256([]byte(cid))
	return map[string]any{"path": file, "blocks": c.blocks, "size": c.size, "sha256": hex.EncodeToString(sum[:])}, nil
}

// bring is import.
func (x *Model) bring(args map[string]any, n *node) (map[string]any, *effect.Error) {
	file := plain.Str(args, "path")
	roots, there := x.archives[file]
	if !there && (x.declared || len(x.archives) > 0) {
		return nil, model.NotFound("CAR file", file, plain.SortedNames(x.archives))
	}
	if !there {
		roots, x.assumed = []string{strings.TrimSuffix(path.Base(file), ".car")}, true
	}
	blocks := 0.0
	for _, cid := range roots {
		x.keep(n, cid, args["pin"] != false)
		blocks += x.of(cid).blocks
	}
	return map[string]any{"roots": plain.ToAny(roots), "blocks": blocks}, nil
}

// keep notes that the node has content whole.
func (x *Model) keep(n *node, cid string, pin bool) {
	if _, pinned := n.pins[cid]; pin && !pinned {
		n.pins[cid] = ""
	}
	delete(n.bad, cid) // stored anew, it is what its hash says
	n.held[cid], n.told[cid] = true, true
	if _, known := x.content[cid]; !known {
		x.content[cid] = content{blocks: 1, size: 1 << 20}
	}
}

// of returns what is known of content; what nobody declared is a block that
// somebody has.
func (x *Model) of(cid string) content {
	if c, known := x.content[cid]; known {
		return c
	}
	if x.declared {
		return content{blocks: 1, size: 1 << 20}
	}
	return content{blocks: 1, size: 1 << 20, providers: []string{"assumed"}}
}

// holds reports whether all blocks of content are on a node; of what nobody
// said anything of that is assumed.
func (x *Model) holds(n *node, cid string) bool {
	_, known := x.content[cid]
	return n.held[cid] || !x.declared && !known && !n.bad[cid]
}

// Whom providers tells of: a node said once that it has content; it has all of
// it; it has it and keeps it.
func offers(n *node, cid string) bool { return n.told[cid] }
func has(n *node, cid string) bool    { return n.held[cid] }
func keeps(n *node, cid string) bool {
	_, pinned := n.pins[cid]
	return pinned && n.held[cid]
}

// providers returns those beside our nodes that have content, and the nodes
// that run and of which that holds, in order.
func (x *Model) providers(m effect.Moment, cid string, holds func(*node, string) bool) []string {
	who := slices.Clone(x.of(cid).providers)
	for name, n := range x.nodes {
		if up, _ := n.runs(m); !up || !holds(n, cid) {
			continue
		}
		if name == "" {
			name = "the configured node"
		}
		who = append(who, name)
	}
	slices.Sort(who)
	return slices.Compact(who)
}

// State implements effect.Model.
func (x *Model) State(m effect.Moment) map[string]any {
	out, nodes, providers := map[string]any{}, map[string]any{}, map[string]any{}
	for name, n := range x.nodes {
		up, _ := n.runs(m)
		told := map[string]any{"pins": plain.ToAny(plain.SortedNames(n.pins)), "missing": plain.ToAny(n.missing()), "up": up}
		if bad := plain.SortedNames(n.bad); len(bad) > 0 {
			told["damaged"] = plain.ToAny(bad)
		}
		if name == "" {
			maps.Copy(out, told)
		} else {
			nodes[name] = told
		}
		for cid := range n.pins {
			providers[cid] = plain.ToAny(x.providers(m, cid, keeps))
		}
	}
	for cid := range x.content {
		providers[cid] = plain.ToAny(x.providers(m, cid, keeps))
	}
	if len(nodes) > 0 {
		out["nodes"] = nodes
	}
	if len(providers) > 0 {
		out["providers"] = providers
	}
	if x.assumed {
		out["assumed"] = true
	}
	return out
}

// Clone implements effect.Model. Nodes are replaced, not changed.
func (x *Model) Clone() effect.Model {
	c := *x
	c.content, c.nodes, c.archives, c.files = maps.Clone(x.content), maps.Clone(x.nodes), maps.Clone(x.archives), maps.Clone(x.files)
	return &c
}

// Takes implements effect.Timed.
func (x *Model) Takes(op string, args map[string]any) time.Duration {
	switch op {
	case "pins", "unpin":
		return 20 * time.Millisecond
	case "providers":
		return 2 * time.Second
	}
	return 2*time.Second + effect.Seconds(x.of(plain.Str(args, "cid")).size/(10<<20)) // 10 MiB a second
}

// Needs implements effect.Learner.
func (x *Model) Needs(_ effect.Moment, op string, args map[string]any) []effect.Reading {
	if x.declared || plain.Str(args, "cid") == "" || op == "import" || op == "add" {
		return nil
	}
	pins := plain.Pick(args, "cid", "node")
	pins["type"] = "recursive"
	return []effect.Reading{{Op: "pins", Args: pins}, {Op: "providers", Args: plain.Pick(args, "cid", "node")}}
}

// Learn implements effect.Learner.
func (x *Model) Learn(r effect.Reading, value any) error {
	got, _ := value.(map[string]any)
	name, cid := plain.Str(r.Args, "node"), plain.Str(r.Args, "cid")
	if r.Op == "pins" {
		if plain.Num(got, "count") > 0 {
			n := x.node(name)
			n.pins[cid], n.held[cid], n.told[cid] = "", true, true
			x.nodes[name] = n
		}
		return nil
	}
	c := x.of(cid)
	c.providers = nil
	providers, _ := got["providers"].([]any)
	for _, v := range providers {
		p, _ := v.(map[string]any)
		c.providers = append(c.providers, plain.Str(p, "id"))
	}
	x.content[cid] = c
	return nil
}

// Assumes implements effect.Assumer: nobody may have said anything of the content.
func (x *Model) Assumes(_ string, args map[string]any) string {
	_, known := x.content[plain.Str(args, "cid")]
	return model.Assuming(!known && !x.declared, model.Whole("ipfs", plain.Str(args, "cid")))
}
