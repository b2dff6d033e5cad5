package script

import (
	"context"
	"fmt"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/internal/program"
)

const (
	// pendingEvery is how often status is asked while something is under way.
	pendingEvery = time.Second
	// observeMargin is kept free before the inquiry's own deadline, to say what
	// is not known.
	observeMargin = 3 * time.Second
)

// Observe implements plugins.Observer. It waits until no program of an earlier
// attempt runs and nothing is under way at the place, and judges by what status
// tells then. The error says why nobody can know.
func (b *Backend) Observe(ctx context.Context, req plugins.Request) (plugins.Observation, error) {
	c, e := b.call(req)
	if e != nil {
		return plugins.Observation{}, e
	}
	if !c.writes() {
		return plugins.Observation{State: effect.Uncertain}, nil
	}
	waits := ctx
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		waits, cancel = context.WithDeadline(ctx, deadline.Add(-observeMargin))
		defer cancel()
	}
	if b.settings.hosts != nil && !c.single() {
		return c.observeFleet(ctx, waits)
	}
	if b.settings.hosts != nil {
		if c, e = c.alone(); e == nil {
			e = c.ended(ctx, waits)
		}
	} else {
		e = program.Await(waits, req.Key)
	}
	if e != nil {
		return plugins.Observation{}, e
	}
	switch {
	case c.job != "":
		return c.observeJob(ctx, waits)
	case c.node != "":
		return c.observeNode(ctx)
	}
	seen, now, e := c.seen(ctx, waits)
	if e != nil {
		return plugins.Observation{}, e
	}
	o := plugins.Observation{State: seen}
	if seen == effect.Applied {
		o.Value = now.value(c)
	}
	return o, nil
}

// seen says whether the call was carried out, once nothing is under way any
// more; the error, why nobody can know.
func (c *call) seen(ctx, waits context.Context) (effect.Observed, *standing, *effect.Error) {
	now, e := c.settled(ctx, waits)
	if e != nil {
		return effect.Uncertain, nil, e
	}
	seen, why := c.judge(now)
	if seen == effect.Applied && len(c.set) > 0 && now.key == "" {
		seen, why = effect.Uncertain, fmt.Sprintf("version %s is there, and not whether with these settings: let it tell `key`", c.version)
	}
	if seen == effect.Uncertain {
		return seen, nil, effect.Errorf(effect.CodeUnknown, "status tells%s that %s", c.place("of"), why)
	}
	return seen, now, nil
}

// settled asks status until nothing is under way.
func (c *call) settled(ctx, waits context.Context) (*standing, *effect.Error) {
	for {
		now, e := c.look(ctx)
		if e != nil || now.pending == "" {
			return now, e
		}
		select {
		case <-time.After(pendingEvery):
		case <-waits.Done():
			return nil, effect.Errorf(effect.CodeUnknown, "status tells%s that %s is still under way", c.place("of"), now.pending).
				WithHint("wait for its end, then resume the run")
		}
	}
}

// judge holds what status tells against what the call wanted, and says why it
// does not agree: "version v1 is there, not v2".
//
// It is right because an op of this module names a state and not a step: who
// finds the wanted version, or the wanted state, finds what the call was to
// bring about, whoever did it; who finds something else may send the call again,
// which a program has to bear. It cannot tell whether a version that was there
// before was released once more (with a key it can), nor how far a release that
// status calls failed has come: a person is asked then.
func (c *call) judge(now *standing) (effect.Observed, string) {
	there := fmt.Sprintf("version %s is %s", now.version, now.state)
	if now.version == "" {
		there = "nothing is released"
	}
	if now.state == "failed" {
		return effect.Uncertain, there
	}
	ok := false
	switch c.op.Name {
	case "release":
		ok = now.version == c.version
		if ok && now.key != "" && now.key != c.req.Key {
			ok, there = false, there+", by another effect ("+now.key+")"
		}
		there += ", wanted is " + c.version
	case "activate":
		ok = now.state == "active"
	case "decommission":
		ok = now.state == "absent"
	case "scale":
		n, told := now.told["instances"].(float64)
		if !told && now.state != "absent" {
			return effect.Uncertain, "it does not tell how many instances run"
		}
		there = fmt.Sprintf("%g instances run, wanted are %g", n, *c.wanted)
		if ok = n == *c.wanted && now.state != "absent"; ok && (n > 0) != (now.serving != "") {
			ok, there = false, fmt.Sprintf("%g instances run, and %s serves", n, orNone(now.serving))
		}
	}
	if ok {
		return effect.Applied, ""
	}
	return effect.NotApplied, there
}
