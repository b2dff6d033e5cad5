package view

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib"
)

// TestArgs: a value stands without its name only where nothing else could be
// meant.
func TestArgs(t *testing.T) {
	catalog, err := effect.NewCatalog(stdlib.Modules()...)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ op, args, want string }{
		{"traffic.split", `{"green":10,"blue":90}`, "blue 90%, green 10%"},
		{"traffic.split", `{"others":"keep","canary":10}`, "others keep, canary 10%"},
		{"traffic.switch", `{"to":"blue","pool":"web"}`, "blue, pool web"},
		{"health.watch", `{"drift":"break","during":20,"env":"green","every":1,"margin":10,"settle":300,"slo":{"p99_latency":"<= 500ms"},"tolerate":0}`, "green, 20s, every 1s, {p99_latency <= 500ms}"},
		{"notify.send", `{"channel":"ops","text":"done"}`, "done, channel ops"},
		{"db.exec", `{"args":[1732800000123,9007199254740992,0.125],"node":"a"}`, "args 1732800000123 9007199254740992 0.125, node a"},
	} {
		if got := Args(catalog, c.op, []byte(c.args)); got != c.want {
			t.Errorf("%s %s is shown as %q, want %q", c.op, c.args, got, c.want)
		}
	}
}
