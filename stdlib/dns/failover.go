package dns

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/composite"
	"github.com/q-ecosystem/runbook/stdlib/internal/field"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// failover is dns.failover: a compare-and-swap, and the wait until it is
// seen. It leaves the change in place when the wait fails: which way is back
// is for the runbook to say.
func failover() effect.Composite {
	return effect.Composite{Uses: []string{"dns.records", "dns.replace"}, Op: effect.Op{
		Module: "dns", Name: "failover", Class: effect.Write, Recovery: effect.Observe,
		Doc: "Move a record set from one target to another and wait until all resolvers see it; nothing happens if it is there already",
		Args: append(append(recordSet(), field.NeedTexts("from", "the values that it has to hold, all of them"), field.NeedTexts("to", "the new values"),
			effect.Field{Name: "ttl", Type: effect.Duration, Min: effect.Bound(1), Doc: "its new time to live; unchanged if left out"}), everywhere()...),
		Validate: validate("from", "to"),
		Returns: []effect.Field{field.Of("changed", effect.Bool, "false if it held the new values already"),
			field.Of("waited", effect.Duration, "how long resolvers took")},
	}, Run: runFailover}
}

func runFailover(ctx context.Context, p effect.Performer, args map[string]any) (any, error) {
	do := composite.For(ctx, p)
	kind := plain.Str(args, "type")
	holds, _, err := seen(do, args, "")
	if err != nil {
		return nil, err
	}
	from, to := lenient(kind, args["from"]), lenient(kind, args["to"])
	changed := !slices.Equal(holds, to)
	if changed && !slices.Equal(holds, from) {
		return nil, effect.Errorf(effect.CodeConflict, "%s %s holds %s, expected was %s; nothing changed", args["name"], args["type"],
			orNothing(holds), strings.Join(from, ", ")).
			WithHint("somebody changed it: find out who and why, then say in `from` what it holds")
	}
	if changed {
		if _, err := do.Table("dns.replace", plain.Pick(args, "name", "type", "zone", "from", "to", "ttl")); err != nil {
			return nil, err
		}
	}
	wait := plain.Pick(args, "name", "type", "zone", "resolvers", "timeout", "every")
	wait["values"] = args["to"]
	waited, err := do.Table("dns.wait", wait)
	if err != nil {
		if effect.AsStop(err) != nil || !changed {
			return nil, err
		}
		e := *effect.AsError(err)
		e.Message = fmt.Sprintf("the records were changed, and not everyone sees it: %s", e.Message)
		return nil, &e
	}
	return map[string]any{"changed": changed, "waited": waited["waited"]}, nil
}

func orNothing(values []string) string {
	if len(values) == 0 {
		return "nothing"
	}
	return strings.Join(values, ", ")
}
