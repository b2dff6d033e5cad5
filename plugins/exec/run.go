package exec

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/output"
	"github.com/q-ecosystem/runbook/plugins/internal/program"
)

// result is how a program ended, and what it wrote.
type result struct {
	program.End
	out *output.Output
}

// run starts the command and waits for it. An error means that it did not
// start, or that it was stopped.
func (c *command) run(ctx context.Context, show func(line string)) (*result, error) {
	r := &result{out: output.New(c.Scrub, c.lines(show), c.json)}
	var err error
	if r.End, err = c.Run(ctx, r.out); err != nil {
		return nil, err
	}
	if c.show == "tail" {
		r.out.ShowTail(show)
	}
	if r.Stopped != "" {
		return nil, c.stopped(r)
	}
	return r, nil
}

// lines returns what is told of each line as it comes; nil for nothing.
func (c *command) lines(show func(string)) func(string) {
	if c.show == "none" || c.show == "tail" {
		return nil
	}
	return show
}

// stopped explains a program that did not come to its end.
func (c *command) stopped(r *result) *effect.Error {
	if c.class == effect.Read {
		return effect.Errorf(effect.CodeTimeout, "%s %s after %s; %s%s", c, r.Stopped, effect.FormatDuration(r.Took), r.Fate(), r.out.Ending()).
			WithHint("see what it waits for (its standard input is empty, it has no terminal), or give it longer: timeout = \"10m\"")
	}
	return effect.Errorf(effect.CodeUnknown, "%s %s after %s; %s, and nobody knows how far it came%s",
		c, r.Stopped, effect.FormatDuration(r.Took), r.Fate(), r.out.Ending()).
		WithHint(`look at what it was to change, then say what happened; a program that may run twice is called with recovery = "retry"`)
}

// value returns what exec.run returns, or the error of a bad end.
func (r *result) value(c *command) (any, error) {
	if why := r.BySignal(c.ok...); why != "" {
		return nil, r.broken(c, why)
	}
	took, code := effect.FormatDuration(r.Took), r.Status.ExitStatus()
	if !slices.Contains(c.ok, code) {
		return nil, effect.Errorf(effect.CodeFailed, "%s ended with exit code %d after %s%s", c, code, took, r.out.Ending()).
			WithHint("if this code is no failure, add it to ok = { … }%s", c.unshelled())
	}
	changed := r.out.Changed()
	value := map[string]any{"code": float64(code), "seconds": r.Took.Seconds()}
	truncated := false
	for name, t := range map[string]*output.Tail{"stdout": r.out.Stream(output.Stdout), "stderr": r.out.Stream(output.Stderr), "output": r.out.Both()} {
		text, cut := t.Text()
		value[name], truncated = text, truncated || cut
	}
	value["truncated"] = truncated
	if c.json {
		decoded, err := r.out.JSON()
		if err != nil {
			return nil, effect.Errorf(effect.CodeFailed, "%s ran and ended with exit code %d after %s, and its standard output is no JSON that can be used: %v%s",
				c, code, took, c.Scrub.Text(err.Error()), r.out.Ending()).
				WithHint("what it was to do is done; let it write one JSON value to its standard output and everything else to standard error, or leave out json = true")
		}
		clean, hidden := c.Scrub.Value(decoded)
		if changed = changed || hidden; clean != nil {
			value["json"] = clean
		}
	}
	if changed {
		value["redacted"] = true
	}
	return value, nil
}

// broken explains a program that did not end by itself.
func (r *result) broken(c *command, why string) *effect.Error {
	took := effect.FormatDuration(r.Took)
	if c.class == effect.Read {
		return effect.Errorf(effect.CodeFailed, "%s %s after %s%s", c, why, took, r.out.Ending()).WithHint("%s", r.Whence())
	}
	return effect.Errorf(effect.CodeUnknown, "%s %s after %s, and nobody knows how far it came%s", c, why, took, r.out.Ending()).
		WithHint(`%s; look at what it was to change, then say what happened; a program that may run twice is called with recovery = "retry"`, r.Whence())
}

// shellWords are what a shell takes for itself, and a program gets as text.
var shellWords = []string{"|", ">", ">>", "<", "2>", "2>&1", "&", "&&", "||", ";"}

// unshelled adds to the hint of a bad code that an argument was meant for a
// shell, and none was there; "" if none looks so.
func (c *command) unshelled() string {
	for _, arg := range c.Argv[1:] {
		switch name, isVar := strings.CutPrefix(arg, "$"); {
		case slices.Contains(shellWords, arg), arg == "~", strings.HasPrefix(arg, "~/"), isVar && isVariable(strings.Trim(name, "{}")):
			return fmt.Sprintf("; no shell reads argv, so that %q is handed over as it is: shell = \"…\" takes a line for one", arg)
		}
	}
	return ""
}

// isVariable reports whether a text looks like the name of an environment
// variable: "HOME".
func isVariable(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_'
	})
}
