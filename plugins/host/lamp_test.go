package host_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/host"
	"github.com/q-ecosystem/runbook/stdlib"
	"github.com/q-ecosystem/runbook/stdlib/traffic"
)

// lamp is a backend with a module of its own, that does what it is told:
// also crash, hang and panic.
type lamp struct{ config map[string]any }

// lampOps are a read and a write with the same arguments.
func lampOps() []effect.Op {
	op := func(name string, class effect.Class, recovery effect.Recovery) effect.Op {
		return effect.Op{Module: "lamp", Name: name, Doc: "Do as told", Class: class, Recovery: recovery,
			Args: []effect.Field{
				{Name: "do", Type: effect.String, Required: true, Doc: "what to do"},
				{Name: "file", Type: effect.String, Doc: "where to leave a mark"},
				{Name: "text", Type: effect.String, Doc: "what to say"},
				{Name: "key", Type: effect.String, Secret: true, Doc: "a secret"},
			},
			Returns: []effect.Field{{Name: "said", Type: effect.Any, Doc: "the answer"}}}
	}
	return []effect.Op{op("look", effect.Read, ""), op("change", effect.Write, effect.Observe), op("toss", effect.Irreversible, effect.Ask)}
}

func (*lamp) Describe() plugins.Description {
	return plugins.Description{Name: "lamp", Module: "lamp", Doc: "Do as told.", Version: "1", Ops: lampOps(),
		Config: []effect.Field{
			{Name: "colour", Type: effect.String, Default: "red"},
			{Name: "password", Type: effect.String, Secret: true},
			{Name: "delay", Type: effect.Duration},
		}}
}

func (l *lamp) Configure(_ context.Context, config map[string]any) error {
	if config["colour"] == "black" {
		return effect.Errorf(effect.CodeRefused, "a black lamp gives no light").WithHint("take another colour")
	}
	l.config = config
	return nil
}

func (l *lamp) Health(context.Context) error {
	if l.config["colour"] == "dim" {
		return effect.Errorf(effect.CodeUnhealthy, "it is dark")
	}
	return nil
}

func (l *lamp) Invoke(ctx context.Context, req plugins.Request) (any, error) {
	said, err := l.do(ctx, req)
	if err != nil {
		return nil, err
	}
	return map[string]any{"said": said}, nil
}

func (l *lamp) do(ctx context.Context, req plugins.Request) (any, error) {
	text, _ := req.Args["text"].(string)
	mark := func() {
		if file, ok := req.Args["file"].(string); ok {
			_ = os.WriteFile(file, []byte(req.Op), 0o600)
		}
	}
	switch req.Args["do"] {
	case "echo":
		return req.Args, nil
	case "compare":
		return req.Args["key"] == req.Args["text"], nil
	case "config":
		return l.config, nil
	case "request":
		return map[string]any{"op": req.Op, "key": req.Key, "run": req.Run, "place": req.Place, "attempt": float64(req.Attempt)}, nil
	case "pid":
		return float64(os.Getpid()), nil
	case "environment":
		return strings.Join(os.Environ(), "\n"), nil
	case "child":
		cmd := exec.Command("sleep", "600")
		cmd.Stderr = os.Stderr // holds the plugin's output open
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		return float64(cmd.Process.Pid), nil
	case "stdin":
		data, err := io.ReadAll(os.Stdin)
		return string(data), err
	case "big":
		return strings.Repeat("x", 5<<20), nil
	case "say":
		fmt.Println("stdout: " + text)
		fmt.Fprintln(os.Stderr, "stderr: "+text)
		return nil, nil
	case "progress":
		for i := range 3 {
			req.Progress(fmt.Sprintf("%d of 3 \xff", i+1))
		}
		return nil, nil
	case "fail":
		return nil, effect.Errorf(effect.CodeConflict, "somebody was here: \xff").WithHint("ask them")
	case "foreign error":
		return nil, errors.New("plain words")
	case "foreign value":
		return struct{ X int }{1}, nil
	case "panic":
		panic("the bulb broke")
	case "exit":
		fmt.Fprintln(os.Stderr, "these are my last words")
		os.Exit(3)
	case "hang": // deaf to ctx; applies late if it is let live
		mark()
		time.Sleep(1500 * time.Millisecond)
		if text != "" {
			_ = os.WriteFile(text, nil, 0o600)
		}
		return nil, nil
	case "wait": // a good citizen
		mark()
		<-ctx.Done()
		return nil, ctx.Err()
	case "wait and tell":
		mark()
		<-ctx.Done()
		return nil, effect.Errorf(effect.CodeRefused, "stopped before anything was sent")
	}
	return nil, effect.Errorf(effect.CodeInvalid, "do what? %v", req.Args["do"])
}

func (l *lamp) Observe(_ context.Context, req plugins.Request) (plugins.Observation, error) {
	switch req.Args["do"] {
	case "panic":
		panic("the eye broke")
	case "fail":
		return plugins.Observation{}, effect.Errorf(effect.CodeUnavailable, "too dark to see")
	}
	return plugins.Observation{State: effect.Applied, Value: map[string]any{"said": req.Args["do"]}}, nil
}

func (l *lamp) Preview(_ context.Context, req plugins.Request) (effect.Prediction, error) {
	return effect.Prediction{Target: "lamp", From: "off", To: "on"}, nil
}

// crooked claims to carry traffic, and does not keep its contract.
type crooked struct{ lamp }

func (*crooked) Describe() plugins.Description {
	ops := traffic.Module().Ops
	kept := ops[:0:0]
	for _, op := range ops {
		switch op.Name {
		case "ready": // missing, which it may be
			continue
		case "drain":
			op.Class, op.Recovery = effect.Read, effect.Retry
		case "switch":
			op.Args = []effect.Field{{Name: "to", Type: effect.Int, Required: true}, {Name: "speed", Type: effect.Int}}
		}
		kept = append(kept, op)
	}
	kept = append(kept, effect.Op{Module: "traffic", Name: "jam", Class: effect.Read})
	return plugins.Description{Name: "crooked", Module: "traffic", Ops: kept}
}

// half carries one op of the module traffic.
type half struct{ lamp }

func (*half) Describe() plugins.Description {
	return plugins.Description{Name: "half", Module: "traffic", Ops: stdlib.Carry("traffic", "weights")}
}

func lampSpec() host.Spec {
	return host.Spec{Name: "lamp", Module: "lamp", Builtin: true}
}

// call makes a call of one of the lamp's ops.
func call(op, do string, more ...any) effect.Call {
	ops := lampOps()
	for i := range ops {
		if ops[i].Name != op {
			continue
		}
		args := map[string]any{"do": do}
		for j := 0; j+1 < len(more); j += 2 {
			args[more[j].(string)] = more[j+1]
		}
		return effect.Call{Run: "r", Place: "7", Key: "k", Op: &ops[i], Args: args, Class: ops[i].ClassFor(args),
			Recovery: ops[i].RecoveryFor(args), Attempt: 1}
	}
	panic("no op " + op)
}

func look(do string, more ...any) effect.Call   { return call("look", do, more...) }
func change(do string, more ...any) effect.Call { return call("change", do, more...) }

// brief gives a call little time.
func brief(c effect.Call) effect.Call {
	op := *c.Op
	op.Timeout = 300 * time.Millisecond
	c.Op = &op
	return c
}
