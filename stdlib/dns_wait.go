package stdlib

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// everywhere returns the arguments of composites that wait for resolvers.
func everywhere() []effect.Field {
	return []effect.Field{
		texts("resolvers", "who has to see it: host:port, or resolvers of the configuration; the authoritative server if left out"),
		{Name: "timeout", Type: effect.Duration, Default: "10m", Doc: "how long to wait"},
		{Name: "every", Type: effect.Duration, Default: "5s", Min: effect.Bound(0.05), Doc: "the pause between reads"},
	}
}

// dnsWait is dns.wait: reads with pauses until every resolver sees the values.
func dnsWait() effect.Composite {
	return effect.Composite{Uses: []string{"dns.records"}, Op: effect.Op{
		Module: "dns", Name: "wait", Class: effect.Read,
		Doc:  "Read a record set again and again until all resolvers see these values; an error if they do not within the timeout",
		Args: append(append(recordSet(), needTexts("values", "all values that are to be seen")), everywhere()...),
		Returns: []effect.Field{field("reads", effect.Int, "how many rounds of reading it took"),
			field("waited", effect.Duration, "how long it took")},
	}, Run: runDNSWait}
}

func runDNSWait(ctx context.Context, p effect.Performer, args map[string]any) (any, error) {
	do := doer{ctx, p}
	timeout, every := args["timeout"].(float64), args["every"].(float64)
	want := sorted(list(args["values"]))
	pending := list(args["resolvers"])
	if len(pending) == 0 {
		pending = []string{""}
	}
	start, err := do.now()
	if err != nil {
		return nil, err
	}
	for n := 1; ; n++ {
		var late []string // what those who are late see, in words
		var still []string
		for _, resolver := range pending {
			seen, err := do.seen(args, resolver)
			if err != nil && final(err) {
				return nil, err
			}
			if err == nil && slices.Equal(seen, want) {
				continue
			}
			still = append(still, resolver)
			late = append(late, sight(resolver, seen, err))
		}
		at, err := do.now()
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
		if err := do.sleep(every, "until resolvers see "+strings.Join(want, ", ")); err != nil {
			return nil, err
		}
	}
}

// seen returns the sorted values of the set that args name, as a resolver sees
// them.
func (d doer) seen(args map[string]any, resolver string) ([]string, error) {
	ask := pick(args, "name", "type", "zone")
	if resolver != "" {
		ask["resolver"] = resolver
	}
	t, err := d.table("dns.records", ask)
	return sorted(list(t["values"])), err
}

func sight(resolver string, seen []string, err error) string {
	if resolver == "" {
		resolver = "the authoritative server"
	}
	switch {
	case err != nil:
		return fmt.Sprintf("%s: %s", resolver, effect.AsError(err).Message)
	case len(seen) == 0:
		return resolver + " sees nothing"
	}
	return fmt.Sprintf("%s sees %s", resolver, strings.Join(seen, ", "))
}

// sorted returns a sorted copy.
func sorted(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return s
}
