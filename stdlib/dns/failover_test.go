package dns

import (
	"slices"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/modeltest"
)

func TestDNSFailover(t *testing.T) {
	world := obj{"records": []any{obj{"name": "www.example.org", "values": []any{"192.0.2.1"}, "ttl": "1m"}},
		"resolvers": obj{"stuck": obj{"stuck": true}}}
	args := func(more obj) obj {
		out := obj{"name": "www.example.org", "from": []any{"192.0.2.1"}, "to": []any{"198.51.100.1"}, "resolvers": []any{"r1", "r2"}}
		for k, v := range more {
			out[k] = v
		}
		return out
	}
	s := modeltest.NewStage(t, Module(), world)
	v, err := s.Run("dns.failover", args(nil))
	if err != nil || v["changed"] != true || v["waited"].(float64) < 55 || v["waited"].(float64) > 65 {
		t.Errorf("%v, %v", v, err)
	}
	s.Said = nil
	if v, err = s.Run("dns.failover", args(nil)); err != nil || v["changed"] != false || slices.Contains(s.Said, "replace") {
		t.Errorf("the second time: %v, %v, %v", v, err, s.Said)
	}
	_, err = s.Run("dns.failover", args(obj{"from": []any{"192.0.2.9"}, "to": []any{"192.0.2.1"}}))
	if err == nil || err.Code != effect.CodeConflict || !strings.Contains(err.Message, "holds 198.51.100.1") {
		t.Errorf("from something else: %v", err)
	}
	s = modeltest.NewStage(t, Module(), world)
	_, err = s.Run("dns.failover", args(obj{"resolvers": []any{"r1", "stuck"}, "timeout": "5m"}))
	if err == nil || err.Code != effect.CodeTimeout || !strings.Contains(err.Message, "the records were changed") || !strings.Contains(err.Message, "stuck sees 192.0.2.1") ||
		strings.Contains(err.Message, "r1") {
		t.Errorf("a resolver that is stuck: %v", err)
	}
}
