package history_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
)

// TestStands: the last write about each subject, what went wrong since, and
// what nobody knows.
func TestStands(t *testing.T) {
	field := func(name string) effect.Field { return effect.Field{Name: name, Type: effect.String, Doc: name} }
	write := func(module, name string) effect.Op {
		return effect.Op{Module: module, Name: name, Doc: "Write", Class: effect.Write, Recovery: effect.Ask, Args: []effect.Field{field("pool")}}
	}
	read := effect.Op{Module: "traffic", Name: "servers", Doc: "Read", Class: effect.Read, Args: []effect.Field{field("pool")}}
	catalog, err := effect.NewCatalog(effect.Control(),
		effect.Module{Name: "traffic", Doc: "Divide", Ops: []effect.Op{write("traffic", "split"), read}, Desired: &effect.Desired{Reads: []string{"servers"},
			Subject: func(args map[string]any) map[string]any { return map[string]any{"pool": args["pool"]} },
			Set:     func(any, string, map[string]any, any) any { return nil },
			Compare: func(any, string, map[string]any, any) effect.Deviation { return effect.Deviation{} }}},
		effect.Module{Name: "exec", Doc: "Run", Ops: []effect.Op{write("exec", "run")}})
	if err != nil {
		t.Fatal(err)
	}
	failed, open := &effect.Error{Code: effect.CodeFailed}, &effect.Error{Code: effect.CodeUnknown}
	for _, c := range []struct {
		name   string
		writes [][3]any // op, pool, its error: open for none
		want   []string
	}{
		{"nothing", nil, nil},
		{"the last of each pool", [][3]any{{"traffic.split", "web", nil}, {"traffic.split", "api", nil}, {"traffic.split", "web", nil}}, []string{"2", "3"}},
		{"the last of a module", [][3]any{{"exec.run", "a", nil}, {"traffic.split", "web", nil}, {"exec.run", "b", nil}}, []string{"2", "3"}},
		{"a failed one beside what stands", [][3]any{{"traffic.split", "web", nil}, {"traffic.split", "web", failed}, {"traffic.split", "web", failed}}, []string{"1", "3"}},
		{"what worked after it failed", [][3]any{{"exec.run", "a", failed}, {"exec.run", "a", nil}}, []string{"2"}},
		{"all that is unknown", [][3]any{{"exec.run", "a", open}, {"exec.run", "b", nil}, {"exec.run", "c", open}}, []string{"1", "2", "3"}},
		{"engine's own", [][3]any{{effect.OpSleep, "a", nil}}, nil},
	} {
		h := history.Of(nil)
		for i, w := range c.writes {
			place := effect.Place(fmt.Sprint(i + 1))
			h.Add(&effect.Event{Seq: int64(2*i + 1), At: time.Unix(int64(i), 0), Kind: effect.EffectIntended, Place: place,
				Body: effect.Body{Op: w[0].(string), Class: effect.Write, Recovery: effect.Ask, Attempt: 1, Args: fmt.Appendf(nil, `{"pool":%q}`, w[1])}})
			e, _ := w[2].(*effect.Error)
			switch {
			case e == open:
			case e != nil:
				h.Add(&effect.Event{Seq: int64(2*i + 2), At: time.Unix(int64(i), 5), Kind: effect.EffectFailed, Place: place, Body: effect.Body{Error: e}})
			default:
				h.Add(&effect.Event{Seq: int64(2*i + 2), At: time.Unix(int64(i), 5), Kind: effect.EffectDone, Place: place})
			}
		}
		var got []string
		for _, s := range h.Stands(catalog) {
			got = append(got, string(s.Place))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v stand, want %v", c.name, got, c.want)
		}
	}
}
