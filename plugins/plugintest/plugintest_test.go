package plugintest_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

func TestMain(m *testing.M) { os.Exit(plugintest.Main(m, &shelf{}, &liar{})) }

// shelf is a well-behaved backend with a module of its own: it keeps values
// in files by their names.
type shelf struct{ dir string }

func (*shelf) Describe() plugins.Description {
	name := effect.Field{Name: "name", Type: effect.String, Required: true, Doc: "which one"}
	value := effect.Field{Name: "value", Type: effect.String, Doc: "what lies there"}
	return plugins.Description{Name: "shelf", Module: "shelf", Doc: "Keep values.", Config: []effect.Field{{Name: "dir", Type: effect.String, Doc: "where"}}, Ops: []effect.Op{
		{Module: "shelf", Name: "get", Doc: "Look", Class: effect.Read, Args: []effect.Field{name}, Returns: []effect.Field{value}},
		{Module: "shelf", Name: "put", Doc: "Put", Class: effect.Write, Recovery: effect.Observe,
			Args: []effect.Field{name, value}, Returns: []effect.Field{value}},
	}}
}

func (s *shelf) Configure(_ context.Context, config map[string]any) error {
	s.dir, _ = config["dir"].(string)
	return nil
}

func (*shelf) Health(context.Context) error { return nil }

func (s *shelf) Invoke(ctx context.Context, req plugins.Request) (any, error) {
	if s.dir == "" || ctx.Err() != nil {
		return nil, effect.Errorf(effect.CodeRefused, "not configured, or canceled before it began")
	}
	file, value := s.file(req)
	switch req.Op {
	case "put":
		if err := errors.Join(os.WriteFile(file+req.Key, []byte(value), 0o600), os.Rename(file+req.Key, file)); err != nil {
			return nil, effect.Errorf(effect.CodeFailed, "%v", err)
		}
	case "get":
		data, _ := os.ReadFile(file)
		value = string(data)
	default:
		return nil, effect.Errorf(effect.CodeUnsupported, "no op %s", req.Op)
	}
	return map[string]any{"value": value}, nil
}

func (s *shelf) Observe(_ context.Context, req plugins.Request) (plugins.Observation, error) {
	file, value := s.file(req)
	if data, _ := os.ReadFile(file); string(data) != value {
		return plugins.Observation{State: effect.NotApplied}, nil
	}
	return plugins.Observation{State: effect.Applied}, nil
}

func (s *shelf) file(req plugins.Request) (path, value string) {
	name, _ := req.Args["name"].(string)
	value, _ = req.Args["value"].(string)
	return filepath.Join(s.dir, name), value
}

// forgetful says that it put something, and did not.
type forgetful struct{ shelf }

func (f *forgetful) Invoke(ctx context.Context, req plugins.Request) (any, error) {
	if req.Op == "put" {
		return map[string]any{"value": req.Args["value"]}, nil
	}
	return f.shelf.Invoke(ctx, req)
}

// babbler returns what it never declared, and plain errors.
type babbler struct{ shelf }

func (b *babbler) Invoke(ctx context.Context, req plugins.Request) (any, error) {
	if req.Op == "no_such_op" {
		return nil, os.ErrInvalid
	}
	v, err := b.shelf.Invoke(ctx, req)
	if m, ok := v.(map[string]any); ok {
		m = maps.Clone(m)
		m["weather"] = "fine"
		return m, err
	}
	return v, err
}

// liar has always done what it was asked for.
type liar struct{ shelf }

func (l *liar) Describe() plugins.Description {
	d := l.shelf.Describe()
	d.Name = "liar"
	return d
}

func (*liar) Observe(context.Context, plugins.Request) (plugins.Observation, error) {
	return plugins.Observation{State: effect.Applied}, nil
}

// sleeper does not listen to its context.
type sleeper struct{ shelf }

func (s *sleeper) Invoke(ctx context.Context, req plugins.Request) (any, error) {
	if ctx.Err() != nil && req.Op == "put" {
		select {}
	}
	return s.shelf.Invoke(ctx, req)
}

func cases(t *testing.T) plugintest.Cases {
	return plugintest.Cases{
		Config: map[string]any{"dir": t.TempDir()},
		Reads:  []plugins.Request{{Op: "get", Args: map[string]any{"name": "a"}}},
		Writes: []plugins.Request{{Op: "put", Args: map[string]any{"name": "a", "value": "apple"}}},
	}
}

// badEnv names the bad backend that this binary is run for once more.
const badEnv = "RUNBOOK_TEST_BACKEND"

func TestGoodBackendPasses(t *testing.T) {
	plugintest.Run(t, func(*testing.T) plugins.Backend { return &shelf{} }, cases(t))
}

func TestKilled(t *testing.T) {
	if os.Getenv(badEnv) == "" {
		kills(t, &shelf{})
	}
}

func kills(t *testing.T, b plugins.Backend) {
	config := map[string]any{"dir": t.TempDir()}
	n := 0
	plugintest.Kills{Backend: plugintest.Configured(t, b, config), Config: config, Module: effect.Module{Ops: b.Describe().Ops}, Op: "put", Moments: 1,
		Next: func(*testing.T) plugintest.Round {
			n++
			file := filepath.Join(config["dir"].(string), fmt.Sprint(n))
			return plugintest.Round{Args: map[string]any{"name": fmt.Sprint(n), "value": "apple"}, There: func() bool {
				data, _ := os.ReadFile(file)
				return string(data) == "apple"
			}}
		}}.Run(t)
}

// TestBadBackends runs this binary again, because a suite that fails would
// fail this test with it.
func TestBadBackends(t *testing.T) {
	suite := func(b plugins.Backend, cases func(t *testing.T) plugintest.Cases) func(*testing.T) {
		return func(t *testing.T) {
			plugintest.Run(t, func(*testing.T) plugins.Backend { return b }, cases(t))
		}
	}
	none := func(*testing.T) plugintest.Cases { return plugintest.Cases{} }
	bad := map[string]struct {
		run  func(t *testing.T)
		only string // of the tests
		want []string
	}{
		"forgetful": {suite(&forgetful{}, cases), "^TestBadBackends$", []string{`Observe right after Invoke says "not_applied"`}},
		"babbler": {suite(&babbler{}, cases), "^TestBadBackends$", []string{"does not fit its declaration: weather",
			"an unknown op, asked directly"}},
		"sleeper":  {suite(&sleeper{}, cases), "^TestBadBackends$", []string{"after its context ended"}},
		"no cases": {suite(&shelf{}, none), "^TestBadBackends$", []string{"no request for shelf.put"}},
		"liar":     {func(t *testing.T) { kills(t, &liar{}) }, "^TestBadBackends$", []string{`killed before it began: observed "applied", want "not_applied"`}},
		"spared":   {suite(&shelf{}, cases), "", []string{"PASS", "no test kills shelf at put"}},
	}
	if name := os.Getenv(badEnv); name != "" {
		bad[name].run(t)
		return
	}
	for name, test := range bad {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "-test.run="+test.only)
			cmd.Env = append(os.Environ(), badEnv+"="+name)
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Error("the suite passes")
			}
			for _, want := range test.want {
				if !strings.Contains(string(out), want) {
					t.Errorf("the suite does not say %q:\n%s", want, out)
				}
			}
		})
	}
}
