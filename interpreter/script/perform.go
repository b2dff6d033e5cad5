package script

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"

	lua "github.com/yuin/gopher-lua"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script/internal/language"
)

// site is where in the script an effect is called.
type site struct {
	where effect.Position
	scope *scope
}

// callOp is what a module's function does: the arguments are one table.
func (b *branch) callOp(L *lua.LState, name string) lua.LValue {
	back := b.undoOf(L, name)
	args := b.namedArgs(L, name, back.argument()...)
	at := site{b.position(L), &b.scope}
	defer back.cutOff()
	value, failed := b.perform(b.execution.ctx, at, name, args)
	back.end(L)
	if failed != nil {
		b.raise(L, failed, b.execution.script.shownArgs(name, args))
	}
	return b.execution.script.toLua(value)
}

// shownArgs returns the arguments of a failed op in canonical form, in which
// secrets are digests; nil if they are not valid.
func (s *Script) shownArgs(name string, args map[string]any) map[string]any {
	op, ok := s.declaration(name)
	if !ok {
		return nil
	}
	canonical, err := op.Check(args)
	if err != nil {
		return nil
	}
	return canonical
}

// namedArgs reads the one table of named arguments that ops take; those to skip
// are none of the op's.
func (b *branch) namedArgs(L *lua.LState, name string, skip ...string) map[string]any {
	usage := func(problem string) {
		op, _ := b.execution.script.declaration(name)
		b.raise(L, &effect.Error{Code: effect.CodeInvalid, Op: scriptName(name), Where: b.position(L),
			Message: problem + "; write " + language.Usage(op, scriptName(name))}, nil)
	}
	if L.GetTop() == 0 {
		return map[string]any{}
	}
	table, ok := L.Get(1).(*lua.LTable)
	if !ok {
		usage("takes named arguments in a table, got " + describe(L.Get(1)))
	}
	if _, isReadonly := b.execution.script.readonly[table]; isReadonly && L.GetTop() > 1 {
		usage(`is called with ".", not with ":"`)
	}
	if L.GetTop() > 1 {
		usage(fmt.Sprintf("takes one table, got %d values", L.GetTop()))
	}
	if first := table.RawGetInt(1); first != lua.LNil {
		usage(fmt.Sprintf("takes named arguments, got %s without a name", describe(first)))
	}
	args, err := b.execution.script.goMap(table, skip...)
	if err != nil {
		b.raise(L, invalid(name, b.position(L), err), nil)
	}
	return args
}

// declaration returns the op of that name, or the op that a composite looks
// like.
func (s *Script) declaration(name string) (*effect.Op, bool) {
	if op, ok := s.opts.Catalog.Op(name); ok {
		return op, true
	}
	if comp, ok := s.opts.Catalog.Composite(name); ok {
		return &comp.Op, true
	}
	return nil, false
}

// scriptName returns an op's name as scripts write it: the engine's own ops
// are globals.
func scriptName(op string) string {
	const prefix = effect.ControlModule + "."
	if len(op) > len(prefix) && op[:len(prefix)] == prefix {
		return op[len(prefix):]
	}
	return op
}

func invalid(op string, where effect.Position, err error) *effect.Error {
	return &effect.Error{Code: effect.CodeInvalid, Op: scriptName(op), Where: where, Message: err.Error()}
}

// perform carries out an op or a composite at the next place of its scope.
func (b *branch) perform(ctx context.Context, at site, name string, args map[string]any) (any, *effect.Error) {
	if comp, ok := b.execution.script.opts.Catalog.Composite(name); ok {
		b.mayGoOn()
		return b.composite(ctx, at, comp, args)
	}
	op, ok := b.execution.script.opts.Catalog.Op(name)
	if ok && op.Class != effect.Mark {
		b.mayGoOn()
	}
	if !ok {
		return nil, &effect.Error{Code: effect.CodeInternal, Op: name, Where: at.where, Message: "there is no such op"}
	}
	canonical, err := op.Check(args)
	if err != nil {
		return nil, invalid(name, at.where, err)
	}
	value, d, failed := b.carry(ctx, at, op, canonical)
	return b.tellDrift(at, op, value, d.Drift), failed
}

// carry carries out an op with canonical arguments at the next place of its
// scope, and says in what its subject is not as the run has set it.
func (b *branch) carry(ctx context.Context, at site, op *effect.Op, args map[string]any) (any, effect.Deviation, *effect.Error) {
	place := at.scope.nextMark
	if op.ClassFor(args) != effect.Mark {
		place = at.scope.next
	}
	a := b.execution.script.attempt(op, args, at.where)
	value, failed := b.send(ctx, op, args, at.where, place)
	return value, a.end(value, failed), failed
}

// note writes a mark at a place of its own.
func (b *branch) note(name string, place effect.Place, where effect.Position, args map[string]any) (any, *effect.Error) {
	op, ok := b.execution.script.opts.Catalog.Op(name)
	if !ok {
		return nil, &effect.Error{Code: effect.CodeInternal, Op: name, Where: where, Message: "there is no such op"}
	}
	return b.send(b.execution.ctx, op, args, where, func() effect.Place { return place })
}

// send hands a call to the handler and waits for its outcome. A stop does not
// return.
func (b *branch) send(ctx context.Context, op *effect.Op, args map[string]any, where effect.Position,
	place func() effect.Place) (any, *effect.Error) {
	b.check(nil)
	b.countEffect(where, args)
	switch {
	case b.execution.script.header == nil:
		return nil, &effect.Error{Code: effect.CodeRaised, Where: where, Message: "runbook{} must come first",
			Hint: "move it above " + scriptName(op.String())}
	case b.judging:
		return nil, &effect.Error{Code: effect.CodeRaised, Where: where,
			Message: scriptName(op.String()) + " may not be called in an invariant", Hint: "an invariant looks at the world that it is given"}
	case len(b.loading) > 0:
		return nil, &effect.Error{Code: effect.CodeRaised, Where: where,
			Message: fmt.Sprintf("%s may not be called while a file is being required", scriptName(op.String())),
			Hint:    "put it into a function and call that from the script"}
	}
	call := effect.Call{Place: place(), Op: op, Args: args, Class: op.ClassFor(args), Recovery: op.RecoveryFor(args), Where: where}
	var result effect.Result
	var err error
	if call.Class == effect.Mark || call.Class == effect.Value {
		b.execution.meter.pause()
		result, err = b.execution.handle(ctx, call)
		if stop := effect.AsStop(err); stop != nil {
			b.stop(stop)
		}
		b.execution.meter.resume()
	} else {
		result, err = b.sendAway(ctx, call)
	}
	if err != nil {
		return nil, outcome(call, err)
	}
	return result.Value, nil
}

// countEffect stops the script if it has too many effects, or too large ones:
// each is kept, in the journal and while the script is replayed.
func (b *branch) countEffect(where effect.Position, args map[string]any) {
	if b.execution.sent += weight(args); b.execution.sent > maxSent {
		b.stop(&effect.Stop{Cause: effect.Exhausted, Err: fmt.Errorf("%s: the script's effects, steps and log lines take more than %d MiB in all; put what is long into files",
			where, maxSent>>20)})
	}
	limit := b.execution.script.opts.Effects
	if b.execution.effects++; b.execution.effects > limit {
		b.stop(&effect.Stop{Cause: effect.Exhausted, Err: fmt.Errorf("%s: the script has more than %d effects, steps and log lines included",
			where, limit)})
	}
}

// mayGoOn ends a branch that was to end at its next effect: this is it. What
// only marks the record (a step, a log line, the registration of a rollback for
// the effect before) is none.
func (b *branch) mayGoOn() {
	b.check(nil)
	if b.doomed {
		b.leaveEarly()
	}
}

// sendAway is send for calls that take time: other branches run meanwhile.
func (b *branch) sendAway(ctx context.Context, call effect.Call) (effect.Result, error) {
	b.depart()
	until, end := ctx, context.CancelCauseFunc(nil)
	if call.Op.Module == effect.ControlModule { // a wait, which may be ended
		until, end = context.WithCancelCause(ctx)
		defer end(nil)
	}
	settlement := b.execution.scheduler.leave(b, call.Place, end)
	call.Settled = settlement.settle
	result, err := b.execution.handle(until, call)
	stop := effect.AsStop(err)
	if call.Class.Writes() && mayHaveChanged(err, stop) {
		b.wrote++
	}
	if stop != nil && !stop.Cause.Suspends() && !b.execution.scheduler.dropped(settlement) {
		b.execution.cancel(stop) // before another branch can go on
	}
	if !b.execution.scheduler.back(settlement, stop) {
		runtime.Goexit()
	}
	b.await()
	b.inspect(call)
	return result, err
}

// mayHaveChanged reports whether a write that ended so has changed something, or
// may have.
func mayHaveChanged(err error, stop *effect.Stop) bool {
	if stop != nil {
		return stop.Left
	}
	return err == nil || !unchanged(effect.AsError(err).Code)
}

// outcome returns the error of a call with its op and position filled in. The
// handler's own error is left as it is: it may be recorded elsewhere.
func outcome(call effect.Call, err error) *effect.Error {
	e := *effect.AsError(err)
	if e.Op == "" {
		e.Op = scriptName(call.Op.String())
	}
	if e.Where.File == "" {
		e.Where = call.Where
	}
	return &e
}

// composite runs a composite, whose effects take places inside its own.
func (b *branch) composite(ctx context.Context, at site, comp *effect.Composite, args map[string]any) (any, *effect.Error) {
	canonical, err := comp.Check(args)
	if err != nil {
		return nil, invalid(comp.String(), at.where, err)
	}
	inner := &performer{b, site{at.where, &scope{prefix: at.scope.next()}}}
	value, err := inner.run(ctx, comp, canonical)
	if stop := effect.AsStop(err); stop != nil {
		b.stop(stop)
	}
	if err != nil {
		return nil, outcome(effect.Call{Op: &comp.Op, Where: at.where}, err)
	}
	return value, nil
}

// performer is the effect.Performer of one composite.
type performer struct {
	branch *branch
	site   site
}

// Perform carries out an op, or another composite, inside the composite.
func (p *performer) Perform(ctx context.Context, op string, args map[string]any) (any, error) {
	value, err := p.branch.perform(ctx, p.site, op, args)
	if err != nil {
		return nil, err
	}
	return value, nil
}

// run calls the composite. A panic in it is a fault of the program and stops
// the script.
func (p *performer) run(ctx context.Context, comp *effect.Composite, args map[string]any) (value any, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			if _, ok := fault.(*lua.ApiError); ok {
				panic(fault)
			}
			err = &effect.Stop{Cause: effect.Interrupted,
				Err: fmt.Errorf("%s at %s: internal fault: %v\n%s", comp, p.site.where, fault, debug.Stack())}
		}
	}()
	if comp.Run == nil {
		return nil, errors.New("the composite cannot be run")
	}
	if around := p.branch.execution.script.opts.Around; around != nil && p.site.scope.prefix.Parent() == "" {
		return around(ctx, Composed{Place: p.site.scope.prefix, Where: p.site.where, Composite: comp, Args: args, performer: p})
	}
	return comp.Run(ctx, p, args)
}
