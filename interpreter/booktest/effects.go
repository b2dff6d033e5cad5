package booktest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// expected is one effect that a test wants.
type expected struct {
	op   string
	args map[string]any // those that matter; others may be anything
	// code is that of the error that it fails with; "" wants it to succeed.
	code string
}

// expectedEffects reads the list of t.effects: "traffic.split",
// { "traffic.split", green = 10 } or { "exec.run", error = "refused" }.
func expectedEffects(v any, catalog *effect.Catalog) ([]expected, error) {
	list, ok := v.([]any)
	if table, isTable := v.(map[string]any); isTable && len(table) == 0 {
		ok = true
	}
	if !ok {
		return nil, &effect.FieldError{Problem: "a list of effects is wanted", Hint: `write { "traffic.split", { "traffic.switch", to = "blue" } }`}
	}
	var out []expected
	for i, item := range list {
		wrong := func(problem, hint string) error {
			return &effect.FieldError{Path: fmt.Sprintf("[%d]", i+1), Problem: problem, Hint: hint}
		}
		var want expected
		switch item := item.(type) {
		case string:
			want.op = item
		case []any:
			want.op, _ = one(item).(string)
		case script.Mixed:
			want.op, _ = one(item.List).(string)
			want.args = maps.Clone(item.Named)
		}
		if want.op == "" {
			return nil, wrong("wants an op, or an op and its arguments", `write { "traffic.split", green = 10 }`)
		}
		op, known := catalog.Op(want.op)
		if !known {
			return nil, wrong(fmt.Sprintf("there is no op %q", want.op), effect.DidYouMean(want.op, ops(catalog)))
		}
		if code, ok := want.args["error"].(string); ok && !takes(op, "error") {
			want.code = code
			delete(want.args, "error")
		}
		if err := canonical(op, want.args); err != nil {
			return nil, wrong(err.Error(), "")
		}
		out = append(out, want)
	}
	return out, nil
}

func takes(op *effect.Op, arg string) bool {
	return slices.ContainsFunc(op.Args, func(f effect.Field) bool { return f.Name == arg })
}

// canonical brings the arguments that are given into the form in which effects
// have them: "15m" becomes 900.
func canonical(op *effect.Op, args map[string]any) error {
	fields := slices.Clone(op.Args)
	for i := range fields {
		fields[i].Required, fields[i].Default = false, nil
	}
	checked, err := effect.CheckFields(fields, op.Rest, args)
	if err != nil {
		return err
	}
	maps.Copy(args, checked)
	return nil
}

func ops(catalog *effect.Catalog) []string {
	var names []string
	for _, module := range append(catalog.Names(), effect.ControlModule) {
		m, _ := catalog.Module(module)
		for i := range m.Ops {
			names = append(names, m.Ops[i].String())
		}
	}
	return names
}

// compareEffects compares what was wanted with the effects that which selects:
// those that change something, those of a module or op, or "all". The lines
// are those of a diff.
func compareEffects(wanted []expected, all []simulate.Planned, which string, catalog *effect.Catalog) (lines []string, met bool) {
	var got []*simulate.Planned
	for i := range all {
		if selects(which, &all[i]) && (which != moduleOf(all[i].Op) || !gateRead(&all[i], catalog)) {
			got = append(got, &all[i])
		}
	}
	wants, gots := make([]string, len(wanted)), make([]string, len(got))
	for i, w := range wanted {
		wants[i] = w.String()
	}
	for i, p := range got {
		gots[i] = shortEffect(p)
	}
	lines = align(len(wanted), len(got), func(i, j int) bool { return wanted[i].matches(got[j]) },
		func(i int) string { return wants[i] }, func(j int) string { return gots[j] })
	for _, line := range lines {
		if !strings.HasPrefix(line, "  ") {
			return lines, false
		}
	}
	return lines, true
}

// known wants which to select something: a slip would select nothing.
func known(which string, catalog *effect.Catalog) error {
	_, isModule := catalog.Module(which)
	_, isOp := catalog.Op(which)
	if which == "" || which == "all" || isModule || isOp {
		return nil
	}
	return &effect.FieldError{Problem: fmt.Sprintf("there is no module and no op %q to look at", which),
		Hint: effect.DidYouMean(which, append(catalog.Names(), ops(catalog)...))}
}

func moduleOf(op string) string {
	module, _, _ := strings.Cut(op, ".")
	return module
}

// gateRead reports whether a gate looked by itself whether what the run has set
// is as it was. Who asks for a module's effects asks for those of the script.
func gateRead(p *simulate.Planned, catalog *effect.Catalog) bool {
	m, _ := catalog.Module(moduleOf(p.Op))
	_, inside := p.Place.Composite()
	return inside && m.Desired != nil && slices.ContainsFunc(m.Desired.Reads, func(read string) bool { return p.Op == m.Name+"."+read })
}

func selects(which string, p *simulate.Planned) bool {
	switch which {
	case "":
		return p.Class.Writes() && !strings.HasPrefix(p.Op, effect.ControlModule+".")
	case "all":
		return true
	}
	return p.Op == which || strings.HasPrefix(p.Op, which+".")
}

func (w *expected) matches(p *simulate.Planned) bool {
	code := ""
	if p.Error != nil {
		code = string(p.Error.Code)
	}
	if w.op != p.Op || w.code != code {
		return false
	}
	args := arguments(p)
	for name, v := range w.args {
		if !same(v, args[name]) {
			return false
		}
	}
	return true
}

// String returns the effect as a test writes it, on one line.
func (w *expected) String() string {
	text := strings.TrimSpace(w.op + " " + inline(w.args))
	if w.code != "" {
		text += " fails: " + w.code
	}
	return text
}

// shortEffect is an effect that happened, in the same form.
func shortEffect(p *simulate.Planned) string {
	text := strings.TrimSpace(p.Op + " " + inline(arguments(p)))
	if p.Error != nil {
		text += " fails: " + string(p.Error.Code)
	}
	return text
}
