package script

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// subject is something of which the run sets what is desired: a pool. It is
// touched by the branch that has the turn only, at its effects, so that a
// replay, which gives turns in the same order, remembers the same.
type subject struct {
	module  effect.Module
	args    map[string]any // of the read that shows it
	read    int            // which of the module's reads shows it; those before are not carried
	desired any            // nil if nothing is known
	where   effect.Position
	moving  int // writes under way, in whichever branch
	moves   int // writes begun and ended
}

// attempt is one call about a subject.
type attempt struct {
	of    *subject // nil if the call is about none
	call  *effect.Op
	args  map[string]any
	where effect.Position
	write bool
	moves int // of the subject when a read began; -1 if a write was under way
}

// attempt notes that a call is about to leave.
func (s *Script) attempt(op *effect.Op, args map[string]any, where effect.Position) attempt {
	m, _ := s.opts.Catalog.Module(op.Module)
	class := op.ClassFor(args)
	if m.Desired == nil || class != effect.Read && !class.Writes() {
		return attempt{}
	}
	about := m.Desired.Subject(args)
	canonical, err := effect.Encode(about, nil)
	if err != nil {
		return attempt{}
	}
	key := op.Module + " " + string(canonical)
	if s.subjects[key] == nil {
		s.subjects[key] = &subject{module: m, args: about}
	}
	a := attempt{of: s.subjects[key], call: op, args: args, where: where, write: class.Writes()}
	switch {
	case a.write:
		a.of.moving++
		a.of.moves++
	case a.of.moving > 0:
		a.moves = -1
	default:
		a.moves = a.of.moves
	}
	return a
}

// end takes the outcome of the call, and says in what the subject deviates. A
// read that a write of another branch met tells nothing.
func (a attempt) end(value any, failed *effect.Error) effect.Deviation {
	s := a.of
	if s == nil {
		return effect.Deviation{}
	}
	if a.write {
		s.moving--
		s.moves++
		switch {
		case failed == nil:
			s.desired, s.where = s.module.Desired.Set(s.desired, a.call.Name, a.args, value), a.where
		case !unchanged(failed.Code):
			s.desired = nil
		}
	}
	if failed != nil || s.desired == nil || s.moving > 0 || !a.write && a.moves != s.moves {
		return effect.Deviation{}
	}
	d := s.module.Desired.Compare(s.desired, a.call.Name, s.args, value)
	if d.Drift != "" {
		d.Drift = fmt.Sprintf("%s is not what this run set at %s: %s", s.module.Name, s.where, d.Drift)
	}
	return d
}

// unchanged reports whether a write that failed with the code has certainly
// changed nothing.
func unchanged(code effect.Code) bool {
	return slices.Contains([]effect.Code{effect.CodeRefused, effect.CodeInvalid, effect.CodeNotFound, effect.CodeUnsupported, effect.CodeUnavailable}, code)
}

// settleSubjects is called before an execution: what a write that was cut off before
// has left is not known.
func (s *Script) settleSubjects() {
	for _, of := range s.subjects {
		if of.moving > 0 {
			of.moving, of.desired = 0, nil
		}
	}
}

// tellDrift gives the result of an op its drift, where the op returns one, and
// writes it to the run's log.
func (b *branch) tellDrift(at site, op *effect.Op, value any, drift string) any {
	if drift == "" {
		return value
	}
	if result, ok := value.(map[string]any); ok && slices.ContainsFunc(op.Returns, func(f effect.Field) bool { return f.Name == effect.DriftField }) {
		result = maps.Clone(result)
		result[effect.DriftField] = drift
		value = result
	}
	_, _ = b.note(effect.OpLog, at.scope.nextMark(), at.where, map[string]any{"level": "warn", "text": op.String() + ": " + drift})
	return value
}

// Deviations implements effect.Performer. A backend that cannot read a subject
// is none that can tell.
func (p *performer) Deviations(ctx context.Context) ([]effect.Deviation, error) {
	s := p.branch.execution.script
	var list []effect.Deviation
	for _, key := range slices.Sorted(maps.Keys(s.subjects)) {
		of := s.subjects[key]
		if of.desired == nil {
			continue
		}
		d, err := p.deviation(ctx, of)
		if err != nil {
			return nil, err
		}
		if d != (effect.Deviation{}) {
			list = append(list, d)
		}
	}
	return list, nil
}

// deviation reads a subject by the first of its reads that the backend carries,
// which is remembered: what failed is recorded, and a replay learns the same.
func (p *performer) deviation(ctx context.Context, of *subject) (d effect.Deviation, err error) {
	reads := of.module.Desired.Reads
	for i := of.read; i < len(reads); i++ {
		op, ok := p.branch.execution.script.opts.Catalog.Op(of.module.Name + "." + reads[i])
		if !ok {
			continue
		}
		args, err := op.Check(of.args)
		if err != nil {
			return d, invalid(op.String(), p.site.where, err)
		}
		_, d, failed := p.branch.carry(ctx, p.site, op, args)
		if failed == nil {
			return d, nil
		}
		if failed.Code != effect.CodeUnsupported {
			return d, failed
		}
		of.read = max(of.read, i+1) // another branch may have learned it meanwhile
	}
	return d, nil
}
