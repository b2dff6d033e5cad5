package deploy

import (
	"maps"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/field"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// nodeAt is a machine of a region.
type nodeAt struct{ region, name string }

// node is a machine that a scheduler puts instances on. That of the name "" is
// none: what waits for room.
type node struct {
	cordoned, lost bool
	runs           map[string]float64 // instances, by environment
	other          float64            // of which nobody knows what they are
	assumed        bool
}

// nodeOps declares what is done to machines.
func nodeOps(region effect.Field) []effect.Op {
	name := field.Need("node", "the machine, as the system calls it")
	about := []effect.Field{field.Text("region", "the region"), field.Choice("state", "whether new instances may come to it", false, "open", "cordoned"),
		field.Of("ready", effect.Bool, "false if the system has lost it"),
		field.Of("instances", effect.Int, "how many run there that a drain would move")}
	write := func(op, doc string, args ...effect.Field) effect.Op {
		return effect.Op{Module: "deploy", Name: op, Doc: doc, Class: effect.Write, Recovery: effect.Observe,
			Args: append([]effect.Field{name}, append(args, region)...), Returns: append([]effect.Field{field.Text("node", "the machine")}, about...)}
	}
	return []effect.Op{
		{Module: "deploy", Name: "nodes", Doc: "Read which machines there are, and how many instances run on each", Class: effect.Read, Args: []effect.Field{region},
			Returns: []effect.Field{field.Objects("nodes", "one entry a machine, in the order of their names", append([]effect.Field{field.Text("name", "the machine")}, about...)...)}},
		write("cordon", "Let no new instances come to a machine; those that run there go on"),
		write("uncordon", "Let instances come to a machine again"),
		write("drain", "Move all instances away from a machine that is cordoned, as fast as what is to stay available allows",
			effect.Field{Name: "lossy", Type: effect.Bool, Doc: "also what nothing starts again elsewhere, and what keeps data on the machine; without it a drain refuses to begin where there is such"},
			field.Timeout("30m")),
	}
}

func nodesField() effect.Field {
	return effect.Field{Name: "nodes", Type: effect.Map, Doc: "machines, by name", Elem: &effect.Field{Type: effect.Object, Fields: []effect.Field{
		field.Choice("state", "whether new instances may come to it; open if left out", false, "open", "cordoned"),
		field.Of("ready", effect.Bool, "false if the system has lost it"),
		{Name: "runs", Type: effect.Map, Elem: &effect.Field{Type: effect.Int, Min: effect.Bound(0)}, Doc: "how many instances of which environment run there"},
		{Name: "instances", Type: effect.Int, Min: effect.Bound(0), Doc: "how many others run there"}}}}
}

// sayNodes takes what a scenario says of machines.
func (d *Model) sayNodes(region string, table map[string]any) {
	for name := range table {
		of := plain.Table(table, name)
		n := d.nodes[nodeAt{region, name}]
		if of["state"] != nil {
			n.cordoned = plain.Str(of, "state") == "cordoned"
		}
		if ready, said := of["ready"].(bool); said {
			n.lost = !ready
		}
		if of["instances"] != nil {
			n.other = plain.Num(of, "instances")
		}
		if runs := plain.Table(of, "runs"); of["runs"] != nil {
			n.runs = map[string]float64{}
			for env := range runs {
				n.runs[env] = plain.Num(runs, env)
			}
		}
		d.nodes[nodeAt{region, name}] = n
	}
	for at, r := range d.places {
		if at.region == region && d.spreads(at) {
			r.instances = d.total(at)
			d.places[at] = r
		}
	}
}

// learnNodes takes what the real system says of them.
func (d *Model) learnNodes(region string, got map[string]any) {
	list, _ := got["nodes"].([]any)
	for _, v := range list {
		of, _ := v.(map[string]any)
		at := nodeAt{region, plain.Str(of, "name")}
		if _, known := d.nodes[at]; !known {
			d.nodes[at] = node{cordoned: plain.Str(of, "state") == "cordoned", lost: of["ready"] == false, other: plain.Num(of, "instances")}
		}
	}
}

func (d *Model) knowsNodes(region string) bool {
	for at, n := range d.nodes {
		if at.region == region && at.name != "" && !n.assumed {
			return true
		}
	}
	return false
}

func (d *Model) assumesNode(region, name string) bool {
	return !d.knowsNodes(region) || d.nodes[nodeAt{region, name}].assumed
}

// names returns the machines of a region, in order.
func (d *Model) names(region string) []string {
	var names []string
	for at := range d.nodes {
		if at.region == region && at.name != "" {
			names = append(names, at.name)
		}
	}
	slices.Sort(names)
	return names
}

// doNode carries out the ops that are about machines.
func (d *Model) doNode(op, region, name string) (any, error) {
	if op == "nodes" {
		if !d.knowsNodes(region) {
			return nil, model.CannotTell(`deploy = { nodes = { ["node-1"] = { runs = { blue = 2 } } } }`, "nothing is known of machines")
		}
		list := []any{}
		for _, name := range d.names(region) {
			one := d.nodes[nodeAt{region, name}].told(region)
			one["name"] = name
			list = append(list, one)
		}
		return map[string]any{"nodes": list}, nil
	}
	at := nodeAt{region, name}
	n, known := d.nodes[at]
	if !known && d.knowsNodes(region) {
		return nil, model.NotFound("node", name, d.names(region))
	}
	n.assumed = n.assumed || !known
	switch op {
	case "cordon":
		n.cordoned = true
		d.nodes[at] = n
	case "uncordon":
		n.cordoned = false
		d.nodes[at] = n
		d.settle(region)
	case "drain":
		if !n.cordoned && !n.assumed {
			return nil, effect.Errorf(effect.CodeConflict, "node %s is open, so that instances would come back to it while it is drained; nothing changed", name).
				WithHint("call deploy.cordon { node = %q } first, with an on_rollback that calls deploy.uncordon", name)
		}
		if n.assumed {
			d.nodes[at] = n
		}
		if err := d.drain(at); err != nil {
			return nil, err
		}
	}
	out := d.nodes[at].told(region)
	out["node"] = name
	return out, nil
}

// drain moves what runs on a machine to others, or lets it wait for room where
// there is no other one. What has to stay available is not touched then, nor is
// anything else.
func (d *Model) drain(at nodeAt) *effect.Error {
	n := d.nodes[at]
	n.cordoned = true
	if len(d.open(at.region)) == 0 {
		for _, env := range plain.SortedNames(n.runs) {
			running, least := d.total(place{at.region, env}), plain.Num(d.least, env)
			if n.runs[env] > 0 && running-n.runs[env] < least {
				e := effect.Errorf(effect.CodeFailed, "node %s cannot be drained: %g instances of %s run on it, of %g in all; %g have to stay, and no other machine has room for more", at.name, n.runs[env], env, running, least).
					WithHint("open another machine, or scale %s up elsewhere first", env)
				e.Retryable = true
				return e
			}
		}
	}
	moved := n.runs
	n.runs, n.other = nil, 0
	d.nodes[at] = n
	waits := d.nodes[nodeAt{at.region, ""}]
	waits.runs = added(waits.runs, moved)
	d.nodes[nodeAt{at.region, ""}] = waits
	d.settle(at.region)
	return nil
}

// open returns the machines of a region that instances may come to.
func (d *Model) open(region string) []string {
	return slices.DeleteFunc(d.names(region), func(name string) bool {
		n := d.nodes[nodeAt{region, name}]
		return n.cordoned || n.lost
	})
}

// settle gives what waits for room a place on the open machines, the emptiest
// first, and each environment of the region as many instances as run.
func (d *Model) settle(region string) {
	waits := d.nodes[nodeAt{region, ""}]
	if open := d.open(region); len(open) > 0 {
		for _, env := range plain.SortedNames(waits.runs) {
			for range int(waits.runs[env]) {
				least := slices.MinFunc(open, func(a, b string) int {
					return int(d.nodes[nodeAt{region, a}].instances() - d.nodes[nodeAt{region, b}].instances())
				})
				n := d.nodes[nodeAt{region, least}]
				n.runs = added(n.runs, map[string]float64{env: 1})
				d.nodes[nodeAt{region, least}] = n
			}
		}
		delete(d.nodes, nodeAt{region, ""})
	}
	for at, r := range d.places {
		if at.region != region || !d.spreads(at) {
			continue
		}
		r.instances = d.total(at)
		switch {
		case r.instances == 0 && r.serving != "":
			r.stopped = &stopped{version: r.serving, instances: 1}
			r.serving, r.state = "", "released"
		case r.instances > 0 && r.stopped != nil:
			r.serving, r.stopped = r.stopped.version, nil
			if r.serving == r.version {
				r.state = "active"
			}
		}
		d.places[at] = r
	}
}

// placed returns a release after a change of how many instances are wanted, with
// those that the machines have room for.
func (d *Model) placed(at place, r release) release {
	if !d.spreads(at) {
		return r
	}
	waits := d.nodes[nodeAt{at.region, ""}]
	waits.runs = added(waits.runs, map[string]float64{at.env: -waits.runs[at.env]})
	for d.total(at) > r.instances { // the fullest loses one
		name := slices.MaxFunc(d.names(at.region), func(a, b string) int {
			return int(d.nodes[nodeAt{at.region, a}].runs[at.env] - d.nodes[nodeAt{at.region, b}].runs[at.env])
		})
		n := d.nodes[nodeAt{at.region, name}]
		n.runs = added(n.runs, map[string]float64{at.env: -1})
		d.nodes[nodeAt{at.region, name}] = n
	}
	waits.runs = added(waits.runs, map[string]float64{at.env: r.instances - d.total(at)})
	d.nodes[nodeAt{at.region, ""}], d.places[at] = waits, r
	d.settle(at.region)
	return d.places[at]
}

// spreads reports whether it is known on which machines an environment runs.
func (d *Model) spreads(at place) bool {
	for of, n := range d.nodes {
		if _, runs := n.runs[at.env]; of.region == at.region && runs {
			return true
		}
	}
	return false
}

// total returns how many instances of an environment run.
func (d *Model) total(at place) float64 {
	sum := 0.0
	for of, n := range d.nodes {
		if of.region == at.region && of.name != "" {
			sum += n.runs[at.env]
		}
	}
	return sum
}

// added returns the sum of two tables. Neither is changed, and what is 0 stays: it
// is known then where the environment runs.
func added(one, other map[string]float64) map[string]float64 {
	sum := map[string]float64{}
	maps.Copy(sum, one)
	for env, n := range other {
		sum[env] += n
	}
	return sum
}

func (n node) instances() float64 {
	sum := n.other
	for _, of := range n.runs {
		sum += of
	}
	return sum
}

// told returns a machine in the form of deploy.nodes.
func (n node) told(region string) map[string]any {
	out := map[string]any{"state": "open", "ready": !n.lost, "instances": n.instances()}
	if n.cordoned {
		out["state"] = "cordoned"
	}
	if region != "" {
		out["region"] = region
	}
	return out
}

// stateOfNodes adds the machines to the model's state.
func (d *Model) stateOfNodes(out map[string]any) {
	for at, n := range d.nodes {
		if at.name == "" {
			continue
		}
		under := out
		if at.region != "" {
			regions := plain.Table(out, "regions")
			out["regions"] = regions
			under = plain.Table(regions, at.region)
			regions[at.region] = under
		}
		nodes := plain.Table(under, "nodes")
		nodes[at.name] = map[string]any{"state": n.told("")["state"], "instances": n.instances()}
		under["nodes"] = nodes
		if n.assumed {
			out["assumed"] = true
		}
	}
}
