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

// everywhere returns the arguments of composites that wait for resolvers.
func everywhere() []effect.Field {
	return []effect.Field{
		field.Texts("resolvers", "who has to see it, beside all authoritative servers: host:port, or resolvers of the configuration"),
		{Name: "timeout", Type: effect.Duration, Default: "10m", Doc: "how long to wait"},
		{Name: "every", Type: effect.Duration, Default: "5s", Min: effect.Bound(0.05), Doc: "the pause between reads"},
	}
}

// wait is dns.wait: reads with pauses until every resolver sees the values.
func wait() effect.Composite {
	return effect.Composite{Uses: []string{"dns.records"}, Op: effect.Op{
		Module: "dns", Name: "wait", Class: effect.Read,
		Doc:      "Read a record set again and again until all resolvers see these values; an error if they do not within the timeout",
		Args:     append(append(recordSet(), field.NeedTexts("values", "all values that are to be seen")), everywhere()...),
		Validate: validate("values"),
		Returns: []effect.Field{field.Of("reads", effect.Int, "how many rounds of reading it took"),
			field.Of("waited", effect.Duration, "how long it took")},
	}, Run: runWait}
}

func runWait(ctx context.Context, p effect.Performer, args map[string]any) (any, error) {
	do := composite.For(ctx, p)
	timeout, every := args["timeout"].(float64), args["every"].(float64)
	want := lenient(plain.Str(args, "type"), args["values"])
	pending := []string{authoritative}
	for _, resolver := range plain.List(args["resolvers"]) {
		if resolver != "" && !slices.Contains(pending, resolver) {
			pending = append(pending, resolver)
		}
	}
	start, err := do.Now()
	if err != nil {
		return nil, err
	}
	for n := 1; ; n++ {
		var late []string // what those who are late see, in words
		var still []string
		for _, resolver := range pending {
			seen, ttl, err := seen(do, args, resolver)
			if err != nil && composite.Final(err) {
				return nil, err
			}
			if err == nil && slices.Equal(seen, want) {
				continue
			}
			still = append(still, resolver)
			late = append(late, sight(resolver, seen, ttl, err))
		}
		at, err := do.Now()
		if err != nil {
			return nil, err
		}
		if pending = still; len(pending) == 0 {
			return map[string]any{"reads": float64(n), "waited": at - start}, nil
		}
		if at-start+every > timeout {
			return nil, effect.Errorf(effect.CodeTimeout, "%s %s is not %s everywhere after %s: %s", args["name"], args["type"],
				strings.Join(want, ", "), effect.FormatDuration(effect.Seconds(at-start)), strings.Join(late, "; ")).
				WithHint("resolvers keep what they know for the record's time to live: wait longer than it, and lower it before the next change")
		}
		if err := do.Sleep(every, "until resolvers see "+strings.Join(want, ", ")); err != nil {
			return nil, err
		}
	}
}

// authoritative stands for all authoritative servers among resolvers.
const authoritative = "authoritative"

// seen returns the values of the set that args name, as a resolver sees them,
// and for how many seconds more.
func seen(d composite.Doer, args map[string]any, resolver string) ([]string, float64, error) {
	ask := plain.Pick(args, "name", "type", "zone")
	if resolver != "" {
		ask["resolver"] = resolver
	}
	t, err := d.Table("dns.records", ask)
	return lenient(plain.Str(args, "type"), t["values"]), plain.Num(t, "ttl"), err
}

func sight(resolver string, seen []string, ttl float64, err error) string {
	keeps := fmt.Sprintf(" for %s more", effect.FormatDuration(effect.Seconds(ttl)))
	if resolver == authoritative {
		resolver, keeps = "the authoritative servers", ""
	}
	switch {
	case err != nil:
		return fmt.Sprintf("%s: %s", resolver, effect.AsError(err).Message)
	case len(seen) == 0:
		return resolver + " sees nothing" + keeps
	}
	return fmt.Sprintf("%s sees %s%s", resolver, strings.Join(seen, ", "), keeps)
}
