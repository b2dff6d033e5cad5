package script

import (
	"context"
	"maps"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Composed is one composite that the main chunk calls. No other branch is under way
// then.
type Composed struct {
	Place     effect.Place
	Where     effect.Position
	Composite *effect.Composite
	Args      map[string]any // canonical

	performer *performer
}

// Run runs it: each effect goes to the handler.
func (c Composed) Run(ctx context.Context) (any, error) { return c.RunBy(ctx, c.Performer()) }

// RunBy runs it with another performer than that of the script.
func (c Composed) RunBy(ctx context.Context, p effect.Performer) (any, error) {
	return c.Composite.Run(ctx, p, c.Args)
}

// Performer is that of the script.
func (c Composed) Performer() effect.Performer { return c.performer }

// Spent is what effects leave with the execution, which may have only so much of
// some of it.
type Spent struct {
	Effects int
	Bytes   int // of their arguments
	Wrote   int // of them, those that have changed something, or may have
}

// Spent returns what the execution has had until now.
func (c Composed) Spent() Spent {
	x := c.performer.branch.execution
	return Spent{x.effects, x.sent, c.performer.branch.wrote}
}

// Spend counts effects of the composite that the script's performer does not come
// to see: they take so many places of effects and of marks. It returns false, and
// counts nothing, if that is more than the script may have.
func (c Composed) Spend(s Spent, places, marks int) bool {
	x := c.performer.branch.execution
	if x.effects+s.Effects > x.script.opts.Effects || x.sent+s.Bytes > maxSent {
		return false
	}
	x.effects += s.Effects
	x.sent += s.Bytes
	c.performer.branch.wrote += s.Wrote
	scope := c.performer.site.scope
	scope.effects, scope.marks = scope.effects+places, scope.marks+marks
	return true
}

// Desired is what the run has set of one subject, which a composite may look at
// beside its arguments and the outcomes of its effects.
type Desired struct {
	Subject string
	Value   any
	Where   effect.Position
	Read    int
}

// Desired returns what the run has set, by subject.
func (c Composed) Desired() []Desired {
	subjects := c.performer.branch.execution.script.subjects
	var list []Desired
	for _, key := range slices.Sorted(maps.Keys(subjects)) {
		if of := subjects[key]; of.desired != nil || of.read > 0 {
			list = append(list, Desired{key, of.desired, of.where, of.read})
		}
	}
	return list
}
