package host

import (
	"context"
	"errors"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// ofModule returns the backends of a module, in the order in which they are asked.
func (h *Host) ofModule(module string) []*backend {
	var list []*backend
	for _, b := range h.backends {
		if b.spec.Module == module {
			list = append(list, b)
		}
	}
	return list
}

// carrier returns the backend that a call goes to: the first of its module that
// is given the op and carries it. Where that takes knowing what a backend carries
// that was not started yet, it is started.
func (h *Host) carrier(ctx context.Context, call effect.Call) (*backend, error) {
	list := h.ofModule(call.Op.Module)
	if len(list) == 0 {
		return nil, noBackend(call.Op)
	}
	if len(list) == 1 && list[0].spec.Ops == nil {
		return list[0], nil // it says itself what it does not carry
	}
	offers := make([]Offer, len(list))
	for i, b := range list {
		offers[i] = Offer{Backend: b.spec.Name, Limit: b.spec.Ops}
		if b.spec.Ops != nil && offers[i].takes(call.Op.Name) {
			return b, nil
		}
		d, err := b.description(ctx)
		if err != nil && ctx.Err() != nil {
			te := transportError{why: canceled}
			return nil, te.outcome(b.spec.Name, call)
		}
		if err != nil {
			return nil, b.unavailable(err, call)
		}
		if offers[i].Ops = d.Ops; offers[i].takes(call.Op.Name) {
			return b, nil
		}
	}
	return nil, notCarried(call.Op, h.carriers(call.Op.String()), offers...)
}

// Lacks returns what speaks against a call of an op that no backend of its module
// carries; nil if one does, or if the module has no backend at all. The host is
// open.
func (h *Host) Lacks(op *effect.Op) error {
	var offers []Offer
	for _, b := range h.ofModule(op.Module) {
		d, err := b.description(context.Background())
		if err != nil {
			return err
		}
		offers = append(offers, Offer{b.spec.Name, d.Ops, b.spec.Ops})
	}
	if e := Lacking(op, h.carriers(op.String()), offers...); e != nil {
		return e
	}
	return nil
}

// Modules returns the modules that plugins brought and the contract does not
// have, in the order of their names. It is complete after Open.
func (h *Host) Modules() []effect.Module {
	var names []string
	for _, b := range h.backends {
		if _, standard := h.contract(b.spec.Module); !standard {
			names = append(names, b.spec.Module)
		}
	}
	slices.Sort(names)
	var list []effect.Module
	for _, name := range slices.Compact(names) {
		if m, err := h.brought(name); err == nil && len(m.Ops) > 0 {
			list = append(list, m)
		}
	}
	return list
}

// agree reports the modules that plugins brought of which two of them say
// different things.
func (h *Host) agree() error {
	var errs []error
	for _, b := range h.backends {
		if _, standard := h.contract(b.spec.Module); !standard && b == h.ofModule(b.spec.Module)[0] {
			_, err := h.brought(b.spec.Module)
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
