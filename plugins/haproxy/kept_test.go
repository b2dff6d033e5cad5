package haproxy

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

// TestSplitKeepsOthers: what a split does not name stays as it is, at each process by
// itself, and is seen to be so or not.
func TestSplitKeepsOthers(t *testing.T) {
	_, lines := startHosts(t, "", map[string]int{"a1": 60, "a2": 20, "b": 10, "c1": 0, "c2": 0, "spare": 100})
	var sockets []any
	for range 2 {
		sockets = append(sockets, startProxy(t, lines).socket)
	}
	b := configured(t, map[string]any{"sockets": sockets, "pool": "wide", "groups": map[string]any{"a": []any{"a1", "a2"}, "c": []any{"c1", "c2"}}})
	weights := func(process int) string {
		t.Helper()
		r, err := b.readFor(t.Context(), request(t, "weights", nil))
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, s := range r.pools[process].servers {
			list = append(list, fmt.Sprint(s.real, " ", s.weight))
		}
		return strings.Join(list, ", ")
	}
	is := func(what, first, second string) {
		t.Helper()
		if a, b := weights(0), weights(1); a != first || b != second {
			t.Errorf("%s: weights\n%s, and\n%s; want\n%s, and\n%s", what, a, b, first, second)
		}
	}
	keep := func(share float64) map[string]any { return map[string]any{"c": share, "others": "keep"} }
	plugintest.Until(t, "all are up", func() bool {
		return statusOf(t, b, "a") == "up" && statusOf(t, b, "b") == "up" && statusOf(t, b, "c") == "up"
	})
	if got := must(t, b, "split", keep(10)); got["c"] != 10.0 {
		t.Errorf("split gives %v", got)
	}
	is("others untouched", "a1 60, a2 20, b 10, c1 5, c2 5, spare 100", "a1 60, a2 20, b 10, c1 5, c2 5, spare 100")

	// somebody takes a server out at one process: it counts for nothing there
	must(t, b, "drain", map[string]any{"server": "b"})
	if got := must(t, b, "split", keep(20)); !maps.Equal(got, map[string]any{"a": 80.0, "b": 0.0, "c": 20.0, "spare": 0.0}) {
		t.Errorf("with b out: %v", got)
	}
	is("one is out", "a1 60, a2 20, b 10, c1 10, c2 10, spare 100", "a1 60, a2 20, b 10, c1 10, c2 10, spare 100")
	must(t, b, "ready", map[string]any{"server": "b"})

	// too much for weights up to 256: the others keep their proportions, by one line
	req, sent := request(t, "split", keep(95)), []string{}
	req.Progress = func(line string) { sent = append(sent, line) }
	if o, err := b.Observe(t.Context(), req); err != nil || o.State != effect.NotApplied {
		t.Errorf("before: %v, %v", o, err)
	}
	if _, err := b.Invoke(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	is("rescaled", "a1 6, a2 2, b 1, c1 86, c2 85, spare 100", "a1 6, a2 2, b 1, c1 86, c2 85, spare 100")
	if len(sent) != 2 || strings.Count(sent[0], "set weight wide/") != 5 {
		t.Errorf("sent was %q, want a line for each process", sent)
	}
	if o, err := b.Observe(t.Context(), req); err != nil || o.State != effect.Applied {
		t.Errorf("after: %v, %v", o, err)
	}

	// a runner was killed between the processes: sent again, it changes only the other
	if _, _, err := b.clients[1].ask(t.Context(), "set weight wide/a1 60; set weight wide/a2 20; set weight wide/b 10; set weight wide/c1 5; set weight wide/c2 5"); err != nil {
		t.Fatal(err)
	}
	if o, err := b.Observe(t.Context(), req); err != nil || o.State != effect.NotApplied {
		t.Errorf("at one of two: %v, %v", o, err)
	}
	must(t, b, "split", keep(95))
	is("sent again", "a1 6, a2 2, b 1, c1 86, c2 85, spare 100", "a1 6, a2 2, b 1, c1 86, c2 85, spare 100")
	if got := must(t, b, "split", keep(0)); got["c"] != 0.0 || got["b"].(float64)*8 != got["a"] {
		t.Errorf("taken back: %v", got)
	}

	for _, c := range []struct {
		args map[string]any
		code effect.Code
		says string
	}{
		{map[string]any{"a": 10.0, "b": 10.0, "others": "keep"}, effect.CodeConflict, "nothing of pool wide but the servers named has a share to keep, and 80% would be left over; nothing changed"},
		{keep(99.99), effect.CodeInvalid, "weights are whole numbers up to 256"},
		{map[string]any{"spare": 10.0, "others": "keep"}, effect.CodeConflict, "is a backup"},
	} {
		_, err := invoke(t, b, "split", c.args)
		plugintest.WantError(t, err, c.code, c.says)
	}
	is("refused", "a1 6, a2 2, b 1, c1 0, c2 0, spare 100", "a1 6, a2 2, b 1, c1 0, c2 0, spare 100")
}
