package ssh

import (
	"context"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/internal/program"
	"github.com/q-ecosystem/runbook/plugins/internal/remote"
)

// job is one request, with the hosts that it means.
type job struct {
	b     *Backend
	req   plugins.Request
	hosts []*remote.Host
}

func (b *Backend) job(req plugins.Request) (*job, *effect.Error) {
	on := program.StringList(req.Args["on"])
	switch req.Op {
	case "list":
		if len(on) == 0 {
			on = []string{"all"}
		}
	case "run", "copy", "read", "service":
	default:
		return nil, effect.Errorf(effect.CodeUnsupported, "the ssh backend has no op called %q", req.Op).WithHint("it has list, run, copy, read and service")
	}
	chosen, e := b.hosts.Choose(on)
	if e != nil {
		return nil, e
	}
	return &job{b: b, req: req, hosts: chosen}, nil
}

func (j *job) names() []string {
	names := make([]string, len(j.hosts))
	for i, t := range j.hosts {
		names[i] = t.Name
	}
	return names
}

func (j *job) text(name string) string {
	s, _ := j.req.Args[name].(string)
	return s
}

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
		out = append(out, map[string]any{"name": t.Name, "address": t.Addr(), "groups": groups, "labels": labels})
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

// outcomes are what came of a request on each host, as the script is told it.
type outcomes = remote.Outcomes[map[string]any]

// each does something on all hosts, as the request's limit says.
func (j *job) each(ctx context.Context, all bool, do func(ctx context.Context, t *remote.Host) (map[string]any, *effect.Error)) outcomes {
	limit, _ := j.req.Args["limit"].(float64)
	return remote.Each(ctx, j.hosts, int(limit), all, do)
}

// gather makes one result of those of the hosts, or one error.
func (j *job) gather(out outcomes, writes bool) (map[string]any, *effect.Error) {
	partial, _ := j.req.Args["partial"].(bool)
	if e := out.Failure(writes, partial); e != nil {
		return nil, e
	}
	hosts := map[string]any{}
	for _, o := range out {
		if o.Err == nil {
			hosts[o.Host.Name] = o.Value
		} else {
			hosts[o.Host.Name] = map[string]any{"error": o.Err.Message, "failure": string(o.Err.Code)}
		}
	}
	return map[string]any{"hosts": hosts, "count": float64(len(hosts))}, nil
}
