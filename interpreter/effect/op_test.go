package effect_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// run is an op whose caller states what it may do.
func run() effect.Op {
	return effect.Op{Module: "exec", Name: "run", ClassArg: "class", RecoveryArg: "recovery", Args: []effect.Field{
		{Name: "class", Type: effect.Enum, Enum: []string{"read", "write", "irreversible"}},
		{Name: "recovery", Type: effect.Enum, Enum: []string{"retry", "ask"}},
		{Name: "timeout", Type: effect.Duration},
	}}
}

func TestClassAndRecovery(t *testing.T) {
	request := effect.Op{Module: "http", Name: "request", KindArg: "method", ClassArg: "class",
		ClassOf:    map[string]effect.Class{"GET": effect.Read, "PUT": effect.Write},
		RecoveryOf: map[string]effect.Recovery{"PUT": effect.Retry}}
	tests := []struct {
		name     string
		op       effect.Op
		args     map[string]any
		class    effect.Class
		recovery effect.Recovery
	}{
		{"what is not declared is the worst", effect.Op{}, nil, effect.Irreversible, effect.Ask},
		{"declared", effect.Op{Class: effect.Write, Recovery: effect.Observe}, nil, effect.Write, effect.Observe},
		{"an argument named as nothing", effect.Op{}, map[string]any{"": "read"}, effect.Irreversible, effect.Ask},
		{"stated", run(), map[string]any{"class": "read", "recovery": "retry"}, effect.Read, effect.Retry},
		{"not stated", run(), nil, effect.Irreversible, effect.Ask},
		{"by kind", request, map[string]any{"method": "PUT"}, effect.Write, effect.Retry},
		{"by a kind that is not listed", request, map[string]any{"method": "POST"}, effect.Irreversible, effect.Ask},
		{"stated against the kind", request, map[string]any{"method": "PUT", "class": "irreversible"}, effect.Irreversible, effect.Ask},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if c, r := test.op.ClassFor(test.args), test.op.RecoveryFor(test.args); c != test.class || r != test.recovery {
				t.Errorf("got %s, %s; want %s, %s", c, r, test.class, test.recovery)
			}
		})
	}
	for class, writes := range map[effect.Class]bool{effect.Read: false, effect.Value: false, effect.Mark: false,
		effect.Write: true, effect.Irreversible: true, "": true, "new": true} {
		if class.Writes() != writes {
			t.Errorf("%q writes: %v", class, class.Writes())
		}
	}
}

func TestTimeout(t *testing.T) {
	op := run()
	op.Timeout = time.Minute
	for _, test := range []struct {
		op   effect.Op
		args map[string]any
		want time.Duration
	}{
		{effect.Op{}, map[string]any{"timeout": 1.0}, effect.DefaultTimeout},
		{op, nil, time.Minute},
		{op, map[string]any{"timeout": 90.0}, 95 * time.Second},
	} {
		if got := test.op.TimeoutFor(test.args); got != test.want {
			t.Errorf("%v: %v, want %v", test.args, got, test.want)
		}
	}
}

func TestVerifyOp(t *testing.T) {
	good := func(mend func(*effect.Op)) effect.Op {
		op := run()
		mend(&op)
		return op
	}
	tests := []struct {
		name string
		op   effect.Op
		err  string
	}{
		{"good", run(), ""},
		{"name", good(func(o *effect.Op) { o.Name = "Run" }), `op "exec.Run": module and name must be lower-case words`},
		{"no module", good(func(o *effect.Op) { o.Module = "" }), "module and name must be lower-case words"},
		{"digit first", good(func(o *effect.Op) { o.Name = "2fa" }), "module and name must be lower-case words"},
		{"a class of the engine", good(func(o *effect.Op) { o.Class = effect.Value }), `op exec.run: unknown class "value"`},
		{"a class by kind", good(func(o *effect.Op) { o.ClassOf = map[string]effect.Class{"x": effect.Mark} }), `op exec.run: unknown class "mark"`},
		{"recovery", good(func(o *effect.Op) { o.Recovery = "pray" }), `op exec.run: unknown recovery "pray"`},
		{"argument", good(func(o *effect.Op) { o.Args[0].Type = "?" }), `op exec.run: field class: unknown type "?"`},
		{"return", good(func(o *effect.Op) { o.Returns = []effect.Field{{Name: "r", Type: "?"}} }), `op exec.run: field r: unknown type "?"`},
		{"rest", good(func(o *effect.Op) { o.Rest = &effect.Field{Type: "?"} }), `unknown type "?"`},
		{"a stated class of the engine", good(func(o *effect.Op) { o.Args[0].Enum = []string{"read", "mark"} }),
			`op exec.run: the argument class may not be "mark", only "read", "write", "irreversible"`},
		{"any class at all", good(func(o *effect.Op) { o.Args[0] = effect.Field{Name: "class", Type: effect.String} }),
			`op exec.run: the argument class has to be an enum of "read", "write", "irreversible"`},
		{"a recalled result that is no argument", good(func(o *effect.Op) { o.Recall = []string{"version"} }), "has to be an argument and a result"},
		{"a class argument that is not there", good(func(o *effect.Op) { o.ClassArg = "klass" }), "the argument klass has to be an enum"},
		{"recovery argument", good(func(o *effect.Op) { o.Args[1].Enum = []string{"never"} }), `the argument recovery may not be "never"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := test.op.Verify()
			if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Errorf("got %v, want %q", err, test.err)
			}
		})
	}
}

func TestCheckValidates(t *testing.T) {
	op := effect.Op{Module: "traffic", Name: "split", Rest: &effect.Field{Type: effect.Percent}, Validate: func(args map[string]any) error {
		sum := 0.0
		for _, v := range args {
			sum += v.(float64)
		}
		if sum != 100 {
			return &effect.FieldError{Problem: "the weights have to sum to 100"}
		}
		return nil
	}}
	if got, err := op.Check(map[string]any{"green": "10%", "blue": 90.0}); err != nil || !reflect.DeepEqual(got, map[string]any{"green": 10.0, "blue": 90.0}) {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := op.Check(map[string]any{"green": 10.0}); err == nil || err.Error() != "the weights have to sum to 100" {
		t.Error(err)
	}
	var fe *effect.FieldError
	if _, err := op.Check(map[string]any{"green": "x"}); !errors.As(err, &fe) || fe.Path != "green" {
		t.Error(err)
	}
}

func TestCatalog(t *testing.T) {
	lamp := effect.Module{Name: "lamp", Ops: []effect.Op{{Module: "lamp", Name: "on"}, {Module: "lamp", Name: "off"}},
		Composites: []effect.Composite{{Op: effect.Op{Module: "lamp", Name: "blink"}}}}
	c, err := effect.NewCatalog(effect.Control(), lamp)
	if err != nil {
		t.Fatal(err)
	}
	if op, ok := c.Op("lamp.on"); !ok || op.String() != "lamp.on" {
		t.Error("lamp.on is not found")
	}
	if comp, ok := c.Composite("lamp.blink"); !ok || comp.String() != "lamp.blink" {
		t.Error("lamp.blink is not found")
	}
	if _, ok := c.Op("lamp.blink"); ok {
		t.Error("a composite is an op")
	}
	if got := c.Names(); !reflect.DeepEqual(got, []string{"lamp"}) {
		t.Errorf("names %v", got)
	}
	if got := lamp.Members(); !reflect.DeepEqual(got, []string{"blink", "off", "on"}) {
		t.Errorf("members %v", got)
	}
	for _, op := range effect.Control().Ops {
		if got, ok := c.Op(op.String()); !ok || got.ClassFor(nil) != op.Class {
			t.Errorf("%s is not found", &op)
		}
	}
	for name, modules := range map[string][]effect.Module{
		"module lamp is declared twice":                               {lamp, lamp},
		"module lamp declares the op door.on of another module":       {{Name: "lamp", Ops: []effect.Op{{Module: "door", Name: "on"}}}},
		`op lamp.on: unknown class "mark"`:                            {{Name: "lamp", Ops: []effect.Op{{Module: "lamp", Name: "on", Class: effect.Mark}}}},
		`op "lamp.": module and name must be lower-case words of let`: {{Name: "lamp", Composites: []effect.Composite{{Op: effect.Op{Module: "lamp"}}}}},
	} {
		if _, err := effect.NewCatalog(modules...); err == nil || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("got %v, want %s", err, name)
		}
	}
}
