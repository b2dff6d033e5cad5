package script

import (
	"context"
	"fmt"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/internal/remote"
)

// at returns the call for one host.
func (c *call) at(t *remote.Host) *call {
	at := *c
	at.host = t
	if show := c.req.Progress; show != nil {
		at.req.Progress = func(line string) { show(t.Name + ": " + line) }
	}
	return &at
}

// fleet returns the hosts that on means for the call.
func (c *call) fleet() ([]*remote.Host, *effect.Error) {
	words := make([]string, len(c.b.settings.on))
	for i, word := range c.b.settings.on {
		for _, part := range []struct{ name, value string }{{"env", c.env}, {"region", c.region}} {
			if !strings.Contains(word, "{"+part.name+"}") {
				continue
			}
			if part.value == "" {
				return nil, effect.Errorf(effect.CodeInvalid, "which hosts deploy.%s means hangs on its %s (on: %q), and the call names none; nothing ran", c.op.Name, part.name, word).
					WithHint("write deploy.%s { %s = … }", c.op.Name, part.name)
			}
			word = strings.ReplaceAll(word, "{"+part.name+"}", part.value)
		}
		words[i] = word
	}
	return c.b.settings.hosts.Choose(words)
}

// single reports whether the op is done once, and not on each host.
func (c *call) single() bool {
	switch c.op.Name {
	case "nodes", "cordon", "uncordon", "drain", "job":
		return true
	}
	return false
}

// alone returns the call for the one host that on means.
func (c *call) alone() (*call, *effect.Error) {
	hosts, e := c.fleet()
	if e != nil {
		return nil, e
	}
	if len(hosts) != 1 {
		return nil, effect.Errorf(effect.CodeUnsupported, "deploy.%s is done once, and on means %d hosts; nothing ran", c.op.Name, len(hosts)).
			WithHint("let on name one host for it, in an environment of its own if need be")
	}
	return c.at(hosts[0]), nil
}

// everywhere does something on all hosts. Unless all is set it begins on no
// further one after one has failed.
func everywhere[T any](ctx context.Context, c *call, hosts []*remote.Host, all bool, do func(ctx context.Context, c *call) (T, *effect.Error)) remote.Outcomes[T] {
	return remote.Each(ctx, hosts, c.b.settings.limit, all, func(ctx context.Context, t *remote.Host) (T, *effect.Error) { return do(ctx, c.at(t)) })
}

// standings asks all hosts what stands at the call's place.
func (c *call) standings(ctx context.Context, hosts []*remote.Host) (remote.Outcomes[*standing], *effect.Error) {
	out := everywhere(ctx, c, hosts, true, func(ctx context.Context, c *call) (*standing, *effect.Error) { return c.look(ctx) })
	return out, out.Failure(false, false)
}

// carryOutOnFleet carries the call out on its hosts. All are asked before the
// first is changed, so that one that is down, or whose program is not there, is
// found while nothing has happened.
func (c *call) carryOutOnFleet(ctx context.Context) (map[string]any, *effect.Error) {
	if c.op.Name == "regions" {
		return c.fleetRegions(ctx)
	}
	if c.op.Name == "scale" {
		return nil, effect.Errorf(effect.CodeConflict, "deploy.scale%s: it is hosts, and what each of them runs is its own; nothing ran", c.place("of")).
			WithHint("change which hosts there are")
	}
	hosts, e := c.fleet()
	if e != nil {
		return nil, e
	}
	before, e := c.standings(ctx, hosts)
	if !c.writes() {
		if e != nil {
			return nil, e
		}
		return c.valueOf(before), nil
	}
	if e != nil {
		changed := "nothing was changed"
		if c.req.Attempt > 1 {
			changed = "this attempt changed nothing"
		}
		e.Message += fmt.Sprintf("\nall hosts are asked before deploy.%s changes anything: %s", c.op.Name, changed)
		return nil, e
	}
	if m := merge(before); c.op.Name == "activate" && m.state == mixed {
		return nil, effect.Errorf(effect.CodeConflict, "the hosts%s do not hold the same version: %s; nothing was changed", c.place("of"), each(before)).
			WithHint("release one version to all of them first, with deploy.release")
	}
	known := map[*remote.Host]*standing{}
	for _, o := range before {
		known[o.Host] = o.Value
	}
	out := everywhere(ctx, c, hosts, false, func(ctx context.Context, c *call) (*standing, *effect.Error) {
		if now := known[c.host]; c.req.Attempt > 1 && c.done(now) {
			return now, nil
		}
		return c.write(ctx)
	})
	if e := out.Failure(true, false); e != nil {
		return nil, e
	}
	return c.valueOf(out), nil
}

// done reports whether an earlier attempt has done its work on this host.
func (c *call) done(now *standing) bool {
	seen, _ := c.judge(now)
	return seen == effect.Applied && now.pending == "" && (len(c.set) == 0 || now.key != "")
}

// sight is what is seen of a write on one host.
type sight struct {
	seen effect.Observed
	now  *standing
}

// observeFleet asks each host. What was not carried out on some is sent again;
// hosts that are done are left alone then.
func (c *call) observeFleet(ctx, waits context.Context) (plugins.Observation, error) {
	hosts, e := c.fleet()
	if e != nil {
		return plugins.Observation{}, e
	}
	out := everywhere(ctx, c, hosts, true, func(ctx context.Context, c *call) (sight, *effect.Error) {
		if e := c.ended(ctx, waits); e != nil {
			return sight{}, e
		}
		seen, now, e := c.seen(ctx, waits)
		return sight{seen, now}, e
	})
	if e := out.Failure(false, false); e != nil {
		return plugins.Observation{}, e
	}
	var all remote.Outcomes[*standing]
	for _, o := range out {
		if o.Value.seen != effect.Applied {
			return plugins.Observation{State: effect.NotApplied}, nil
		}
		all = append(all, &remote.Outcome[*standing]{Host: o.Host, Value: o.Value.now, Begun: true})
	}
	return plugins.Observation{State: effect.Applied, Value: c.valueOf(all)}, nil
}

// reachable reports which hosts cannot be logged in to: those of the configured
// place, or all where on hangs on what a call names.
func (b *Backend) reachable(ctx context.Context) error {
	c, e := b.call(plugins.Request{Op: "status", Args: map[string]any{}})
	if e != nil {
		return e
	}
	hosts, e := c.fleet()
	if e != nil && e.Code == effect.CodeInvalid {
		hosts, e = b.settings.hosts.Choose([]string{"all"})
	}
	if e != nil {
		return e
	}
	return b.settings.hosts.Health(ctx, hosts)
}
