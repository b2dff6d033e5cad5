package dns

import (
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/field"
)

// Module returns what there is under the name dns.
func Module() effect.Module {
	values := field.NeedTexts("values", `all values of the set, as in a zone file: { "192.0.2.1" }`)
	ttl := effect.Field{Name: "ttl", Type: effect.Duration, Min: effect.Bound(1), Max: effect.Bound(1<<31 - 1),
		Doc: "how long resolvers may keep it; unchanged if left out, 5m for a new set"}
	now, seen, before := field.Texts("values", "all values of the set, sorted"), field.Of("ttl", effect.Duration, "its time to live; of a set that does not exist, how long resolvers keep that there is none"),
		field.Texts("previous", "what the set held before; empty if it did not exist, absent if only a look after a crash told that the change was made")
	write := func(name, doc string, checked []string, returns []effect.Field, args ...effect.Field) effect.Op {
		return effect.Op{Module: "dns", Name: name, Doc: doc, Class: effect.Write, Recovery: effect.Observe,
			Args: append(recordSet(), args...), Returns: returns, Validate: validate(checked...)}
	}
	return effect.Module{Name: "dns", Doc: "Read and change DNS records.",
		Model: func() effect.Model { return NewModel() }, Scenario: scenario(), Faults: faults(), Invariants: invariants(),
		Ops: []effect.Op{
			{Module: "dns", Name: "records", Doc: "Read a record set from the authoritative server, or as a resolver sees it", Class: effect.Read,
				Args: append(recordSet(), field.Text("resolver",
					`host:port, or a resolver of the configuration; "authoritative" for all authoritative servers, which have to agree; the primary if left out`)),
				Validate: validate(),
				Returns:  []effect.Field{field.Texts("values", "all values of the set, sorted; empty if it does not exist"), seen}},
			write("set", "Give a record set these values, whatever it holds", []string{"values"}, []effect.Field{now, seen, before}, values, ttl),
			write("replace", "Give a record set new values only if it holds the expected ones", []string{"from", "to"}, []effect.Field{now, seen, before},
				field.NeedTexts("from", "the values that it has to hold, all of them"), field.NeedTexts("to", "the new values"), ttl),
			write("delete", "Remove a record set; one that does not exist is no error", []string{"values"}, []effect.Field{before},
				field.Texts("values", "remove it only if it holds exactly these")),
		}, Composites: []effect.Composite{wait(), failover()}}
}

// recordSet returns the arguments that name a record set.
func recordSet() []effect.Field {
	return []effect.Field{field.Need("name", `the full name: "www.example.org"`),
		field.Choice("type", "its type", true, "A", "AAAA", "CNAME", "TXT", "MX", "NS", "SRV", "CAA", "PTR"),
		field.Text("zone", "the zone that holds it; found from the name if left out")}
}
