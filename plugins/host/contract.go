package host

import (
	"fmt"
	"maps"
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
// for a module that the backend brings itself. A backend may carry some of a
// contract's ops only; what it carries has to agree. Differences from a
// contract are a *ContractError.
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
	for _, f := range d.Config {
		if f.Name == "backend" || f.Name == "ops" {
			return fmt.Errorf("backend %s declares the configuration key %q, which says elsewhere what runbook gives to which backend: name it otherwise", spec.Name, f.Name)
		}
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
	for _, name := range spec.Ops {
		if !declares(d.Ops, name) {
			return fmt.Errorf("backend %s is to carry %s.%s, and does not: it carries %s", spec.Name, d.Module, name, strings.Join(fullNames(d.Ops), ", "))
		}
	}
	var diffs []string
	if contract != nil {
		diffs = compareOps(carriedOf(contract.Ops, d.Ops), d.Ops)
	}
	if len(d.Ops) == 0 {
		diffs = []string{"it declares no op"}
	}
	if len(diffs) > 0 {
		return &ContractError{Backend: spec.Name, Module: d.Module, Differences: diffs}
	}
	return nil
}

// carriedOf returns the contract's ops that a backend declares.
func carriedOf(contract, declared []effect.Op) []effect.Op {
	var ops []effect.Op
	for _, op := range contract {
		if declares(declared, op.Name) {
			ops = append(ops, op)
		}
	}
	return ops
}

func declares(ops []effect.Op, name string) bool {
	return slices.ContainsFunc(ops, func(op effect.Op) bool { return op.Name == name })
}

// compareOps lists how one set of declarations differs from another.
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
	differ("deciding argument", got.KindArg, want.KindArg)
	differ("class by "+want.KindArg, listed(got.ClassOf), listed(want.ClassOf))
	differ("recovery by "+want.KindArg, listed(got.RecoveryOf), listed(want.RecoveryOf))
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

// listed prints what a table of kinds says: "GET read, PUT write".
func listed[V ~string](of map[string]V) string {
	var pairs []string
	for _, kind := range slices.Sorted(maps.Keys(of)) {
		pairs = append(pairs, kind+" "+string(of[kind]))
	}
	return strings.Join(pairs, ", ")
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
