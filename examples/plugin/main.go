// Runbook-plugin-flagdir keeps feature flags in a directory, one file a flag,
// that holds the percentage of users who have it.
package main

import (
	"context"

	"example.org/flagdir/flags"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

type flagdir struct{ dir directory }

func (f *flagdir) Describe() plugins.Description {
	return plugins.Description{Name: "flagdir", Module: "flags", Doc: "Feature flags as files of a directory.", Version: "1.0.0", Ops: flags.Module().Ops,
		Config: []effect.Field{{Name: "dir", Type: effect.String, Required: true, Path: effect.MayBePath, Doc: "where the flags lie"}}}
}

func (f *flagdir) Configure(_ context.Context, config map[string]any) error {
	dir, _ := config["dir"].(string)
	f.dir = directory(dir)
	return nil
}

func (f *flagdir) Health(context.Context) error { return f.dir.there() }

func (f *flagdir) Invoke(ctx context.Context, req plugins.Request) (any, error) {
	flag, _ := req.Args["flag"].(string)
	switch {
	case ctx.Err() != nil:
		return nil, effect.Errorf(effect.CodeTimeout, "%s of %s was stopped before it began", req.Op, flag)
	case req.Op == "set":
		percent, _ := req.Args["percent"].(float64)
		if err := f.dir.write(flag, percent); err != nil {
			return nil, effect.Errorf(effect.CodeRefused, "%v; the flag is as it was", err).WithHint("check that %s can be written", f.dir)
		}
	case req.Op != "get":
		return nil, effect.Errorf(effect.CodeUnsupported, "flagdir has no op called %s", req.Op)
	}
	percent, err := f.dir.read(flag) // of a write, too: what is reported has been seen
	if err != nil && req.Op == "set" {
		return nil, effect.Errorf(effect.CodeUnknown, "%s was written, and cannot be read back: %v", flag, err)
	} else if err != nil {
		return nil, effect.Errorf(effect.CodeFailed, "%v", err)
	}
	return map[string]any{"percent": percent}, nil
}

// Observe says whether a set whose outcome nobody saw was applied.
func (f *flagdir) Observe(_ context.Context, req plugins.Request) (plugins.Observation, error) {
	percent, err := f.dir.read(req.Args["flag"].(string))
	if err != nil {
		return plugins.Observation{State: effect.Uncertain}, err
	}
	if percent != req.Args["percent"] {
		return plugins.Observation{State: effect.NotApplied}, nil
	}
	return plugins.Observation{State: effect.Applied, Value: map[string]any{"percent": percent}}, nil
}

func main() { plugins.Serve(&flagdir{}) }
