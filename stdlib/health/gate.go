package health

import (
	"context"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/composite"
)

// wait is health.wait: checks with pauses until one passes.
func wait() effect.Composite {
	return effect.Composite{Uses: []string{"health.check"}, Op: effect.Op{
		Module: "health", Name: "wait", Class: effect.Read,
		Doc: "Check again and again until the target is healthy; an error if it is not within the timeout",
		Args: []effect.Field{env(),
			{Name: "timeout", Type: effect.Duration, Default: "5m", Doc: "how long to wait"},
			{Name: "every", Type: effect.Duration, Default: "5s", Min: effect.Bound(0.05), Doc: "the pause between checks"},
		},
		Returns: []effect.Field{
			{Name: "healthy", Type: effect.Bool, Doc: "true"},
			{Name: "checks", Type: effect.Int, Doc: "how many were made"},
		},
	}, Run: runWait}
}

func runWait(ctx context.Context, p effect.Performer, args map[string]any) (any, error) {
	timeout, every := args["timeout"].(float64), args["every"].(float64)
	do := composite.For(ctx, p)
	var start float64
	for n := 1; ; n++ {
		at, err := do.Now()
		if err != nil {
			return nil, err
		}
		if n == 1 {
			start = at
		}
		_, err = p.Perform(ctx, "health.check", map[string]any{"env": args["env"], "timeout": min(every, 10)})
		if err == nil {
			return map[string]any{"healthy": true, "checks": float64(n)}, nil
		}
		if e := effect.AsError(err); effect.AsStop(err) != nil || e.Code == effect.CodeInvalid || e.Code == effect.CodeNotFound {
			return nil, err
		}
		if at-start+every > timeout {
			last := effect.AsError(err)
			code := effect.CodeUnhealthy
			if last.Code == effect.CodeNoData { // nobody knows that it is not
				code = last.Code
			}
			e := effect.Errorf(code, "%s is not healthy after %d checks in %s: %s", args["env"], n,
				effect.FormatDuration(effect.Seconds(timeout)), last.Message)
			e.Hint = last.Hint
			return nil, e
		}
		if err := do.Sleep(every, ""); err != nil {
			return nil, err
		}
	}
}
