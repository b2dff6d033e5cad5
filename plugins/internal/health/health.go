// Package health is what the backends of the module health have in common:
// finding a target by name, and waiting in the course of a measurement.
package health

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Target returns the target that a request names in env. The error is an
// *effect.Error that names the backend's targets.
func Target[T any](backend string, targets map[string]T, env any) (T, error) {
	name, _ := env.(string)
	t, ok := targets[name]
	if ok {
		return t, nil
	}
	err := effect.Errorf(effect.CodeNotFound, "no target %q is configured", name)
	if len(targets) == 0 {
		return t, err.WithHint("the %s backend is not configured", backend)
	}
	names := slices.Sorted(maps.Keys(targets))
	return t, err.WithHint("%s", effect.Among("known: ", name, names))
}

// Sleep waits and reports whether ctx let it.
func Sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// Interrupted is the error of a read that its caller gave up.
func Interrupted(ctx context.Context, what string, start time.Time) *effect.Error {
	return effect.Errorf(effect.CodeTimeout, "%s was broken off after %s: %v", what,
		effect.FormatDuration(time.Since(start)), context.Cause(ctx))
}
