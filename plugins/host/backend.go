package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/redact"
	"github.com/q-ecosystem/runbook/plugins"
)

const (
	// maxDeaths is how often in a row a plugin may end without having answered
	// a call before it is left alone for a while.
	maxDeaths = 5
	// rest is how long it is left alone then.
	rest = 30 * time.Second
	// firstDelay stands before the second start in a row; it doubles.
	firstDelay = 50 * time.Millisecond
)

// backend is one spec and, most of the time, a process that serves it.
type backend struct {
	spec     Spec
	options  launchOptions
	contract func(module string) (effect.Module, bool)
	carriers func(op string) []string // the backends at hand that carry it

	// turn is a lock that a canceled caller need not wait for. It guards what
	// follows.
	turn    chan struct{}
	process *process // nil before the first start, and while there is none
	desc    plugins.Description
	deaths  int // in a row, without an answer in between
	died    time.Time
	lastErr error // why the last start failed; nil if it succeeded
	closed  bool
}

func newBackend(spec Spec, h *Host) *backend {
	return &backend{spec: spec, options: h.options, contract: h.contract, carriers: h.carriers, turn: make(chan struct{}, 1)}
}

// lock takes the turn, or returns ctx's error.
func (b *backend) lock(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	select {
	case b.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (b *backend) unlock() { <-b.turn }

// acquire returns a process that runs and is configured, starting one if need
// be; the call counts as under way in it until the caller says calls.Add(-1).
func (b *backend) acquire(ctx context.Context) (*process, error) {
	if err := b.lock(ctx); err != nil {
		return nil, err
	}
	defer b.unlock()
	if b.closed {
		return nil, errors.New("the host is closed")
	}
	if p := b.process; p != nil {
		if !p.dead() {
			p.calls.Add(1)
			return p, nil
		}
		b.process = nil
		if p.answered.Load() {
			b.deaths = 0
		}
		b.deaths++
		b.died = time.Now()
		p.kill() // clears up
	}
	if err := b.pause(ctx); err != nil {
		return nil, err
	}
	p, died, err := b.start(ctx)
	if err != nil {
		if died && ctx.Err() == nil {
			b.lastErr = err
			b.deaths++
			b.died = time.Now()
		}
		return nil, err
	}
	b.process, b.desc, b.lastErr = p, p.desc, nil
	p.calls.Add(1)
	return p, nil
}

// pause keeps a plugin that dies again and again from being started at every
// call.
func (b *backend) pause(ctx context.Context) error {
	if b.deaths == 0 {
		return nil
	}
	if b.deaths >= maxDeaths && time.Since(b.died) < rest {
		err := fmt.Errorf("it ended %d times in a row without answering a call; it is started again in %s at the earliest",
			b.deaths, effect.FormatDuration(rest-time.Since(b.died)))
		if b.lastErr != nil {
			err = fmt.Errorf("%w; the last time: %w", err, b.lastErr)
		}
		return err
	}
	delay := firstDelay << min(b.deaths-1, maxDeaths)
	if b.deaths == 1 {
		delay = 0
	}
	timer := time.NewTimer(time.Until(b.died.Add(delay)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// start launches, verifies and configures a process. died says that it ended
// by itself, and did not just refuse. The error holds no secrets.
func (b *backend) start(ctx context.Context) (p *process, died bool, err error) {
	defer func() { err = b.options.known.Error(err) }()
	p, err = launch(ctx, b.spec, b.options)
	if err != nil {
		return nil, true, err
	}
	if err := b.prepare(ctx, p); err != nil {
		died = p.dead()
		p.kill()
		return nil, died, err
	}
	return p, false, nil
}

func (b *backend) prepare(ctx context.Context, p *process) error {
	var contract *effect.Module
	if m, ok := b.contract(p.desc.Module); ok {
		contract, p.standard = &m, true
	}
	if err := Verify(b.spec, p.desc, contract); err != nil {
		return err
	}
	if contract == nil && b.desc.Name != "" { // started before, as a module of its own
		if diffs := compareOps(b.desc.Ops, p.desc.Ops); len(diffs) > 0 {
			return fmt.Errorf("the plugin changed since the run began: %w",
				&ContractError{Backend: b.spec.Name, Module: b.desc.Module, Differences: diffs})
		}
	}
	config, err := effect.CheckFields(p.desc.Config, nil, b.spec.Config)
	if err != nil {
		return fmt.Errorf("configure backend %s for module %s: %w", b.spec.Name, b.spec.Module, err)
	}
	ctx, cancel := context.WithTimeout(ctx, b.options.startTimeout)
	defer cancel()
	if err := p.remote.Configure(ctx, config); err != nil {
		return fmt.Errorf("configure backend %s for module %s: %w", b.spec.Name, b.spec.Module, err)
	}
	return nil
}

// description is what the plugin said that it is when it was started last; one
// that never was is started.
func (b *backend) description(ctx context.Context) (plugins.Description, error) {
	if err := b.lock(ctx); err != nil {
		return plugins.Description{}, err
	}
	d := b.desc
	b.unlock()
	if d.Name != "" {
		return d, nil
	}
	if err := b.open(ctx); err != nil {
		return d, err
	}
	return b.description(ctx)
}

// open starts the backend.
func (b *backend) open(ctx context.Context) error {
	p, err := b.acquire(ctx)
	if err != nil {
		return err
	}
	p.calls.Add(-1)
	return nil
}

// Do passes a call to the process, and takes the secrets out of all that comes
// back.
func (b *backend) Do(ctx context.Context, call effect.Call) (effect.Result, error) {
	return redact.Handler{Known: b.options.known, Next: effect.HandlerFunc(b.carry)}.Do(ctx, call)
}

// carry passes a call to the process. Where the process turns out to be dead
// before the call has left, another one gets it.
func (b *backend) carry(ctx context.Context, call effect.Call) (effect.Result, error) {
	result, te, err := b.try(ctx, call)
	if te != nil && te.why == died && !te.sent {
		result, te, err = b.try(ctx, call)
	}
	if te != nil {
		return effect.Result{}, te.outcome(b.spec.Name, call)
	}
	return result, err
}

// try sends the call once at most. A transport error, if there is one, is dealt with
// as far as the process is concerned.
func (b *backend) try(ctx context.Context, call effect.Call) (effect.Result, *transportError, error) {
	p, err := b.acquire(ctx)
	if err != nil && ctx.Err() != nil {
		return effect.Result{}, &transportError{why: canceled}, nil
	}
	if err != nil {
		return effect.Result{}, nil, b.unavailable(err, call)
	}
	defer p.calls.Add(-1)
	if p.standard && call.Op != nil && !declares(p.desc.Ops, call.Op.Name) {
		return effect.Result{}, nil, notCarried(call.Op, b.carriers(call.Op.String()), Offer{p.desc.Name, p.desc.Ops, b.spec.Ops})
	}
	result, err := p.remote.do(ctx, call)
	var te *transportError
	if errors.As(err, &te) {
		b.condemn(p, call, te)
		return effect.Result{}, te, nil
	}
	p.answered.Store(true)
	return result, nil, err
}

// condemn ends a process that left a call without an answer, where it could
// otherwise do harm: a write that is applied later, a hang that lasts.
func (b *backend) condemn(p *process, call effect.Call, te *transportError) {
	if te.why == died {
		if te.detail = p.runner.ended(2 * drain); te.detail == "" {
			te.detail = "it closed the connection"
		}
		p.kill() // no connection, no use
		return
	}
	writes := call.Verb == effect.VerbInvoke && class(call).Writes()
	alone := p.calls.Load() == 1
	if te.sent && writes || alone && (te.why == hung || te.why == broken) {
		p.kill()
	}
}

// unavailable is for a call that found no process: it never left.
func (b *backend) unavailable(err error, call effect.Call) *effect.Error {
	var e *effect.Error
	if errors.As(err, &e) && e.Code != effect.CodeUnavailable { // it refuses its configuration: later is no better
		e = &effect.Error{Code: e.Code, Message: err.Error(), Hint: e.Hint}
	} else {
		e = effect.Errorf(effect.CodeUnavailable, "backend %s is not running, nothing was done: %v", b.spec.Name, err)
	}
	if call.Op != nil {
		e.Op = call.Op.String()
	}
	return e
}

// health asks the process, starting one if need be.
func (b *backend) health(ctx context.Context, examine bool) ([]string, error) {
	p, err := b.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer p.calls.Add(-1)
	ctx, cancel := context.WithTimeout(ctx, effect.DefaultTimeout)
	defer cancel()
	missing, err := p.remote.health(ctx, examine)
	for i, line := range missing {
		missing[i] = b.options.known.Scrubber().Text(line)
	}
	return missing, b.options.known.Error(err)
}

// close ends the process; the backend starts no other.
func (b *backend) close() {
	_ = b.lock(context.Background())
	p := b.process
	b.process, b.closed = nil, true
	b.unlock()
	if p != nil {
		p.stop(b.options.grace)
	}
}
