package host_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/host"
	"github.com/q-ecosystem/runbook/stdlib"
	"github.com/q-ecosystem/runbook/stdlib/health"
	"github.com/q-ecosystem/runbook/stdlib/http"
)

func TestSubsetOfAContract(t *testing.T) {
	contract := health.Module()
	verify := func(ops []effect.Op) error {
		return host.Verify(host.Spec{Name: "half", Module: "health"}, plugins.Description{Name: "half", Module: "health", Ops: ops}, &contract)
	}
	if err := verify(stdlib.Carry("health", "measure")); err != nil {
		t.Errorf("a backend with one op of the contract: %v", err)
	}
	for name, c := range map[string]struct {
		ops  []effect.Op
		want string
	}{
		"nothing":  {nil, "it declares no op"},
		"misspelt": {stdlib.Carry("health", "check", "mesure"), "health.mesure: is not in the contract"},
	} {
		var ce *host.ContractError
		if err := verify(c.ops); !errors.As(err, &ce) || !slices.Equal(ce.Differences, []string{c.want}) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestKindsAreComparedWithTheContract(t *testing.T) {
	contract, ops := http.Module(), http.Module().Ops
	ops[0].ClassOf = map[string]effect.Class{"POST": effect.Read}
	err := host.Verify(host.Spec{Name: "sly", Module: "http"}, plugins.Description{Name: "sly", Module: "http", Ops: ops}, &contract)
	if err == nil || !strings.Contains(err.Error(), "its class by method is POST read, the contract says GET read, HEAD read") {
		t.Errorf("a backend that calls POST a read: %v", err)
	}
}

func TestOpThatIsNotCarried(t *testing.T) {
	h := open(t, host.Spec{Name: "half", Module: "traffic", Builtin: true})
	ops := stdlib.Carry("traffic", "drain")
	c := effect.Call{Run: "r", Place: "1", Key: "k", Op: &ops[0], Args: map[string]any{"server": "blue"}, Class: effect.Write}
	for _, verb := range []effect.Verb{effect.VerbInvoke, effect.VerbObserve, effect.VerbPreview} {
		c.Verb = verb
		e := failure(t, t.Context(), h, c, effect.CodeUnsupported)
		if !strings.Contains(e.Message, "backend half does not carry traffic.drain") || !strings.Contains(e.Hint, "it carries traffic.weights;") {
			t.Errorf("%q (hint %q)", e.Message, e.Hint)
		}
	}
}
