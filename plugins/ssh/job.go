package ssh

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	contract "github.com/q-ecosystem/runbook/stdlib/hosts"
)

// job is one request, with the hosts that it means.
type job struct {
	b     *Backend
	req   plugins.Request
	hosts []*target
}

func (b *Backend) job(req plugins.Request) (*job, *effect.Error) {
	on := list(req.Args["on"])
	switch req.Op {
	case "list":
		if len(on) == 0 {
			on = []string{"all"}
		}
	case "run", "copy", "read", "service":
	default:
		return nil, effect.Errorf(effect.CodeUnsupported, "the ssh backend has no op called %q", req.Op).WithHint("it has list, run, copy, read and service")
	}
	all := make([]contract.Host, 0, len(b.settings.targets))
	for _, name := range sorted(b.settings.targets) {
		all = append(all, b.settings.targets[name].Host)
	}
	chosen, e := contract.Choose(all, on)
	if e != nil {
		return nil, e
	}
	j := &job{b: b, req: req}
	for i := range chosen {
		j.hosts = append(j.hosts, b.settings.targets[chosen[i].Name])
	}
	return j, nil
}

func (j *job) names() []string {
	names := make([]string, len(j.hosts))
	for i, t := range j.hosts {
		names[i] = t.Name
	}
	return names
}

func (j *job) text(name string) string { return str(j.req.Args[name]) }

func (j *job) list() map[string]any {
	out := []any{}
	for _, t := range j.hosts {
		labels, groups := map[string]any{}, []any{}
		for k, v := range t.Labels {
			labels[k] = v
		}
		for _, g := range t.Groups {
			groups = append(groups, g)
		}
		out = append(out, map[string]any{"name": t.Name, "address": t.addr(), "groups": groups, "labels": labels})
	}
	return map[string]any{"hosts": out, "count": float64(len(out))}
}

// what says what the request asks for, for a preview.
func (j *job) what() string {
	switch j.req.Op {
	case "run":
		return "run " + j.line()
	case "copy":
		return "copy to " + j.text("to")
	case "service":
		return j.text("action") + " " + j.text("name")
	}
	return j.req.Op
}

// outcome is what came of one host.
type outcome struct {
	value map[string]any
	err   *effect.Error
	begun bool // something was asked of it
}

// each does something on all hosts, so many at once as limit says. Unless all
// is set it begins on no further host after one has failed.
func (j *job) each(ctx context.Context, all bool, do func(ctx context.Context, t *target) (map[string]any, *effect.Error)) map[string]*outcome {
	limit := 10
	if n, ok := j.req.Args["limit"].(float64); ok {
		limit = int(n)
	}
	out := map[string]*outcome{}
	for _, t := range j.hosts {
		out[t.Name] = &outcome{}
	}
	var mu sync.Mutex
	failed := false
	var wg sync.WaitGroup
	turn := make(chan struct{}, limit)
	for _, t := range j.hosts {
		turn <- struct{}{}
		mu.Lock()
		stop := failed && !all || ctx.Err() != nil
		o := out[t.Name]
		o.begun = !stop
		mu.Unlock()
		if stop {
			break
		}
		wg.Go(func() {
			defer func() { <-turn }()
			value, e := do(ctx, t)
			mu.Lock()
			defer mu.Unlock()
			o.value, o.err = value, e
			failed = failed || e != nil
		})
	}
	wg.Wait()
	return out
}

// gather makes one result of those of the hosts, or one error. Who reads it has
// to know of each host what is known: what was done, what failed, what was not
// begun, and what nobody knows.
func (j *job) gather(out map[string]*outcome, writes bool) (map[string]any, *effect.Error) {
	partial, _ := j.req.Args["partial"].(bool)
	return j.combine(out, writes, partial)
}

// combine is gather for a call that tells failures as partial says.
func (j *job) combine(out map[string]*outcome, writes, partial bool) (map[string]any, *effect.Error) {
	hosts := map[string]any{}
	var done, waiting []string
	var bad []*effect.Error
	var unknown *effect.Error
	for _, t := range j.hosts {
		o := out[t.Name]
		switch {
		case !o.begun:
			waiting = append(waiting, t.Name)
		case o.err == nil:
			done = append(done, t.Name)
			hosts[t.Name] = o.value
		default:
			bad = append(bad, o.err)
			if o.err.Code == effect.CodeUnknown && unknown == nil {
				unknown = o.err
			}
			hosts[t.Name] = map[string]any{"error": o.err.Message, "failure": string(o.err.Code)}
		}
	}
	if len(bad) == 0 && len(waiting) > 0 {
		bad = append(bad, effect.Errorf(effect.CodeTimeout, "the time was up before all hosts had their turn").WithHint("give it a longer timeout, or a higher limit"))
	}
	if len(bad) == 0 || partial && unknown == nil && len(waiting) == 0 {
		return map[string]any{"hosts": hosts, "count": float64(len(hosts))}, nil
	}
	e := *bad[0]
	if unknown != nil {
		e = *unknown
		slices.SortStableFunc(bad, func(a, b *effect.Error) int { return rank(a) - rank(b) })
	}
	lines := make([]string, len(bad))
	for i, one := range bad {
		lines[i] = one.Message
	}
	e.Message = strings.Join(lines, "\n")
	if len(j.hosts) > 1 && writes {
		e.Message += told("done on", done) + told("not begun on", waiting)
	}
	if writes && len(done) > 0 && unknown == nil {
		e.Retryable = false
		if e.Code == effect.CodeUnavailable { // which would say that nothing changed
			e.Code = effect.CodeFailed
		}
	}
	return nil, &e
}

// rank puts what nobody knows before what failed.
func rank(e *effect.Error) int {
	if e.Code == effect.CodeUnknown {
		return 0
	}
	return 1
}

func told(what string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "\n" + what + " " + strings.Join(names, ", ")
}

// died is the error of a script that gave up: "CODE why".
func died(t *target, why string) *effect.Error {
	code, text, _ := strings.Cut(why, " ")
	hints := map[string]string{
		"not_found":   "check the path or the name on the host",
		"unsupported": "it needs a Linux host with util-linux and coreutils (or busybox)",
		"refused":     "check the rights of the user that works there; state and sudo in the configuration of ssh say where and as whom",
	}
	known := []effect.Code{effect.CodeNotFound, effect.CodeUnsupported, effect.CodeRefused, effect.CodeConflict, effect.CodeInvalid}
	if slices.Contains(known, effect.Code(code)) {
		e := effect.Errorf(effect.Code(code), "%s: %s; nothing was changed there", t, text)
		if hint := hints[code]; hint != "" {
			return e.WithHint("%s", hint)
		}
		return e
	}
	return effect.Errorf(effect.CodeFailed, "%s: %s", t, text)
}

// silent is the error of a session that ended before the script said anything.
func silent(t *target, a *answer) *effect.Error {
	why := "the session ended before anything ran"
	if a.noise != "" {
		why += ": " + a.noise
	}
	hint := "log in by hand as the same user and run /bin/sh; what its start-up files write, or a forced command, may be in the way"
	if t.sudo != "" {
		hint = fmt.Sprintf("sudo -n -u %s /bin/sh has to work there without a password for %s (NOPASSWD in sudoers)", t.sudo, t.user)
	}
	return effect.Errorf(effect.CodeRefused, "%s: %s", t, why).WithHint("%s", hint)
}

// cutOff is the error of a connection that broke, or of a call that ended, while
// a script was under way.
func cutOff(t *target, a *answer, writes bool) *effect.Error {
	why := "the connection broke"
	code := effect.CodeUnavailable
	if a.err == context.Canceled {
		why, code = "the call was canceled", effect.CodeTimeout
	} else if a.err == context.DeadlineExceeded {
		why, code = "the call's time was up", effect.CodeTimeout
	}
	if !writes {
		return effect.Errorf(code, "%s: %s before the answer had come", t, why).WithHint("check the host and the way to it")
	}
	return effect.Errorf(effect.CodeUnknown, "%s: %s after the request was sent, and nobody knows what came of it", t, why).
		WithHint("a resume asks the host; if it cannot be asked, look there and say what happened")
}
