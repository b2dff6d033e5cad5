package ssh

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/redact"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/internal/output"
	"github.com/q-ecosystem/runbook/plugins/internal/program"
	"github.com/q-ecosystem/runbook/plugins/internal/remote"
)

const (
	// margin is kept before the call's own deadline, to report what happened.
	margin = 1500 * time.Millisecond
	// largest bounds what the streams of all hosts may have together.
	largest = 8 << 20
)

// execution is a hosts.run.
type execution struct {
	*job
	line   string
	vars   map[string]string
	scrub  *redact.Scrubber
	ok     []int
	writes bool
	json   bool
	show   string
	most   int // of what is kept of a stream, in bytes
	hid    atomic.Bool
}

// line returns the command as one would type it, not too long.
func (j *job) line() string {
	text := j.text("shell")
	if text == "" {
		words := program.StringList(j.req.Args["argv"])
		for i, w := range words {
			words[i] = remote.Quote(w)
		}
		text = strings.Join(words, " ")
	}
	if runes := []rune(strings.ToValidUTF8(text, "\uFFFD")); len(runes) > 300 {
		return string(runes[:300]) + "…"
	}
	return text
}

func (j *job) execution() (*execution, *effect.Error) {
	args := j.req.Args
	x := &execution{job: j, line: j.line(), vars: program.StringMap(args["env"]), ok: []int{0}, writes: args["class"] != string(effect.Read), show: j.text("output"),
		most: min(output.TailSize, largest/2/len(j.hosts))}
	x.json, _ = args["json"].(bool)
	if codes, given := args["ok"].([]any); given {
		x.ok = nil
		for _, c := range codes {
			n, _ := c.(float64)
			x.ok = append(x.ok, int(n))
		}
	}
	secrets := program.StringMap(args["secrets"])
	own := map[string]string{"RUNBOOK_KEY": j.req.Key, "RUNBOOK_RUN": j.req.Run, "RUNBOOK_ATTEMPT": strconv.Itoa(max(j.req.Attempt, 1))}
	var hidden []effect.Secret
	for field, vars := range map[string]map[string]string{"env": x.vars, "secrets": secrets} {
		if e := remote.CheckEnv(field, vars); e != nil {
			return nil, e
		}
		for _, name := range slices.Sorted(maps.Keys(vars)) {
			if _, taken := own[name]; taken {
				return nil, effect.Errorf(effect.CodeInvalid, "%s.%s: every command gets this variable from runbook itself; nothing ran", field, name)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		if _, twice := x.vars[name]; twice {
			return nil, effect.Errorf(effect.CodeInvalid, "env and secrets both set %s; nothing ran", name)
		}
		hidden = append(hidden, effect.NewSecret(name, secrets[name]))
	}
	maps.Copy(x.vars, secrets)
	maps.Copy(x.vars, own)
	x.scrub = redact.New(hidden...)
	x.line = x.scrub.Text(x.line)
	for _, text := range append(program.StringList(args["argv"]), j.text("shell"), j.text("dir")) {
		if strings.ContainsRune(text, 0) {
			return nil, effect.Errorf(effect.CodeInvalid, "%s: a NUL byte stands in argv, shell or dir, which no program can be given; nothing ran", x.line)
		}
	}
	if words := program.StringList(args["argv"]); x.text("shell") == "" && (len(words) == 0 || words[0] == "") {
		return nil, effect.Errorf(effect.CodeInvalid, "argv names no program").WithHint(`write argv = { "./deploy.sh", "--env=green" }`)
	}
	return x, nil
}

// command returns what is to run, for as long as is left of the call.
func (x *execution) command(ctx context.Context) *remote.Command {
	c := &remote.Command{Argv: program.StringList(x.req.Args["argv"]), Vars: x.vars, Dir: x.text("dir"), Limit: x.left(ctx),
		About: fmt.Sprintf("run %s, effect %s\n%s", x.req.Run, x.req.Place, x.line)}
	if x.writes {
		c.Record = x.record()
	}
	if line, ok := x.req.Args["shell"].(string); ok {
		c.Argv = []string{"/bin/sh", "-c", line}
	}
	return c
}

// left is how long a command that begins now may take.
func (j *job) left(ctx context.Context) time.Duration {
	seconds, ok := j.req.Args["timeout"].(float64)
	left := effect.Seconds(seconds)
	if !ok {
		left = 10 * time.Minute
	}
	if deadline, bounded := ctx.Deadline(); bounded {
		left = min(left, time.Until(deadline)-remote.Grace-margin)
	}
	return max(left, time.Second)
}

// record is where the request leaves on each host what came of it.
func (j *job) record() *remote.Record {
	return &remote.Record{Key: j.req.Key, Attempt: max(j.req.Attempt, 1)}
}

func (j *job) run(ctx context.Context) (map[string]any, *effect.Error) {
	x, e := j.execution()
	if e != nil {
		return nil, e
	}
	partial, _ := j.req.Args["partial"].(bool)
	out := j.each(ctx, partial || !x.writes, func(ctx context.Context, t *remote.Host) (map[string]any, *effect.Error) {
		return x.on(ctx, t, x.command(ctx).Script(t))
	})
	value, e := j.gather(out, x.writes)
	return x.told(value), e
}

// told says that a secret was taken out of what the hosts told.
func (x *execution) told(value map[string]any) map[string]any {
	if value != nil && x.hid.Load() {
		value["redacted"] = true
	}
	return value
}

// on runs the command on one host, or hears what came of it before.
func (x *execution) on(ctx context.Context, t *remote.Host, script string) (map[string]any, *effect.Error) {
	show := func(line string) { x.req.Progress(t.Name + ": " + line) }
	lines := show
	if x.show == "none" || x.show == "tail" {
		lines = nil
	}
	out := output.New(x.scrub, lines, x.json)
	end, e := x.b.hosts.Run(ctx, t, script, strings.NewReader(x.text("stdin")), x.writes, out)
	if x.show == "tail" {
		out.ShowTail(show)
	}
	if e != nil {
		return nil, e
	}
	return x.value(t, out, end)
}

// value returns what is told of a host, or the error of a bad end.
func (x *execution) value(t *remote.Host, out *output.Output, end remote.Ending) (map[string]any, *effect.Error) {
	took := effect.FormatDuration(time.Duration(end.Seconds) * time.Second)
	switch end.Kind {
	case "exit":
	case "die":
		if word, rest, _ := strings.Cut(end.Why, " "); word == "running" || word == "lost" || word == "void" {
			return nil, effect.Errorf(effect.CodeUnknown, "%s: %s: %s: %s; nothing more was begun", t, x.line, word, rest).
				WithHint("look at what the command was to change there, then say what happened")
		}
		return nil, remote.Died(t, end.Why)
	case "void":
		return nil, effect.Errorf(codeVoid, "%s: it has not begun, and cannot begin any more", t)
	case "broken":
		return nil, effect.Errorf(effect.CodeUnknown, "%s: %s had begun, and neither runs nor has it ended: the host went down meanwhile, or it was killed; nobody knows how far it came", t, x.line).
			WithHint("look at what it was to change there, then say what happened")
	default:
		code, what := effect.CodeUnknown, ", and nobody knows how far it came"
		if !x.writes {
			code, what = effect.CodeTimeout, ""
		}
		return nil, effect.Errorf(code, "%s: %s was still running after %s; its process group was stopped%s%s", t, x.line, took, what, out.Ending()).
			WithHint(`look at what it was to change, then say what happened; a command that may run twice is called with recovery = "retry"`)
	}
	if !slices.Contains(x.ok, end.Code) {
		if sig := end.Code - 128; slices.Contains([]int{1, 2, 3, 6, 9, 11, 15}, sig) && x.writes {
			return nil, effect.Errorf(effect.CodeUnknown, "%s: %s ended with exit code %d, which says that signal %d killed it or what it ran, after %s, and nobody knows how far it came%s",
				t, x.line, end.Code, sig, took, out.Ending()).WithHint("look at what it was to change, then say what happened")
		}
		return nil, effect.Errorf(effect.CodeFailed, "%s: %s ended with exit code %d after %s%s", t, x.line, end.Code, took, out.Ending()).
			WithHint("if this code is no failure, add it to ok = { … }")
	}
	value := map[string]any{"code": float64(end.Code), "seconds": float64(end.Seconds)}
	truncated := false
	for name, which := range map[string]int{"stdout": output.Stdout, "stderr": output.Stderr} {
		text, cut := out.Stream(which).Text()
		if len(text) > x.most {
			text, cut = strings.ToValidUTF8(text[len(text)-x.most:], ""), true
		}
		value[name], truncated = text, truncated || cut
	}
	value["truncated"] = truncated
	changed := out.Changed()
	if x.json {
		decoded, err := out.JSON()
		if err != nil {
			return nil, effect.Errorf(effect.CodeFailed, "%s: %s ran and ended with exit code %d after %s, and its standard output is no JSON that can be used: %v%s",
				t, x.line, end.Code, took, x.scrub.Text(err.Error()), out.Ending()).
				WithHint("what it was to do is done; let it write one JSON value to its standard output and everything else to standard error, or leave out json = true")
		}
		clean, hidden := x.scrub.Value(decoded)
		if changed = changed || hidden; clean != nil {
			value["json"] = clean
		}
	}
	if changed {
		x.hid.Store(true)
	}
	return value, nil
}

// observeRun asks each host for its record. What has not begun anywhere cannot
// begin any more; where some hosts are done and others have not begun, sending
// it again completes it, for those that are done answer from their records.
func (j *job) observeRun(ctx context.Context) (plugins.Observation, error) {
	x, e := j.execution()
	if e != nil {
		return plugins.Observation{}, e
	}
	if !x.writes {
		return plugins.Observation{State: effect.NotApplied}, nil
	}
	out := j.each(ctx, true, func(ctx context.Context, t *remote.Host) (map[string]any, *effect.Error) {
		if e := j.b.hosts.Await(ctx, t); e != nil {
			return nil, e
		}
		return x.on(ctx, t, j.record().Past(t, j.left(ctx)))
	})
	seen, err := j.settle(out, x.writes)
	if value, ok := seen.Value.(map[string]any); ok {
		x.told(value)
	}
	return seen, err
}

// settle says of the whole effect what is known of its hosts.
func (j *job) settle(out outcomes, writes bool) (plugins.Observation, error) {
	again := false
	var doubt *effect.Error
	for _, o := range out {
		switch {
		case !o.Begun:
			return plugins.Observation{State: effect.Uncertain}, effect.Errorf(effect.CodeTimeout, "the time was up before all hosts could be asked")
		case o.Err == nil:
		case o.Err.Code == codeVoid, o.Err.Code == effect.CodeFailed: // a failure is told by the record, too
			again = true
		case doubt == nil:
			doubt = o.Err
		}
	}
	if doubt != nil {
		e := out.Failure(true, false)
		e.Code = doubt.Code
		return plugins.Observation{State: effect.Uncertain}, e
	}
	if again {
		return plugins.Observation{State: effect.NotApplied}, nil
	}
	value, e := j.gather(out, writes)
	if e != nil {
		return plugins.Observation{State: effect.Uncertain}, e
	}
	return plugins.Observation{State: effect.Applied, Value: value}, nil
}

// codeVoid marks what has not begun and cannot begin any more; it never leaves
// the backend.
const codeVoid effect.Code = "void"
