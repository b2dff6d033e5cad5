package script

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/remote"
)

// mixed is the state of hosts that do not hold the same version.
const mixed = "mixed"

// merged is what stands on several hosts together: a field that is not the same
// on all is empty.
type merged struct {
	version, previous, serving, state string
	instances                         float64
}

// merge puts together what hosts tell. A host that does not say how many
// instances it runs counts as one where it serves.
func merge(out remote.Outcomes[*standing]) merged {
	m := merged{}
	same := func(of func(*standing) string) string {
		first := of(out[0].Value)
		for _, o := range out {
			if of(o.Value) != first {
				return ""
			}
		}
		return first
	}
	m.version = same(func(s *standing) string { return s.version })
	m.serving = same(func(s *standing) string { return s.serving })
	m.previous = same(func(s *standing) string { text, _ := s.told["previous"].(string); return text })
	m.state = same(func(s *standing) string { return s.state })
	failed := false
	for _, o := range out {
		failed = failed || o.Value.state == "failed"
		if n, told := o.Value.told["instances"].(float64); told {
			m.instances += n
		} else if o.Value.serving != "" {
			m.instances++
		}
	}
	switch {
	case failed:
		m.state = "failed"
	case m.state == "absent":
	case m.version == "":
		m.state = mixed
	case m.state == "": // it serves on some hosts, and not yet on others
		m.state = "released"
	}
	return m
}

// fields returns what the script is told, but for empty texts.
func (m merged) fields() map[string]any {
	v := map[string]any{}
	for name, text := range map[string]string{"version": m.version, "previous": m.previous, "serving": m.serving, "state": m.state} {
		if text != "" {
			v[name] = text
		}
	}
	return v
}

// valueOf returns what a deploy.status of several hosts returns.
func (c *call) valueOf(out remote.Outcomes[*standing]) map[string]any {
	m := merge(out)
	v := m.fields()
	v["instances"] = m.instances
	for name, value := range map[string]string{"env": c.env, "region": c.region} {
		if value != "" {
			v[name] = value
		}
	}
	hosts := map[string]any{}
	for _, o := range out {
		one := o.Value.value(c)
		delete(one, "env")
		delete(one, "region")
		delete(one, "hosts") // which a program may tell that sees to hosts of its own
		hosts[o.Host.Name] = one
	}
	v["hosts"] = hosts
	return v
}

// each says of each host what it holds, for people.
func each(out remote.Outcomes[*standing]) string {
	var parts []string
	for _, o := range out {
		parts = append(parts, o.Host.Name+" "+cmp.Or(o.Value.version, "nothing"))
	}
	return strings.Join(parts, ", ")
}

// fleetRegions returns the regions that hosts tell of, or, where on says
// {region}, those for which there are hosts.
func (c *call) fleetRegions(ctx context.Context) (map[string]any, *effect.Error) {
	byName := map[string]remote.Outcomes[*standing]{}
	if strings.Contains(strings.Join(c.b.settings.on, " "), "{region}") {
		for _, name := range c.regionNames() {
			at := *c
			at.region = name
			hosts, e := at.fleet()
			if e != nil && e.Code == effect.CodeNotFound {
				continue
			}
			if e != nil {
				return nil, e
			}
			if byName[name], e = at.standings(ctx, hosts); e != nil {
				return nil, e
			}
		}
	} else if e := c.toldRegions(ctx, byName); e != nil {
		return nil, e
	}
	list := []any{}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		m := merge(byName[name])
		v := m.fields()
		delete(v, "previous")
		v["name"], v["active"] = name, slices.ContainsFunc(byName[name], func(o *remote.Outcome[*standing]) bool { return o.Value.serving != "" })
		list = append(list, v)
	}
	return map[string]any{"regions": list}, nil
}

// toldRegions asks the hosts for their regions.
func (c *call) toldRegions(ctx context.Context, into map[string]remote.Outcomes[*standing]) *effect.Error {
	hosts, e := c.fleet()
	if e != nil {
		return e
	}
	out := everywhere(ctx, c, hosts, true, func(ctx context.Context, c *call) (map[string]any, *effect.Error) { return c.regions(ctx) })
	if e := out.Failure(false, false); e != nil {
		return e
	}
	for _, o := range out {
		for _, v := range o.Value["regions"].([]any) {
			told := v.(map[string]any)
			text := func(name string) string { s, _ := told[name].(string); return s }
			s := &standing{told: told, version: text("version"), serving: text("serving"), state: text("state")}
			if s.state == "" { // which regions need not tell
				s.state = "released"
				if s.version == "" {
					s.state = "absent"
				}
			}
			into[text("name")] = append(into[text("name")], &remote.Outcome[*standing]{Host: o.Host, Value: s, Begun: true})
		}
	}
	return nil
}

// regionNames returns what could stand for {region} in on, by the names, groups
// and labels of the inventory.
func (c *call) regionNames() []string {
	names := map[string]bool{}
	hosts, _ := c.b.settings.hosts.Choose([]string{"all"})
	for _, word := range c.b.settings.on {
		for term := range strings.SplitSeq(strings.TrimPrefix(strings.ReplaceAll(word, "{env}", c.env), "!"), "&") {
			before, after, found := strings.Cut(term, "{region}")
			if !found {
				continue
			}
			for _, t := range hosts {
				all := append([]string{t.Name}, t.Groups...)
				for label, value := range t.Labels {
					all = append(all, label+"="+value)
				}
				for _, text := range all {
					if rest, ok := strings.CutPrefix(text, before); ok && strings.HasSuffix(rest, after) && len(rest) > len(after) {
						names[strings.TrimSuffix(rest, after)] = true
					}
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}
