package traffictest

import (
	"context"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/stdlib"
)

// Stand carries a script out on a backend: traffic is real, targets are
// healthy, a window takes a hundredth of its time.
type Stand struct {
	Backend plugins.Backend
	Logged  []string
	Window  func(n int) // called within each measurement
	Windows int
	now     time.Time
}

// Do implements effect.Handler.
func (s *Stand) Do(ctx context.Context, call effect.Call) (effect.Result, error) {
	switch name := call.Op.String(); {
	case call.Op.Module == "traffic":
		v, err := s.Backend.Invoke(ctx, plugins.Request{Op: call.Op.Name, Args: call.Args, Attempt: 1, Progress: func(string) {}})
		return effect.Result{Value: v}, err
	case name == "health.measure":
		s.Windows++
		s.Window(s.Windows)
		s.now = s.now.Add(effect.Seconds(call.Args["window"].(float64)))
		return effect.Result{Value: map[string]any{"error_rate": 0.0}}, nil
	case name == effect.OpNow:
		return effect.Result{Value: float64(s.now.Unix())}, nil
	case name == effect.OpSleep:
		s.now = s.now.Add(effect.Seconds(call.Args["duration"].(float64)))
	case name == effect.OpLog:
		s.Logged = append(s.Logged, call.Args["text"].(string))
	}
	return effect.Result{}, nil
}

// Play runs a script, in which t is the module traffic and h health.
func (s *Stand) Play(t testing.TB, text string) error {
	t.Helper()
	catalog, err := effect.NewCatalog(append(stdlib.Modules(), effect.Control())...)
	if err != nil {
		t.Fatal(err)
	}
	sc, err := script.New(script.Options{Main: script.Source{Name: "main.lua", Text: []byte(`runbook { name = "test" } local t, h = require "traffic", require "health" ` + text)},
		Catalog: catalog, Handler: s})
	if err != nil {
		t.Fatal(err)
	}
	defer sc.Close()
	return sc.Run(t.Context())
}
