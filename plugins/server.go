package plugins

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/wire"
)

// Register adds the backend to a gRPC server, as the service that hosts speak
// with. Serve does so for a process of its own; it is exported for tests that
// serve a backend on a listener of theirs.
func Register(s grpc.ServiceRegistrar, b Backend) {
	wire.RegisterBackendServer(s, newServer(b))
}

// server puts a Backend behind the wire.
type server struct {
	wire.UnimplementedBackendServer
	backend Backend
	desc    Description
	ops     map[string]*effect.Op
	broken  *effect.Error // Describe panicked: there is nothing to serve
	// first runs at the first call from the host, when go-plugin is done with
	// setting the process up.
	first func()
	once  sync.Once

	claimed    atomic.Bool // Configure was called
	configured atomic.Bool // Configure succeeded
}

func newServer(b Backend) *server {
	s := &server{backend: b, first: func() {}, ops: map[string]*effect.Op{}}
	if err := s.guard("Describe", func() error { s.desc = b.Describe(); return nil }); err != nil {
		s.broken = effect.AsError(err)
	}
	for i := range s.desc.Ops {
		s.ops[s.desc.Ops[i].Name] = &s.desc.Ops[i]
	}
	return s
}

// Describe answers with the backend's description.
func (s *server) Describe(context.Context, *wire.DescribeRequest) (*wire.DescribeResponse, error) {
	s.once.Do(s.first)
	if s.broken != nil {
		return &wire.DescribeResponse{Error: wire.FromError(s.broken)}, nil
	}
	ops, err := wire.EncodeDeclarations(s.desc.Ops)
	if err != nil {
		return &wire.DescribeResponse{Error: wire.FromError(fmt.Errorf("describe: its ops: %w", err))}, nil
	}
	config, err := wire.EncodeDeclarations(s.desc.Config)
	if err != nil {
		return &wire.DescribeResponse{Error: wire.FromError(fmt.Errorf("describe: its configuration: %w", err))}, nil
	}
	return &wire.DescribeResponse{Name: wire.Text(s.desc.Name), Module: wire.Text(s.desc.Module), Doc: wire.Text(s.desc.Doc),
		Version: wire.Text(s.desc.Version), Ops: ops, Config: config}, nil
}

// Configure hands the configuration to the backend, once.
func (s *server) Configure(ctx context.Context, req *wire.ConfigureRequest) (*wire.ConfigureResponse, error) {
	if s.claimed.Swap(true) {
		return &wire.ConfigureResponse{Error: wire.FromError(effect.Errorf(effect.CodeInternal,
			"backend %s was configured twice", s.desc.Name))}, nil
	}
	err := s.guard("Configure", func() error {
		config, err := wire.DecodeArgs(req.GetConfig())
		if err != nil {
			return err
		}
		return s.backend.Configure(ctx, config)
	})
	s.configured.Store(err == nil)
	return &wire.ConfigureResponse{Error: wire.FromError(err)}, nil
}

// invoke carries one op out.
func (s *server) invoke(ctx context.Context, call *wire.Call, progress func(string)) *wire.InvokeResponse {
	op, req, err := s.request(call)
	if err != nil {
		return failure(err)
	}
	if late := call.GetNotAfterUs(); late > 0 && time.Now().UnixMicro() > late {
		return failure(effect.Errorf(effect.CodeUnavailable, "%s came to its backend after the runner's lease had ended; nothing was done", op).
			WithHint("the runner stalled; another one may have taken the run over"))
	}
	req.Progress = progress
	var value any
	returned := false
	err = s.guard(op.Name, func() (err error) {
		value, err = s.backend.Invoke(ctx, req)
		returned = true
		return err
	})
	writes := op.ClassFor(req.Args).Writes()
	if !returned && writes { // it panicked, and may have come half way
		e := *effect.AsError(err)
		e.Code, e.Retryable = effect.CodeUnknown, false
		err = &e
	}
	if err != nil {
		return failure(ended(ctx, op, writes, err))
	}
	data, err := effect.Encode(value, nil)
	if err == nil {
		err = wire.Fits(data)
	}
	if err != nil {
		code := effect.CodeInternal
		if writes {
			code = effect.CodeUnknown // it happened, and how it ended cannot be told
		}
		return failure(effect.Errorf(code, "backend %s returned from %s a result that cannot be sent: %v", s.desc.Name, op.Name, err).
			WithHint("this is a fault of the backend; tell its author"))
	}
	return &wire.InvokeResponse{Kind: &wire.InvokeResponse_Value{Value: data}}
}

// Observe asks an Observer whether a call was applied; others cannot tell.
func (s *server) Observe(ctx context.Context, call *wire.Call) (*wire.ObserveResponse, error) {
	op, req, err := s.request(call)
	if err != nil {
		return &wire.ObserveResponse{Error: wire.FromError(err)}, nil
	}
	observer, ok := s.backend.(Observer)
	if !ok {
		return &wire.ObserveResponse{State: string(effect.Uncertain)}, nil
	}
	ctx, cancel := withTimeout(ctx, call)
	defer cancel()
	var seen Observation
	var value []byte
	err = s.guard(op.Name+" (observe)", func() (err error) {
		if seen, err = observer.Observe(ctx, req); err != nil {
			return err
		}
		value, err = effect.Encode(seen.Value, nil)
		return err
	})
	if err != nil {
		return &wire.ObserveResponse{Error: wire.FromError(ended(ctx, op, false, err))}, nil
	}
	return &wire.ObserveResponse{State: string(seen.State), Value: value}, nil
}

// Preview asks a Previewer what a call would change.
func (s *server) Preview(ctx context.Context, call *wire.Call) (*wire.PreviewResponse, error) {
	op, req, err := s.request(call)
	if err != nil {
		return &wire.PreviewResponse{Error: wire.FromError(err)}, nil
	}
	previewer, ok := s.backend.(Previewer)
	if !ok {
		return &wire.PreviewResponse{Error: wire.FromError(effect.Errorf(effect.CodeUnsupported,
			"backend %s cannot predict what %s would change", s.desc.Name, op))}, nil
	}
	ctx, cancel := withTimeout(ctx, call)
	defer cancel()
	var change effect.Prediction
	err = s.guard(op.Name+" (preview)", func() (err error) {
		change, err = previewer.Preview(ctx, req)
		return err
	})
	if err != nil {
		return &wire.PreviewResponse{Error: wire.FromError(ended(ctx, op, false, err))}, nil
	}
	return &wire.PreviewResponse{Target: wire.Text(change.Target), From: wire.Text(change.From), To: wire.Text(change.To)}, nil
}

// Health asks the backend whether its system can be reached.
func (s *server) Health(ctx context.Context, req *wire.HealthRequest) (*wire.HealthResponse, error) {
	if err := s.ready(); err != nil {
		return &wire.HealthResponse{Error: wire.FromError(err)}, nil
	}
	err := s.guard("Health", func() error { return s.backend.Health(ctx) })
	examiner, ok := s.backend.(Examiner)
	if err != nil || !ok || !req.GetExamine() {
		return &wire.HealthResponse{Error: wire.FromError(err)}, nil
	}
	var missing []string
	err = s.guard("Examine", func() (err error) {
		missing, err = examiner.Examine(ctx)
		return err
	})
	for i, line := range missing {
		missing[i] = wire.Text(line)
	}
	return &wire.HealthResponse{Error: wire.FromError(err), Missing: missing}, nil
}

// request turns a call into what the backend sees.
func (s *server) request(call *wire.Call) (*effect.Op, Request, error) {
	if err := s.ready(); err != nil {
		return nil, Request{}, err
	}
	op, ok := s.ops[call.GetOp()]
	if !ok {
		names := make([]string, 0, len(s.ops))
		for i := range s.desc.Ops {
			names = append(names, s.desc.Ops[i].Name)
		}
		return nil, Request{}, effect.Errorf(effect.CodeUnsupported, "backend %s does not carry %s.%s out", s.desc.Name, s.desc.Module, call.GetOp()).
			WithHint("%s", effect.DidYouMean(call.GetOp(), names))
	}
	args, err := wire.DecodeArgs(call.GetArgs())
	if err != nil {
		return nil, Request{}, effect.Errorf(effect.CodeInvalid, "read the arguments of %s: %v", op, err)
	}
	return op, Request{Op: op.Name, Args: args, Key: call.GetKey(), Run: call.GetRun(), Place: call.GetPlace(),
		Attempt: int(call.GetAttempt()), Progress: func(string) {}}, nil
}

func (s *server) ready() error {
	if !s.configured.Load() {
		return effect.Errorf(effect.CodeInternal, "backend %s was called before it was configured", s.desc.Name)
	}
	return nil
}

// guard runs fn and turns a panic into an error, so that one bad handler does
// not end the process and every other call in it.
func (s *server) guard(what string, fn func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			name := s.desc.Name
			if name == "" {
				name = fmt.Sprintf("%T", s.backend)
			}
			fmt.Fprintf(os.Stderr, "panic in %s: %v\n%s", what, r, debug.Stack())
			err = effect.Errorf(effect.CodeInternal, "backend %s panicked in %s: %v", name, what, r).
				WithHint("the stack is in the run's log; see what the system looks like before going on")
		}
	}()
	return fn()
}

// ended gives an error its meaning: a bare error leaves open whether a write
// was applied.
func ended(ctx context.Context, op *effect.Op, writes bool, err error) error {
	var e *effect.Error
	cut := ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded))
	switch {
	case errors.As(err, &e), !cut && !writes:
		return err
	case !cut: // an error without a code does not say that nothing happened
		return effect.Errorf(effect.CodeUnknown, "%s failed, and its backend does not say whether it was applied: %v", op, err).
			WithHint("this is a fault of the backend: it owes an error with a code")
	}
	if writes {
		return effect.Errorf(effect.CodeUnknown, "%s was cut off (%v): nobody knows whether it was applied", op, err)
	}
	return effect.Errorf(effect.CodeTimeout, "%s was cut off (%v)", op, err)
}

func withTimeout(ctx context.Context, call *wire.Call) (context.Context, context.CancelFunc) {
	if ms := call.GetTimeoutMs(); ms > 0 {
		return context.WithTimeout(ctx, time.Duration(ms)*time.Millisecond)
	}
	return context.WithCancel(ctx)
}

func failure(err error) *wire.InvokeResponse {
	return &wire.InvokeResponse{Kind: &wire.InvokeResponse_Error{Error: wire.FromError(err)}}
}
