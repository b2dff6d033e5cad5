package script

import (
	"context"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/output"
)

// What is shown in a second of what a program writes to standard error.
const (
	shownLines = 50
	shownBytes = 64 << 10
)

// ask runs the program of an op and waits for its end. Lines of its standard
// error go to show, which may be nil.
func (c *call) ask(ctx context.Context, op string, show func(line string)) (*reply, *effect.Error) {
	limit := readLimit(ctx)
	if op == c.op.Name {
		limit = c.limit(ctx)
	}
	p, e := c.program(op, limit)
	if e != nil {
		return nil, e
	}
	if c.host == nil {
		c.b.notice.Withheld(c.b.settings.vars, p.Vars, "add pass: [%s] to deploy in the configuration (withhold there keeps this quiet)")
	}
	r := &reply{call: c, op: op, program: p}
	if show != nil {
		shown := &output.Throttle{Tell: show, Lines: shownLines, Bytes: shownBytes}
		defer func() { _ = shown.Over() }()
		show = shown.Line
	}
	r.out = output.New(p.Scrub, show, true)
	r.out.Hush(output.Stdout)
	if c.host != nil {
		r.end, e = c.there(ctx, p, r)
		return r, e
	}
	var err error
	if r.end, err = p.Run(ctx, r.out); err != nil {
		return nil, effect.AsError(err)
	}
	return r, nil
}

// carryOut carries the call out and returns what the op returns.
func (c *call) carryOut(ctx context.Context) (map[string]any, *effect.Error) {
	do := c.look
	switch c.op.Name {
	case "regions":
		return c.regions(ctx)
	case "nodes":
		return c.nodes(ctx, c.req.Progress)
	case "cordon", "uncordon", "drain":
		return c.onNode(ctx)
	case "job":
		return c.runJob(ctx)
	case "scale":
		do = c.scale
	case "status":
	default:
		do = c.write
	}
	now, e := do(ctx)
	if e != nil {
		return nil, e
	}
	return now.value(c), nil
}

// regions asks which there are.
func (c *call) regions(ctx context.Context) (map[string]any, *effect.Error) {
	r, e := c.ask(ctx, "regions", c.req.Progress)
	if e != nil {
		return nil, e
	}
	if e := r.failure(); e != nil {
		return nil, e
	}
	return r.regions()
}

// write carries a write out, and reads back what came of it.
func (c *call) write(ctx context.Context) (*standing, *effect.Error) {
	r, e := c.ask(ctx, c.op.Name, c.req.Progress)
	if e != nil {
		return nil, e
	}
	if e := r.failure(); e != nil {
		return nil, e
	}
	if r.answered() { // a write need not answer: status does
		said, e := r.status()
		if e != nil {
			return nil, e
		}
		if seen, why := c.judge(said); seen != effect.Applied {
			return nil, r.doubt("ended with exit code 0, and answered that %s", why)
		}
	}
	now, e := c.look(ctx)
	if e != nil {
		return nil, r.doubt("ended with exit code 0, and could not be read back: %s", e.Message)
	}
	if now.pending != "" {
		return nil, r.doubt("ended with exit code 0, and status tells that %s is still under way", now.pending)
	}
	if seen, why := c.judge(now); seen != effect.Applied {
		return nil, r.doubt("ended with exit code 0, and status tells that %s", why)
	}
	return now, nil
}

// scale carries a write out which status has to be able to confirm.
func (c *call) scale(ctx context.Context) (*standing, *effect.Error) {
	now, e := c.look(ctx)
	if e != nil {
		return nil, e
	}
	if _, told := now.told["instances"]; !told && now.state != "absent" {
		return nil, effect.Errorf(effect.CodeUnsupported, "status does not tell%s how many instances run, by which deploy.scale is confirmed; nothing ran", c.place("of")).
			WithHint("let the program of deploy.status tell `instances`")
	}
	return c.write(ctx)
}

// look asks the program status what there is at the call's place. Its lines are
// shown where the call is for nothing else.
func (c *call) look(ctx context.Context) (*standing, *effect.Error) {
	var show func(line string)
	if !c.writes() {
		show = c.req.Progress
	}
	r, e := c.ask(ctx, "status", show)
	if e != nil {
		return nil, e
	}
	if e := r.failure(); e != nil {
		return nil, e
	}
	return r.status()
}
