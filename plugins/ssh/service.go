package ssh

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/internal/output"
	"github.com/q-ecosystem/runbook/plugins/internal/remote"
)

// unit is what systemd says of a service.
type unit struct {
	load, active, sub, invocation, result, kind string
	since                                       time.Time
	pid, restarts                               int
	job                                         bool // something is under way
}

// show asks systemd; times come in UTC, whatever the host's zone.
const show = `command -v systemctl >/dev/null 2>&1 || die unsupported "it has no systemctl: services are those of systemd"
show() { TZ=UTC LC_ALL=C systemctl show -p LoadState,ActiveState,SubState,ActiveEnterTimestamp,MainPID,NRestarts,InvocationID,Job,Result,Type -- "$unit"; }
`

func (j *job) unitName() string {
	if name := j.text("name"); strings.Contains(name, ".") {
		return name
	}
	return j.text("name") + ".service"
}

func (j *job) service(ctx context.Context) (map[string]any, *effect.Error) {
	if j.text("action") == "status" {
		return j.gather(j.each(ctx, true, j.status), false)
	}
	partial, _ := j.req.Args["partial"].(bool)
	out := j.each(ctx, partial, func(ctx context.Context, t *remote.Host) (map[string]any, *effect.Error) {
		return j.act(ctx, t, j.serviceCommand(ctx).Script(t))
	})
	return j.gather(out, true)
}

// serviceCommand is what is run on a host. How the service was before is noted
// first, in a link as well: by its invocation's id it is known later whether it
// was started anew.
func (j *job) serviceCommand(ctx context.Context) *remote.Command {
	return &remote.Command{Argv: []string{"systemctl", j.text("action"), "--", j.unitName()}, Vars: map[string]string{"RUNBOOK_KEY": j.req.Key}, Limit: j.left(ctx), Record: j.record(),
		About: fmt.Sprintf("run %s, effect %s\n%s %s", j.req.Run, j.req.Place, j.text("action"), j.unitName()),
		Before: show + "unit=" + remote.Quote(j.unitName()) + `
was=$(show) || die failed "systemctl cannot be asked"
case $was in *LoadState=not-found*) die not_found "there is no unit $unit";; *LoadState=masked*) die refused "the unit $unit is masked";; esac
a=$(printf '%s\n' "$was" | sed -n 's/^ActiveState=//p'); v=$(printf '%s\n' "$was" | sed -n 's/^InvocationID=//p')
ln -s "was:$a:$v" "$K/$n.was" 2>/dev/null
`}
}

// act changes a service and sees what came of it.
func (j *job) act(ctx context.Context, t *remote.Host, script string) (map[string]any, *effect.Error) {
	x := &execution{job: j, line: "systemctl " + j.text("action") + " " + j.unitName(), ok: []int{0}, writes: true, show: "none", most: output.TailSize}
	if _, e := x.on(ctx, t, script); e != nil {
		return nil, e
	}
	u, was, e := j.look(ctx, t)
	if e != nil {
		e := *e // it was done, and how it is now is not known
		e.Code, e.Retryable = effect.CodeUnknown, false
		return nil, &e
	}
	if e := j.came(t, u); e != nil {
		return nil, e
	}
	value := u.value()
	if before, _, told := strings.Cut(was, ":"); told {
		value["changed"] = j.text("action") == "restart" || j.text("action") == "reload" || (before == "active") != (u.active == "active")
	}
	return value, nil
}

// came reports whether the service is as the action wants it.
func (j *job) came(t *remote.Host, u *unit) *effect.Error {
	up := u.active == "active" || u.active == "reloading"
	done := u.kind == "oneshot" && u.result == "success" && u.active == "inactive" // it ran, and that was all
	wanted := up || done
	if j.text("action") == "stop" {
		wanted = u.active == "inactive" || u.active == "failed"
	}
	if wanted {
		return nil
	}
	return effect.Errorf(effect.CodeFailed, "%s: %s is %s (%s) after %s", t, j.unitName(), u.active, u.sub, j.text("action")).
		WithHint("journalctl -u %s on the host says why", j.unitName())
}

func (j *job) status(ctx context.Context, t *remote.Host) (map[string]any, *effect.Error) {
	u, _, e := j.look(ctx, t)
	if e != nil {
		return nil, e
	}
	if u.load == "not-found" {
		return nil, effect.Errorf(effect.CodeNotFound, "%s: there is no unit %s", t, j.unitName()).WithHint("systemctl list-unit-files shows what there is")
	}
	return u.value(), nil
}

// look asks how a service is now, and how it was before the last attempt
// ("STATE:INVOCATION", "" if that is not recorded).
func (j *job) look(ctx context.Context, t *remote.Host) (*unit, string, *effect.Error) {
	script := remote.Prelude + j.record().Place(t) + "K=$S/$k\n" + show + "unit=" + remote.Quote(j.unitName()) + `
i=$n; w=
while [ "$i" -ge 1 ] && [ -z "$w" ]; do w=$(readlink "$K/$i.was" 2>/dev/null); i=$((i - 1)); done
show || die failed "systemctl cannot be asked"
say end "${w#was:}"
exit 0
`
	var mu sync.Mutex
	var text strings.Builder
	was, e := j.b.hosts.Ask(ctx, t, remote.Script{Text: script, Write: func(which int, p []byte) {
		mu.Lock()
		defer mu.Unlock()
		if which == output.Stdout {
			text.Write(p)
		}
	}}, false)
	if e != nil {
		return nil, "", e
	}
	mu.Lock()
	defer mu.Unlock()
	u := parseUnit(text.String())
	if u.active == "" {
		return nil, "", effect.Errorf(effect.CodeFailed, "%s: systemctl says nothing of %s that can be read", t, j.unitName())
	}
	return u, was, nil
}

func parseUnit(text string) *unit {
	u := &unit{}
	for line := range strings.SplitSeq(text, "\n") {
		name, value, _ := strings.Cut(line, "=")
		switch name {
		case "LoadState":
			u.load = value
		case "ActiveState":
			u.active = value
		case "SubState":
			u.sub = value
		case "InvocationID":
			u.invocation = value
		case "Result":
			u.result = value
		case "Type":
			u.kind = value
		case "MainPID":
			u.pid, _ = strconv.Atoi(value)
		case "NRestarts":
			u.restarts, _ = strconv.Atoi(value)
		case "Job":
			u.job = value != "" && value != "0"
		case "ActiveEnterTimestamp":
			u.since, _ = time.Parse("Mon 2006-01-02 15:04:05 MST", value)
		}
	}
	return u
}

func (u *unit) value() map[string]any {
	v := map[string]any{"state": u.active, "sub": u.sub, "restarts": float64(u.restarts)}
	if u.active == "active" && !u.since.IsZero() {
		v["since"] = float64(u.since.Unix())
	}
	if u.pid > 0 {
		v["pid"] = float64(u.pid)
	}
	return v
}

// observeService goes by the records first. Where an attempt was broken off,
// systemd itself tells: a service that is in another invocation than before was
// started anew.
func (j *job) observeService(ctx context.Context) (plugins.Observation, error) {
	x := &execution{job: j, line: "systemctl " + j.text("action") + " " + j.unitName(), ok: []int{0}, writes: true, show: "none", most: output.TailSize}
	out := j.each(ctx, true, func(ctx context.Context, t *remote.Host) (map[string]any, *effect.Error) {
		if e := j.b.hosts.Await(ctx, t); e != nil {
			return nil, e
		}
		_, e := x.on(ctx, t, j.record().Past(t, j.left(ctx)))
		if e != nil && e.Code != effect.CodeUnknown {
			return nil, e
		}
		u, was, e2 := j.look(ctx, t)
		if e2 != nil {
			return nil, e2
		}
		if e == nil {
			return u.value(), j.came(t, u)
		}
		if u.job {
			return nil, effect.Errorf(effect.CodeUnknown, "%s: systemd is still at work on %s", t, j.unitName()).WithHint("wait for it (systemctl list-jobs), then resume")
		}
		up := u.active == "active"
		_, before, told := strings.Cut(was, ":")
		switch j.text("action") {
		case "start", "stop":
			if up == (j.text("action") == "start") {
				return u.value(), nil
			}
		case "restart":
			if told && up && u.invocation != before {
				return u.value(), nil
			}
			if !told || !up {
				return nil, e // not as before, nor as it is to be
			}
		case "reload": // leaves no trace; once more does no more than once
			if !up {
				return nil, e
			}
		}
		return nil, effect.Errorf(codeVoid, "%s: it did not come to it", t)
	})
	return j.settle(out, true)
}
