package script

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

// nodes asks which machines there are.
func (c *call) nodes(ctx context.Context, show func(line string)) (map[string]any, *effect.Error) {
	r, e := c.ask(ctx, "nodes", show)
	if e != nil {
		return nil, e
	}
	if e := r.failure(); e != nil {
		return nil, e
	}
	told, e := r.fields(c.b.ops["nodes"].Returns)
	if e != nil {
		return nil, e
	}
	list, given := told["nodes"].([]any)
	if !given {
		return nil, r.rubbish("nodes is missing: a list")
	}
	seen := map[string]bool{}
	for _, v := range list {
		node, _ := v.(map[string]any)
		name, _ := node["name"].(string)
		region, _ := node["region"].(string)
		switch {
		case name == "":
			return nil, r.rubbish("a node has no name")
		case seen[name]:
			return nil, r.rubbish("node " + name + " is there twice")
		case node["state"] == nil:
			return nil, r.rubbish("node " + name + " has no state: open or cordoned")
		case region != "" && region != c.region:
			return nil, r.rubbish(fmt.Sprintf("node %s is of region %s, asked for was %s", name, region, orNone(c.region)))
		}
		if seen[name] = true; c.region != "" {
			node["region"] = c.region
		}
	}
	slices.SortFunc(list, func(a, b any) int {
		return strings.Compare(a.(map[string]any)["name"].(string), b.(map[string]any)["name"].(string))
	})
	return map[string]any{"nodes": list}, nil
}

// machine returns what nodes tells of the call's node.
func (c *call) machine(ctx context.Context) (map[string]any, *effect.Error) {
	all, e := c.nodes(ctx, nil)
	if e != nil {
		return nil, e
	}
	var names []string
	for _, v := range all["nodes"].([]any) {
		node := maps.Clone(v.(map[string]any))
		name, _ := node["name"].(string)
		if name == c.node {
			delete(node, "name")
			node["node"] = name
			return node, nil
		}
		names = append(names, name)
	}
	return nil, effect.Errorf(effect.CodeNotFound, "there is no node %s, by what the program of deploy.nodes tells; nothing changed", c.node).
		WithHint("%s", effect.Among("there are ", c.node, names))
}

// onNode carries an op about a machine out, and reads back what came of it. The
// machine is looked at before, so that a program need not refuse by itself what the
// contract does.
func (c *call) onNode(ctx context.Context) (map[string]any, *effect.Error) {
	now, e := c.machine(ctx)
	if e != nil {
		return nil, e
	}
	if c.op.Name == "drain" {
		if now["state"] != "cordoned" {
			return nil, effect.Errorf(effect.CodeConflict, "node %s is open, so that instances would come back to it while it is drained; nothing changed", c.node).
				WithHint("call deploy.cordon { node = %q } first, with an on_rollback that calls deploy.uncordon", c.node)
		}
		if _, told := now["instances"]; !told {
			return nil, effect.Errorf(effect.CodeUnsupported, "nodes does not tell how many instances run on %s, by which deploy.drain is confirmed; nothing ran", c.node).
				WithHint("let the program of deploy.nodes tell `instances` of each")
		}
	}
	r, e := c.ask(ctx, c.op.Name, c.req.Progress)
	if e != nil {
		return nil, e
	}
	if e := r.failure(); e != nil {
		return nil, e
	}
	if r.answered() { // it need not
		said, e := r.fields(c.op.Returns)
		if e != nil {
			return nil, e
		}
		if why := c.short(said); why != "" {
			return nil, r.doubt("ended with exit code 0, and answered that %s", why)
		}
	}
	if now, e = c.machine(ctx); e != nil {
		return nil, r.doubt("ended with exit code 0, and could not be read back: %s", e.Message)
	}
	if why := c.short(now); why != "" {
		return nil, r.doubt("ended with exit code 0, and nodes tells that %s", why)
	}
	return now, nil
}

// short says in what a machine is not as the call wants it.
func (c *call) short(now map[string]any) string {
	n, told := now["instances"].(float64)
	switch {
	case c.op.Name == "cordon" && now["state"] != "cordoned", c.op.Name == "uncordon" && now["state"] != "open":
		return fmt.Sprintf("node %s is %v", c.node, now["state"])
	case c.op.Name == "drain" && !told:
		return fmt.Sprintf("node %s is %v, and not how many instances run there", c.node, now["state"])
	case c.op.Name == "drain" && n > 0:
		return fmt.Sprintf("%g instances run on node %s", n, c.node)
	}
	return ""
}

// observeNode judges by what nodes tells: each op names a state, so that it does not
// matter who brought it about, and may be asked for again where it is not there.
func (c *call) observeNode(ctx context.Context) (plugins.Observation, error) {
	now, e := c.machine(ctx)
	switch {
	case e != nil && e.Code == effect.CodeNotFound:
		return plugins.Observation{State: effect.NotApplied}, nil
	case e != nil:
		return plugins.Observation{}, e
	case c.short(now) != "":
		return plugins.Observation{State: effect.NotApplied}, nil
	}
	return plugins.Observation{State: effect.Applied, Value: now}, nil
}
