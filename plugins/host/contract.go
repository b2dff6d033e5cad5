package host

import (
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

// ContractError says how a backend's declarations differ from its module's
// contract.
type ContractError struct {
	Backend, Module string
	Differences     []string // "traffic.split: its class is read, the contract says write"
}

// Error returns all differences, a line each.
func (e *ContractError) Error() string {
	return fmt.Sprintf("backend %s does not keep the contract of module %s:\n  %s",
		e.Backend, e.Module, strings.Join(e.Differences, "\n  "))
}

// Verify reports what speaks against a backend's description. contract is nil
// for a module that the backend brings itself. Differences from a contract are
// a *ContractError.
func Verify(spec Spec, d plugins.Description, contract *effect.Module) error {
	if d.Name != spec.Name {
		return fmt.Errorf("the plugin started as backend %s says that it is %q: name it so in the configuration, and its file %s%s",
			spec.Name, d.Name, filePrefix, d.Name)
	}
	if spec.Module != "" && d.Module != spec.Module {
		return fmt.Errorf("backend %s carries the module %s, the configuration gives it %s", spec.Name, d.Module, spec.Module)
	}
	if d.Module == effect.ControlModule {
		return fmt.Errorf("backend %s declares the module %q, which is the engine's own", spec.Name, d.Module)
	}
	if err := effect.Verify(d.Config); err != nil {
		return fmt.Errorf("backend %s declares a configuration that makes no sense: %w", spec.Name, err)
	}
	for i := range d.Ops {
		op := &d.Ops[i]
		if op.Module != d.Module {
			return fmt.Errorf("backend %s carries the module %s and declares %s", spec.Name, d.Module, op)
		}
		if err := op.Verify(); err != nil {
			return fmt.Errorf("backend %s: %w", spec.Name, err)
		}
	}
	var diffs []string
	if contract != nil {
		diffs = compareOps(contract.Ops, d.Ops)
	} else if len(d.Ops) == 0 {
		diffs = []string{"it declares no op"}
	}
	if len(diffs) > 0 {
		return &ContractError{Backend: spec.Name, Module: d.Module, Differences: diffs}
	}
	return nil
}

func compareOps(want, got []effect.Op) []string {
	var diffs []string
	for i := range want {
		w := &want[i]
		j := slices.IndexFunc(got, func(op effect.Op) bool { return op.Name == w.Name })
		if j < 0 {
			diffs = append(diffs, fmt.Sprintf("%s: is missing", w))
			continue
		}
		for _, d := range compareOp(w, &got[j]) {
			diffs = append(diffs, fmt.Sprintf("%s: %s", w, d))
		}
	}
	for i := range got {
		if !slices.ContainsFunc(want, func(op effect.Op) bool { return op.Name == got[i].Name }) {
			diffs = append(diffs, fmt.Sprintf("%s: is not in the contract", &got[i]))
		}
	}
	return diffs
}

// compareOp lists what differs between two declarations of an op in what they
// promise. Docs, defaults, bounds and timeouts may differ: the contract's
// count, because the host checks calls by the contract.
func compareOp(want, got *effect.Op) []string {
	var diffs []string
	differ := func(what, is, should string) {
		if is != should {
			diffs = append(diffs, fmt.Sprintf("its %s is %s, the contract says %s", what, orNone(is), orNone(should)))
		}
	}
	differ("class", string(got.ClassFor(nil)), string(want.ClassFor(nil)))
	differ("recovery", string(got.RecoveryFor(nil)), string(want.RecoveryFor(nil)))
	differ("class argument", got.ClassArg, want.ClassArg)
	differ("recovery argument", got.RecoveryArg, want.RecoveryArg)
	diffs = append(diffs, compareFields("argument", want.Args, got.Args)...)
	switch {
	case want.Rest == nil && got.Rest != nil:
		diffs = append(diffs, "it takes arguments beyond those declared, the contract does not")
	case want.Rest != nil && got.Rest == nil:
		diffs = append(diffs, "it takes no arguments beyond those declared, the contract does")
	case want.Rest != nil:
		diffs = append(diffs, compareField("other arguments", want.Rest, got.Rest)...)
	}
	return append(diffs, compareFields("result", want.Returns, got.Returns)...)
}

func compareFields(what string, want, got []effect.Field) []string {
	var diffs []string
	for i := range want {
		w := &want[i]
		j := slices.IndexFunc(got, func(f effect.Field) bool { return f.Name == w.Name })
		if j < 0 {
			diffs = append(diffs, fmt.Sprintf("%s %s is missing", what, w.Name))
			continue
		}
		diffs = append(diffs, compareField(what+" "+w.Name, w, &got[j])...)
	}
	for i := range got {
		if !slices.ContainsFunc(want, func(f effect.Field) bool { return f.Name == got[i].Name }) {
			diffs = append(diffs, fmt.Sprintf("%s %s is not in the contract", what, got[i].Name))
		}
	}
	return diffs
}

func compareField(what string, want, got *effect.Field) []string {
	if want.Type != got.Type {
		return []string{fmt.Sprintf("%s has the type %s, the contract says %s", what, got.Type, want.Type)}
	}
	var diffs []string
	if want.Required != got.Required {
		diffs = append(diffs, fmt.Sprintf("%s is %s, the contract says %s", what, necessity(got), necessity(want)))
	}
	if want.Secret != got.Secret {
		diffs = append(diffs, fmt.Sprintf("%s is %s, the contract says %s", what, secrecy(got), secrecy(want)))
	}
	if is, should := strings.Join(got.Enum, ", "), strings.Join(want.Enum, ", "); is != should {
		diffs = append(diffs, fmt.Sprintf("%s is one of %s, the contract says %s", what, orNone(is), orNone(should)))
	}
	switch {
	case want.Elem == nil && got.Elem != nil, want.Elem != nil && got.Elem == nil:
		diffs = append(diffs, fmt.Sprintf("%s declares its elements differently", what))
	case want.Elem != nil:
		diffs = append(diffs, compareField("each element of "+what, want.Elem, got.Elem)...)
	}
	return append(diffs, compareFields(what+", member", want.Fields, got.Fields)...)
}

func necessity(f *effect.Field) string {
	if f.Required {
		return "required"
	}
	return "optional"
}

func secrecy(f *effect.Field) string {
	if f.Secret {
		return "secret"
	}
	return "not secret"
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
