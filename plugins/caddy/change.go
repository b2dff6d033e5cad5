package caddy

import (
	"context"
	"net/http"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/internal/post"
)

// looking is what a look after a lost answer may take once the call has ended.
const looking = 5 * time.Second

// change is one write on its way.
type change struct {
	backend *Backend
	req     plugins.Request
	from    *reading
	to      division
}

// write carries out a split or a switch.
func (b *Backend) write(ctx context.Context, req plugins.Request) (any, error) {
	select {
	case b.writing <- struct{}{}:
		defer func() { <-b.writing }()
	case <-ctx.Done():
		return nil, effect.Errorf(effect.CodeTimeout, "%s: stopped while another write to Caddy was under way; nothing was sent", req.Op)
	}
	r, err := b.read(ctx, req)
	if err != nil {
		return nil, err
	}
	d, err := r.divisionFor(req)
	if err != nil {
		return nil, err
	}
	if err := r.takes(d); err != nil {
		return nil, err
	}
	if r.holds(d) && req.Attempt <= 1 && !b.doubtful[r.pool.name] {
		return r.weights()
	}
	policy, err := r.handler.policyFor(d)
	if err != nil {
		return nil, effect.Errorf(effect.CodeInternal, "pool %s: %v", r.pool.name, err)
	}
	c := &change{b, req, r, d}
	answer, failure := b.settings.admin.replace(ctx, r.handler, policy)
	switch {
	case failure != nil && !failure.Sent:
		return nil, failure.Error()
	case failure != nil:
		return c.lost(ctx, failure)
	case answer.Status == http.StatusOK:
		return c.taken(ctx)
	}
	return c.refused(ctx, answer)
}

// taken reads back what Caddy has taken.
func (c *change) taken(ctx context.Context) (any, error) {
	p := c.from.pool
	delete(c.backend.doubtful, p.name) // what is on its way has a tag of before
	c.req.Progress("Caddy took " + p.show(c.to))
	after, err := c.look(ctx)
	if err != nil {
		return nil, unknown("%s: Caddy took the new weights, and they could not be read back: %s", c.req.Op, effect.AsError(err).Message)
	}
	if !after.holds(c.to) {
		return nil, effect.Errorf(effect.CodeConflict, "%s: Caddy took the new weights and has now %s, asked was %s", c.req.Op, after.show(), p.show(c.to)).
			WithHint("something else changes the handler %s at the same time: find it, then run this again", p.handler)
	}
	return after.weights()
}

// lost looks for what has become of a request without an answer.
func (c *change) lost(ctx context.Context, failure *post.Failure) (any, error) {
	p := c.from.pool
	c.backend.doubtful[p.name] = true
	after, err := c.look(ctx)
	if err != nil || after.handler.tag == c.from.handler.tag || !after.holds(c.to) {
		e := failure.Write("read it with traffic.weights {} before deciding; a request that comes late is refused once another split has been made")
		e.Message = c.req.Op + " of pool " + p.name + ": " + e.Message
		return nil, e
	}
	delete(c.backend.doubtful, p.name)
	c.req.Progress("no answer came, and the new weights are in force")
	return after.weights()
}

// refused explains an answer that is no success. What may have been changed is
// unknown.
func (c *change) refused(ctx context.Context, answer *post.Answer) (any, error) {
	p := c.from.pool
	why, caddys := said(answer)
	if !caddys {
		why = answer.Excerpt()
	}
	after, err := c.look(ctx)
	switch {
	case caddys && err != nil && effect.AsError(err).Code == effect.CodeNotFound:
		return nil, effect.Errorf(effect.CodeConflict, "%s: something else has taken the handler %s away since it was read (%s); this changed nothing", c.req.Op, p.handler, why).
			WithHint("find who changes Caddy's configuration at the same time, then run this again")
	case err != nil, !caddys:
		c.backend.doubtful[p.name] = true
		return nil, unknown("%s of pool %s: the answer was %s (%s), and it is not certain that nothing changed", c.req.Op, p.name, post.StatusName(answer.Status), why)
	case answer.Status == http.StatusPreconditionFailed && after.holds(c.to):
		return after.weights() // by whomever
	case answer.Status == http.StatusPreconditionFailed:
		return nil, effect.Errorf(effect.CodeConflict, "%s: something else has changed the handler %s since it was read; it has now %s, before it had %s; this changed nothing",
			c.req.Op, p.handler, after.show(), c.from.show()).
			WithHint("find who changes it at the same time, then run this again")
	case after.handler.tag != c.from.handler.tag:
		return nil, unknown("%s: Caddy refused (%s), and the handler %s is another one than before, with %s", c.req.Op, why, p.handler, after.show())
	case answer.Status == http.StatusForbidden:
		return nil, p.unread(answer)
	}
	return nil, effect.Errorf(effect.CodeRefused, "%s: Caddy refused the new weights of %s: %s; nothing changed", c.req.Op, p.handler, why).
		WithHint("its log says more; %s needs Caddy 2.10 or newer, and the rest of the configuration has to load once more, files and ports included", weighted)
}

// look reads the pool once more, for a while even if the call has ended.
func (c *change) look(ctx context.Context) (*reading, error) {
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), looking)
		defer cancel()
	}
	return c.backend.read(ctx, c.req)
}

func unknown(format string, args ...any) *effect.Error {
	return effect.Errorf(effect.CodeUnknown, format, args...).
		WithHint("read it with traffic.weights {} before deciding: that is what Caddy has in force")
}
