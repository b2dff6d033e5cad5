package traffic

import (
	"fmt"
	"math"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Module returns what there is under the name traffic.
func Module() effect.Module {
	pool := effect.Field{Name: "pool", Type: effect.String, Doc: "which pool; the configured one if left out"}
	server := effect.Field{Name: "server", Type: effect.String, Required: true, Doc: "the server's name"}
	weights := effect.Field{Name: "weights", Type: effect.Map, Elem: &effect.Field{Type: effect.Percent},
		Doc: "the share of new requests that each server takes now, in percent, as read back from the proxy"}
	configured := effect.Field{Name: "configured", Type: effect.Map, Elem: &effect.Field{Type: effect.Percent},
		Doc: "the share that each takes when all are healthy and through their slow start, by the weights that are set"}
	drift := effect.Field{Name: effect.DriftField, Type: effect.String,
		Doc: "in what traffic is not what this run set, or not the same at every process of the proxy"}
	servers := effect.Field{Name: "servers", Type: effect.List, Doc: "one entry a server", Elem: &effect.Field{
		Type: effect.Object, Fields: []effect.Field{
			{Name: "name", Type: effect.String, Doc: "the server's name"},
			{Name: "weight", Type: effect.Percent, Doc: "the share that it takes now"},
			{Name: "configured", Type: effect.Percent, Doc: "its share by the weights that are set"},
			{Name: "status", Type: effect.Enum, Enum: []string{"up", "down", "drain", "maint"}, Doc: "as the proxy sees it"},
			{Name: "sessions", Type: effect.Int, Doc: "connections under way"},
			{Name: "backup", Type: effect.Bool, Doc: "true if it takes requests only when no other server can"},
			{Name: "note", Type: effect.String, Doc: "why it takes another share than is set: slow start, an agent check"},
		}}}
	write := func(name, doc string, args ...effect.Field) effect.Op {
		return effect.Op{Module: "traffic", Name: name, Doc: doc, Class: effect.Write, Recovery: effect.Observe,
			Args: append(args, pool), Returns: []effect.Field{weights, configured, drift}}
	}
	split := write("split", "Divide new requests among servers; the shares add up to 100",
		effect.Field{Name: "others", Type: effect.Enum, Enum: []string{"none", "keep"}, Doc: "what becomes of servers that are not named: none takes anything (if left out), or they keep " +
			"their proportions and share what the named ones, whose shares are of the whole, leave"})
	split.Rest = &effect.Field{Type: effect.Percent, Min: effect.Bound(0), Max: effect.Bound(100),
		Doc: "a server's share in percent: green = 10"}
	split.Validate = validateSplit
	return effect.Module{Name: "traffic", Doc: "Divide requests among the servers of a pool.",
		Model: func() effect.Model { return NewModel() }, Scenario: scenario(), Faults: faults(), Invariants: invariants(), Desired: desired(),
		Ops: []effect.Op{
			{Module: "traffic", Name: "weights", Doc: "Read the share of each server", Class: effect.Read, Gate: effect.GateLooks,
				Args: []effect.Field{pool}, Returns: []effect.Field{weights, configured, drift}},
			{Module: "traffic", Name: "servers", Doc: "Read the state of each server", Class: effect.Read, Gate: effect.GateLooks,
				Args: []effect.Field{pool}, Returns: []effect.Field{servers, drift}},
			split,
			write("switch", "Send all new requests to one server",
				effect.Field{Name: "to", Type: effect.String, Required: true, Doc: "the server's name"}),
			write("drain", "Send a server no new requests and let the ones under way finish", server),
			write("ready", "Let a drained server take requests again", server),
		}}
}

func validateSplit(args map[string]any) error {
	sum, named := 0.0, Named(args)
	for _, share := range named {
		sum += share
	}
	switch {
	case len(named) == 0:
		return &effect.FieldError{Problem: "names no server", Hint: "write traffic.split { green = 10, blue = 90 }"}
	case args["others"] == "keep" && sum > 100+1e-6:
		return &effect.FieldError{Problem: fmt.Sprintf("the shares add up to %v, more than 100", sum),
			Hint: "they are shares of the whole, of which the others keep the rest"}
	case args["others"] != "keep" && math.Abs(sum-100) > 1e-6:
		return &effect.FieldError{Problem: fmt.Sprintf("the shares add up to %v, not 100", sum),
			Hint: `name every server that is to take traffic, or write others = "keep"`}
	}
	return nil
}
