package host

import (
	"context"
	"errors"
	"io"
	"math"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/internal/wire"
)

// DefaultGrace is how long a plugin may take to answer after its time is up or
// its call was canceled.
const DefaultGrace = 2 * time.Second

// Remote is a backend at the other end of a connection that someone else
// keeps. It is a Handler: each call is sent once.
type Remote struct {
	client  wire.BackendClient
	name    string
	grace   time.Duration
	streams streams
}

// NewRemote returns the backend behind conn; name is what errors call it.
// Zero grace means DefaultGrace.
func NewRemote(conn grpc.ClientConnInterface, name string, grace time.Duration) *Remote {
	if grace <= 0 {
		grace = DefaultGrace
	}
	return &Remote{client: wire.NewBackendClient(conn), name: name, grace: grace}
}

// Describe asks the backend what it is.
func (r *Remote) Describe(ctx context.Context) (plugins.Description, error) {
	resp, err := r.client.Describe(ctx, &wire.DescribeRequest{})
	if err != nil {
		return plugins.Description{}, r.transportError(ctx, err, true)
	}
	if e := wire.ToError(resp.GetError()); e != nil {
		return plugins.Description{}, e
	}
	d := plugins.Description{Name: resp.GetName(), Module: resp.GetModule(), Doc: resp.GetDoc(), Version: resp.GetVersion()}
	if d.Ops, err = wire.DecodeDeclarations[effect.Op](resp.GetOps()); err == nil {
		d.Config, err = wire.DecodeDeclarations[effect.Field](resp.GetConfig())
	}
	if err != nil {
		return plugins.Description{}, effect.Errorf(effect.CodeUnsupported, "backend %s declares what this program cannot read: %v", r.name, err).
			WithHint("the plugin may be newer than this program; upgrade one of them")
	}
	return d, nil
}

// Configure hands the configuration over; secrets in it are revealed.
func (r *Remote) Configure(ctx context.Context, config map[string]any) error {
	data, err := wire.EncodeArgs(config)
	if err != nil {
		return effect.Errorf(effect.CodeInvalid, "configure backend %s: %v", r.name, err)
	}
	resp, err := r.client.Configure(ctx, &wire.ConfigureRequest{Config: data})
	if err != nil {
		return r.transportError(ctx, err, true)
	}
	if e := wire.ToError(resp.GetError()); e != nil {
		return e
	}
	return nil
}

// Health asks whether the system behind the backend can be reached.
func (r *Remote) Health(ctx context.Context) error {
	_, err := r.health(ctx, false)
	return err
}

// Examine is Health, and says what is missing for the calls to come.
func (r *Remote) Examine(ctx context.Context) ([]string, error) { return r.health(ctx, true) }

func (r *Remote) health(ctx context.Context, examine bool) ([]string, error) {
	resp, err := r.client.Health(ctx, &wire.HealthRequest{Examine: examine})
	if err != nil {
		return nil, r.transportError(ctx, err, true)
	}
	if e := wire.ToError(resp.GetError()); e != nil {
		return nil, e
	}
	return resp.GetMissing(), nil
}

// Do carries a call out, observes or previews it, as its verb says. The error
// is an *effect.Error; a lost connection becomes one by the rules of this
// package.
func (r *Remote) Do(ctx context.Context, call effect.Call) (effect.Result, error) {
	result, err := r.do(ctx, call)
	var te *transportError
	if errors.As(err, &te) {
		return effect.Result{}, te.outcome(r.name, call)
	}
	return result, err
}

// do is Do, except that a call without an answer gives a *transportError, for whoever
// keeps the process to act upon.
func (r *Remote) do(ctx context.Context, call effect.Call) (effect.Result, error) {
	msg, err := r.encode(call)
	if err != nil {
		return effect.Result{}, err
	}
	if ctx.Err() != nil {
		return effect.Result{}, &transportError{why: canceled}
	}
	switch call.Verb {
	case effect.VerbInvoke, effect.VerbRecall:
		return r.invoke(ctx, call, msg)
	case effect.VerbObserve:
		return r.observe(ctx, call, msg)
	case effect.VerbPreview:
		return r.preview(ctx, call, msg)
	}
	return effect.Result{}, effect.Errorf(effect.CodeInternal, "call %s: unknown verb %q", call.Op, call.Verb)
}

func (r *Remote) encode(call effect.Call) (*wire.Call, error) {
	if call.Op == nil {
		return nil, effect.Errorf(effect.CodeInternal, "call backend %s: the call names no op", r.name)
	}
	args, err := wire.EncodeArgs(call.Args)
	if err != nil {
		return nil, named(effect.Errorf(effect.CodeInvalid, "send %s to backend %s: %v", call.Op, r.name, err).
			WithHint("give the arguments as plain values; a secret has to be read anew in every run"), call)
	}
	return &wire.Call{Op: call.Op.Name, Args: args, Key: wire.Text(call.Key), Run: wire.Text(call.Run), Place: wire.Text(string(call.Place)),
		Attempt: int32(min(max(call.Attempt, 1), math.MaxInt32)), TimeoutMs: max(timeout(call).Milliseconds(), 1),
		NotAfterUs: notAfter(call)}, nil
}

// timeout is how long the plugin may work on the call. A year stands for
// longer times, which would overflow further on.
func timeout(call effect.Call) time.Duration {
	const year = 365 * 24 * time.Hour
	if t := call.Op.TimeoutFor(call.Args); t > 0 && t < year {
		return t
	}
	return year
}

func (r *Remote) observe(ctx context.Context, call effect.Call, msg *wire.Call) (effect.Result, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout(call)+r.grace, &transportError{why: hung})
	defer cancel()
	resp, err := r.client.Observe(ctx, msg)
	if err != nil {
		return effect.Result{}, asTransportError(ctx, err, true)
	}
	if e := wire.ToError(resp.GetError()); e != nil {
		return effect.Result{}, named(e, call)
	}
	state := effect.Observed(resp.GetState())
	switch state {
	case effect.Applied, effect.NotApplied, effect.Uncertain:
	case "":
		state = effect.Uncertain
	default:
		return effect.Result{}, named(effect.Errorf(effect.CodeInternal, "backend %s observed %q, want applied, not_applied or unknown", r.name, state), call)
	}
	value, err := wire.DecodeResult(resp.GetValue())
	if err != nil {
		return effect.Result{}, named(effect.Errorf(effect.CodeInternal, "backend %s observed a value that cannot be read: %v", r.name, err), call)
	}
	return effect.Result{Observed: state, Value: value}, nil
}

func (r *Remote) preview(ctx context.Context, call effect.Call, msg *wire.Call) (effect.Result, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout(call)+r.grace, &transportError{why: hung})
	defer cancel()
	resp, err := r.client.Preview(ctx, msg)
	if err != nil {
		return effect.Result{}, asTransportError(ctx, err, true)
	}
	if e := wire.ToError(resp.GetError()); e != nil {
		return effect.Result{}, named(e, call)
	}
	return effect.Result{Predicted: effect.Prediction{Target: resp.GetTarget(), From: resp.GetFrom(), To: resp.GetTo()}}, nil
}

// transportError gives an error for a call about the backend itself.
func (r *Remote) transportError(ctx context.Context, err error, sent bool) error {
	return asTransportError(ctx, err, sent).outcome(r.name, effect.Call{})
}

// named returns e with the op that it is about.
func named(e *effect.Error, call effect.Call) *effect.Error {
	if e.Op == "" {
		e.Op = call.Op.String()
	}
	return e
}

// asTransportError says why a call has no answer. The cause of ctx's end, if it is a
// *transportError, says more than gRPC's word for it.
func asTransportError(ctx context.Context, err error, sent bool) *transportError {
	te := &transportError{why: died, sent: sent}
	var cause *transportError
	switch code := status.Code(err); {
	case errors.As(context.Cause(ctx), &cause):
		te.why = cause.why
	case ctx.Err() == context.DeadlineExceeded || code == codes.DeadlineExceeded:
		te.why = hung
	case ctx.Err() != nil:
		te.why = canceled
	case err == io.EOF:
		te.why, te.detail = broken, "it ended the call without an outcome"
	case code == codes.Unimplemented:
		te.why, te.sent, te.detail = foreign, false, status.Convert(err).Message()
	case code != codes.Unavailable:
		te.why, te.detail = broken, status.Convert(err).Message()
	}
	return te
}

// notAfter is the call's NotAfter as it travels.
func notAfter(call effect.Call) int64 {
	if call.NotAfter.IsZero() {
		return 0
	}
	if call.Until != nil {
		if until := call.Until(); !until.IsZero() {
			return until.UnixMicro()
		}
	}
	return call.NotAfter.UnixMicro()
}
