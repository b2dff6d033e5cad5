package recordsettest

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib"
)

// Walk leads the system and the model of the module the same way at random, and
// holds what they say against each other.
func (s Subject) Walk(t *testing.T) {
	b, model := s.Backend(t, nil), stdlib.Models()["dns"]
	records := []any{}
	for _, set := range Sets() {
		values := []any{}
		for _, v := range set.Values {
			values = append(values, v)
		}
		records = append(records, obj{"name": set.Name, "type": set.Kind, "values": values, "ttl": float64(set.TTL)})
	}
	if err := model.Load(obj{"zones": obj{Zone: obj{"negative_ttl": s.Negative}}, "records": records}); err != nil {
		t.Fatal(err)
	}
	values := map[string][]string{
		"A": {"192.0.2.1", "192.0.2.2", "192.0.2.3"}, "AAAA": {"2001:db8::1", "2001:DB8:0::2"}, "CNAME": {"cdn.example.net", "WWW.example.org."},
		"TXT": {`"a b"`, "plain", `"q\"x" "y"`, `"ü\\\010"`}, "MX": {"10 mail.example.net", "20 Mail2.example.net."}, "SRV": {"1 2 443 svc.example.net"},
		"CAA": {`0 issue "ca.example.net"`}, "PTR": {"host.example.net"},
	}
	names := []string{"www.example.org", "alias.example.org", "TEXT.example.org.", "a.example.org", "b.a.example.org", "x.tcp.example.org", "*.wild.example.org", "www.nosuchzone.example", "example.org"}
	kinds := []string{"A", "A", "CNAME", "CNAME", "TXT", "AAAA", "MX", "SRV", "CAA", "PTR"}
	random := rand.New(rand.NewPCG(6, 3))
	pick := func(list []string) string { return list[random.IntN(len(list))] }
	some := func(kind string) []any {
		list := []any{}
		for _, v := range values[kind] {
			if random.IntN(2) == 0 && (kind != "CNAME" || len(list) == 0) {
				list = append(list, v)
			}
		}
		if len(list) == 0 {
			list = append(list, pick(values[kind]))
		}
		return list
	}
	seen := map[string]int{}
	steps := 700
	if testing.Short() {
		steps = 250
	}
	for i := range steps {
		kind := pick(kinds)
		op, args := pick([]string{"records", "set", "set", "replace", "delete"}), obj{"name": pick(names), "type": kind}
		if random.IntN(8) == 0 {
			args["zone"] = pick([]string{"example.org", "example.org.", "sub.example.org"})
		}
		switch op {
		case "records":
			if random.IntN(4) == 0 && s.Asked {
				args["resolver"] = "authoritative"
			}
		case "set":
			args["values"] = some(kind)
		case "replace":
			args["from"], args["to"] = some(kind), some(kind)
			if random.IntN(2) == 0 { // what it holds
				if now, err := Invoke(t, b, "records", obj{"name": args["name"], "type": kind}); err == nil && len(now["values"].([]any)) > 0 {
					args["from"] = now["values"]
				}
			}
		case "delete":
			if random.IntN(2) == 0 {
				args["values"] = some(kind)
			}
		}
		if (op == "set" || op == "replace") && random.IntN(3) == 0 {
			args["ttl"] = float64(60 + random.IntN(900))
		}
		req := Request(t, op, args)
		real, realErr := b.Invoke(t.Context(), req)
		m := effect.Moment{Now: time.Unix(int64(i), 0), Key: fmt.Sprint(i), World: func(string) map[string]any { return nil }}
		modeled, modelErr := model.Do(m, op, req.Args)
		if realErr != nil || modelErr != nil {
			r, s := effect.AsError(realErr), effect.AsError(modelErr)
			if r == nil || s == nil || r.Code != s.Code || r.Code == effect.CodeConflict && r.Message != s.Message {
				t.Fatalf("step %d, %s %v:\nthe system gives %v\nthe model        %v", i, op, args, realErr, modelErr)
			}
			why := string(r.Code)
			if strings.Contains(r.Message, "beside which") {
				why = "beside"
			}
			seen[op+" "+why]++
			continue
		}
		if !reflect.DeepEqual(real, modeled) {
			t.Fatalf("step %d, %s %v:\nthe system gives %v\nthe model        %v", i, op, args, real, modeled)
		}
		seen[op]++
	}
	for _, what := range []string{"records", "set", "replace", "delete", "records not_found", "set not_found", "set beside", "replace conflict", "delete conflict"} {
		if seen[what] < steps/100 {
			t.Errorf("%s came %d times in %d steps: the walk shows too little (%v)", what, seen[what], steps, seen)
		}
	}
	plugintest.Compared(t, s.name(), s.System, steps)
}
