package nginx

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/internal/database"
)

const (
	// pause is between two questions whether nginx serves what it should.
	pause = 20 * time.Millisecond
	// inRow is how many answers in a row show that no worker of before takes
	// connections, where the processes themselves cannot be seen.
	inRow = 25
	// backing is what putting the file back may take once the call has ended.
	backing = 5 * time.Second
)

// change is one write on its way.
type change struct {
	settings *settings
	from     *reading
	to       division
	progress func(line string)
	old      map[int]bool // the workers before; nil where they cannot be seen
	twice    bool         // two reloads may be on their way
}

// write carries out a split or a switch.
func (b *Backend) write(ctx context.Context, req plugins.Request) (any, error) {
	select {
	case b.writing <- struct{}{}:
		defer func() { <-b.writing }()
	case <-ctx.Done():
		return nil, effect.Errorf(effect.CodeTimeout, "%s: stopped while another write to nginx was under way; nothing was changed", req.Op)
	}
	r, err := b.read(ctx, req)
	if err != nil {
		return nil, err
	}
	d, err := r.divisionFor(req)
	if err != nil {
		return nil, err
	}
	if r.holds(d) {
		return r.weights(), nil
	}
	c := &change{settings: &b.settings, from: r, to: d, progress: req.Progress, old: workers(r.served.pid)}
	if err := c.carry(ctx); err != nil {
		return nil, err
	}
	after, err := b.read(ctx, req)
	if err != nil {
		return nil, unknown("%s: nginx served the new division, and could not be read once more: %s", req.Op, effect.AsError(err).Message)
	}
	if !after.holds(d) {
		return nil, effect.Errorf(effect.CodeConflict, "%s: nginx took the new division and serves %s, its file says %s, asked was %s", req.Op,
			r.pool.show(after.served.shares), r.pool.show(after.filed.shares), r.pool.show(d.shares)).
			WithHint("something else writes %s at the same time: find it, then run this again", r.pool.file)
	}
	return after.weights(), nil
}

// carry goes from one division to the other, or back.
func (c *change) carry(ctx context.Context) error {
	p := c.from.pool
	if err := p.writeFile(c.to.text()); err != nil {
		e := effect.Errorf(effect.CodeRefused, "pool %s: the file cannot be written: %v", p.name, err).
			WithHint("give this user the right to write the file and its folder")
		if now, _, err := p.readFile(); err == nil && now == c.from.text {
			e.Message += "; the file is as it was, nothing changed"
			return e
		}
		return c.back(ctx, e)
	}
	c.progress("wrote " + p.file)
	if err := c.settings.try(ctx, p, c.to); err != nil {
		return c.back(ctx, err)
	}
	if said, err := run(ctx, c.settings.reload, c.settings.timeout, nil); err != nil {
		if !unsent(err) {
			c.twice = true
			return c.again(ctx, stopped(c.settings.reload, said, err))
		}
		return c.back(ctx, failed("the reload", c.settings.reload, said, err))
	}
	c.progress("reloaded nginx")
	err := c.await(ctx, func(s served) bool { return s.digest == c.to.digest() })
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return unknown("pool %s: the call ended while nginx was reloading: %s", p.name, effect.AsError(err).Message)
	}
	c.old = nil // they go on, where nginx refuses both
	return c.again(ctx, err)
}

// unsent reports whether an error of the reload says that nginx was not told to: the
// program did not begin, or ended by itself and says so. One that was stopped may
// have told it before.
func unsent(err error) bool {
	var search *exec.Error
	var start *fs.PathError
	return database.Ended(err) || errors.As(err, &search) || errors.As(err, &start)
}

// back puts the file back, after an error that comes before nginx was reloaded,
// and asks whether nginx still serves what it served.
func (c *change) back(ctx context.Context, because error) error {
	p, why := c.from.pool, effect.AsError(because)
	if err := p.writeFile(c.before()); err != nil {
		return unknown("%s; the file could not be put back: %v", why.Message, err).
			WithHint("put it back by hand before anything reloads nginx: it served %s", p.show(c.from.served.shares))
	}
	asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), backing)
	defer cancel()
	now, err := p.ask(asking, backing)
	if err != nil || !same(now, c.from.served) {
		return unknown("%s; the file is as it was, and what nginx serves is not certain", why.Message)
	}
	code := why.Code
	if ctx.Err() != nil {
		code = effect.CodeTimeout
	}
	return effect.Errorf(code, "%s; the file is as it was, nothing changed", why.Message).WithHint("%s", why.Hint)
}

// again puts the file back and reloads nginx, which has not taken the new one (it
// refused it, or is late), or may be about to. Whichever it reads from now on, what
// it ends with is the division of before.
func (c *change) again(ctx context.Context, because error) error {
	p, why, code := c.from.pool, effect.AsError(because), effect.CodeRefused
	if ctx.Err() != nil {
		code = effect.CodeTimeout
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), backing)
		defer cancel()
	}
	if err := p.writeFile(c.before()); err != nil {
		return unknown("%s; the file could not be put back: %v", why.Message, err)
	}
	if said, err := run(ctx, c.settings.reload, c.settings.timeout, nil); err != nil {
		return unknown("%s; the file is as it was, and the reload with it failed, too: %s", why.Message, effect.AsError(failed("the reload", c.settings.reload, said, err)).Message)
	}
	err := c.await(ctx, func(s served) bool { return maps.Equal(s.shares, c.from.served.shares) })
	if err != nil || c.twice && c.old == nil { // unseen workers of before answer alike
		return unknown("%s; the file is as it was, and what nginx serves is not certain", why.Message)
	}
	return effect.Errorf(code, "%s; the file is as it was, and nginx serves it: nothing changed", why.Message).WithHint("%s", why.Hint)
}

// before returns the text that the file gets back. One that was not in force, left
// by a runner that was killed, is no state to go back to: then it is what nginx
// serves.
func (c *change) before() string {
	if c.from.agree() {
		return c.from.text
	}
	return division{c.from.pool, c.from.served.shares}.text()
}

// await asks until nginx serves what it should, and no worker of before takes
// connections.
func (c *change) await(ctx context.Context, as func(served) bool) error {
	p := c.from.pool
	deadline := time.Now().Add(c.settings.timeout)
	var last error
	for row := 0; ; {
		s, err := p.ask(ctx, c.settings.timeout)
		switch {
		case err != nil:
			last, row = err, 0
		case !as(s):
			last, row = effect.Errorf(effect.CodeRefused, "pool %s: nginx was reloaded and still serves %s after %s", p.name,
				p.show(s.shares), effect.FormatDuration(c.settings.timeout)).WithHint("its error log says why it kept the configuration of before"), 0
		case c.old == nil:
			if row++; row >= inRow {
				return nil
			}
			continue
		case !c.stay(s.pid):
			return nil
		default:
			last = effect.Errorf(effect.CodeRefused, "pool %s: workers of the configuration before still take connections after %s", p.name,
				effect.FormatDuration(c.settings.timeout)).WithHint("nginx's error log says what holds its master process up")
		}
		if time.Now().After(deadline) {
			return last
		}
		select {
		case <-ctx.Done():
			return last
		case <-time.After(pause):
		}
	}
}

// stay reports whether a worker of before takes connections, pid being one that
// answered. Of two reloads the first one's workers, which nobody knows, may do so,
// too: until the second one's answer, and while there are more than before.
func (c *change) stay(pid int) bool {
	for old := range c.old {
		if takes(old) {
			return true
		}
	}
	if !c.twice {
		return false
	}
	now := workers(pid) // nil once it only finishes what it has
	return c.old[pid] || now == nil || len(now) > len(c.old)
}

// try lets nginx test its configuration. One that it prints has to have the pool's
// file, and the upstreams that are to take requests: of a name that it does not
// know nginx makes a look-up in DNS, and an error for whoever asked.
func (s *settings) try(ctx context.Context, p *pool, d division) error {
	var dump strings.Builder
	said, err := run(ctx, s.test, s.timeout, func(line string) { dump.WriteString(line + "\n") })
	if err != nil {
		return failed("nginx's test of its configuration", s.test, said, err)
	}
	text := dump.String()
	if !strings.Contains(text, "\n# configuration file ") && !strings.HasPrefix(text, "# configuration file ") {
		return nil // it tests, and does not print
	}
	if !strings.Contains(text, "$runbook_"+p.name+"_status {") {
		return effect.Errorf(effect.CodeRefused, "nginx's configuration does not include %s", p.file).
			WithHint("write into its http block: include %s;", p.file)
	}
	for _, real := range d.inOrder() {
		if strings.ContainsAny(real, ".:") { // an address, or a name for DNS
			continue
		}
		if !regexp.MustCompile(`(?m)^\s*upstream\s+"?` + regexp.QuoteMeta(real) + `"?\s*\{`).MatchString(text) {
			return effect.Errorf(effect.CodeRefused, "nginx's configuration has no upstream %s, which is to take %s%% of the requests", real, hundredths(d.shares[real])).
				WithHint("add it, or mend `servers` in the configuration of the backend")
		}
	}
	return nil
}

// run runs one of the configured programs and returns its last lines.
func run(ctx context.Context, argv []string, timeout time.Duration, line func(string)) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return (&database.Command{Argv: argv, Env: database.Environment(), Line: line}).Run(ctx)
}

// failed explains a program that did not do what it should.
func failed(what string, argv []string, said string, err error) error {
	text := strings.TrimSpace(said)
	if text == "" {
		text = err.Error()
	}
	return effect.Errorf(effect.CodeRefused, "%s (%s) failed: %s", what, strings.Join(argv, " "), strings.ReplaceAll(text, "\n", "; ")).
		WithHint("run it by hand as the user that runs runbook; `test` and `reload` in the configuration of the backend may name others, with sudo -n in front")
}

// stopped explains a reload that was stopped before it ended.
func stopped(argv []string, said string, err error) error {
	if said = strings.TrimSpace(said); said != "" {
		said = " (it said: " + strings.ReplaceAll(said, "\n", "; ") + ")"
	}
	return effect.Errorf(effect.CodeRefused, "the reload (%s) was stopped before it ended, and may have reached nginx: %v%s", strings.Join(argv, " "), err, said).
		WithHint("run it by hand as the user that runs runbook; `timeout` in the configuration of the backend sets the wait")
}

// same reports whether nginx answers as it did.
func same(a, b served) bool { return a.digest == b.digest && maps.Equal(a.shares, b.shares) }

func unknown(format string, args ...any) *effect.Error {
	return effect.Errorf(effect.CodeUnknown, format, args...).
		WithHint("read it with traffic.weights {} before deciding: what nginx serves and what its file says stand there side by side")
}
