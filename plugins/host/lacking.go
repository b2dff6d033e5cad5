package host

import (
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

// Offer is what one of a module's backends could do for a call.
type Offer struct {
	Backend string
	Ops     []effect.Op // that it carries
	Limit   []string    // the only ones that go to it; nil for all
}

// takes reports whether a call of an op goes to the backend, if no other one is
// asked before.
func (o Offer) takes(op string) bool {
	if o.Limit != nil {
		return slices.Contains(o.Limit, op)
	}
	return declares(o.Ops, op)
}

// noBackend is for a call of a module that no spec is of.
func noBackend(op *effect.Op) *effect.Error {
	e := effect.Errorf(effect.CodeUnsupported, "no backend carries the module %s", op.Module).
		WithHint("name one for it in runbook.yaml; `runbook plugins list` shows what there is")
	e.Op = op.String()
	return e
}

// Lacking says that none of a module's backends carries an op, though the
// contract may have it; nil if one does, or if there is none at all. others are
// the backends at hand that carry it.
func Lacking(op *effect.Op, others []string, offers ...Offer) *effect.Error {
	if len(offers) == 0 || slices.ContainsFunc(offers, func(o Offer) bool { return o.takes(op.Name) }) {
		return nil
	}
	var names, what, left []string
	for _, o := range offers {
		names = append(names, o.Backend)
		others = slices.DeleteFunc(slices.Clone(others), func(name string) bool { return name == o.Backend })
		if declares(o.Ops, op.Name) {
			left = append(left, o.Backend)
		}
		subject := o.Backend
		if len(offers) == 1 {
			subject = "it"
		}
		what = append(what, subject+" carries "+strings.Join(fullNames(o.Ops), ", "))
	}
	message := fmt.Sprintf("backend %s does not carry %s", names[0], op)
	if len(names) > 1 {
		message = fmt.Sprintf("none of the backends %s carries %s", and(names), op)
	}
	hint := strings.Join(what, ", ") + "; "
	switch {
	case len(left) > 0:
		message = fmt.Sprintf("%s goes to no backend: `ops` of %s in runbook.yaml leaves it out", op, and(left))
		hint = "add " + op.Name + " there, or do without it"
	case len(others) > 0:
		hint += fmt.Sprintf("name a backend in runbook.yaml that carries %s too (%s), or do without it", op, strings.Join(others, ", "))
	default:
		hint += fmt.Sprintf("name a backend in runbook.yaml that carries %s too, or do without it", op)
	}
	e := effect.Errorf(effect.CodeUnsupported, "%s", message).WithHint("%s", hint)
	e.Op = op.String()
	return e
}

// notCarried is Lacking for a call.
func notCarried(op *effect.Op, others []string, offers ...Offer) error {
	e := Lacking(op, others, offers...)
	e.Message += "; nothing was done"
	return e
}

func fullNames(ops []effect.Op) []string {
	names := make([]string, len(ops))
	for i := range ops {
		names[i] = ops[i].String()
	}
	return names
}

func and(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// Brought returns the module that backends bring together, one that no contract
// has. They may carry different ops of it; of those that several carry, they have
// to say the same.
func Brought(list ...plugins.Description) (effect.Module, error) {
	var m effect.Module
	first := map[string]string{} // by op: who declared it
	for _, d := range list {
		if m.Name == "" {
			m.Name, m.Doc = d.Module, d.Doc
		}
		var diffs []string
		for i := range d.Ops {
			op := &d.Ops[i]
			j := slices.IndexFunc(m.Ops, func(o effect.Op) bool { return o.Name == op.Name })
			if j < 0 {
				m.Ops, first[op.Name] = append(m.Ops, *op), d.Name
				continue
			}
			for _, diff := range compareOp(&m.Ops[j], op) {
				diffs = append(diffs, fmt.Sprintf("%s: %s", op, strings.ReplaceAll(diff, "the contract", "backend "+first[op.Name])))
			}
		}
		if len(diffs) > 0 {
			return m, &ContractError{Backend: d.Name, Module: d.Module, Differences: diffs}
		}
	}
	return m, nil
}

// brought is Brought of a module's backends that have been started.
func (h *Host) brought(module string) (effect.Module, error) {
	var list []plugins.Description
	for _, b := range h.ofModule(module) {
		b.turn <- struct{}{}
		d := b.desc
		b.unlock()
		if d.Name != "" {
			list = append(list, d)
		}
	}
	return Brought(list...)
}
