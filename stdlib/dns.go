package stdlib

import "github.com/q-ecosystem/runbook/interpreter/effect"

// DNS declares changes of records. A record set is all values of one name and
// type; writes are about the whole set and absolute. Values are written as in
// a zone file, names with or without the dot at their end.
func DNS() effect.Module {
	values := needTexts("values", `all values of the set, as in a zone file: { "192.0.2.1" }`)
	ttl := effect.Field{Name: "ttl", Type: effect.Duration, Min: effect.Bound(1), Max: effect.Bound(1<<31 - 1),
		Doc: "how long resolvers may keep it; unchanged if left out, 5m for a new set"}
	now, seen, before := texts("values", "all values of the set, sorted"), field("ttl", effect.Duration, "its time to live"),
		texts("previous", "what the set held before; empty if it did not exist")
	write := func(name, doc string, returns []effect.Field, args ...effect.Field) effect.Op {
		return effect.Op{Module: "dns", Name: name, Doc: doc, Class: effect.Write, Recovery: effect.Observe,
			Args: append(recordSet(), args...), Returns: returns}
	}
	return effect.Module{Name: "dns", Doc: "Read and change DNS records.", Ops: []effect.Op{
		{Module: "dns", Name: "records", Doc: "Read a record set from the authoritative server, or as a resolver sees it", Class: effect.Read,
			Args:    append(recordSet(), text("resolver", "host:port, or a resolver of the configuration; the authoritative server if left out")),
			Returns: []effect.Field{texts("values", "all values of the set, sorted; empty if it does not exist"), seen}},
		write("set", "Give a record set these values, whatever it holds", []effect.Field{now, seen, before}, values, ttl),
		write("replace", "Give a record set new values only if it holds the expected ones", []effect.Field{now, seen, before},
			needTexts("from", "the values that it has to hold, all of them"), needTexts("to", "the new values"), ttl),
		write("delete", "Remove a record set; one that does not exist is no error", []effect.Field{before},
			texts("values", "remove it only if it holds exactly these")),
	}, Composites: []effect.Composite{dnsWait(), dnsFailover()}}
}

// recordSet returns the arguments that name a record set.
func recordSet() []effect.Field {
	return []effect.Field{need("name", `the full name: "www.example.org"`),
		choice("type", "its type", true, "A", "AAAA", "CNAME", "TXT", "MX", "NS", "SRV", "CAA", "PTR"),
		text("zone", "the zone that holds it; found from the name if left out")}
}
