package reference

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/plugins"
)

// printer writes the reference for a terminal.
type printer struct {
	w     io.Writer
	style view.Style
	ref   *Reference
}

// seesOthers says what a function of the world is given.
const seesOthers = "It is called with the states of the other modules (not of its own, except its vars) and the seconds since the start."

// Overview prints what there is to look up.
func (r *Reference) Overview(w io.Writer, style view.Style) {
	p := printer{w, style, r}
	p.line("%s", style.Bold("The language"))
	for i := range r.Language {
		p.entry(16, r.Language[i].Name, firstSentence(plain(r.Language[i].Doc)))
	}
	p.line("\n%s", style.Bold("Modules"))
	for _, m := range r.Modules {
		carriers := "no backend is shipped"
		if names := r.Carriers(m.Name, ""); len(names) > 0 {
			carriers = "by " + strings.Join(names, ", ")
		}
		p.entry(16, m.Name, strings.Join(m.Members(), ", ")+"  ("+carriers+")")
	}
	p.line("\n%s", style.Bold("Backends"))
	for _, b := range r.Backends {
		p.entry(16, b.Name, b.Module+": "+firstSentence(b.Doc))
	}
	p.line("\n%s", style.Bold("Rehearsal"))
	p.entry(16, "explore", "faults and invariants, of the engine and of all modules")
}

// Print prints one entry.
func (r *Reference) Print(w io.Writer, style view.Style, e Entry) {
	p := printer{w, style, r}
	switch {
	case e.Function != nil:
		p.function(e.Function)
	case e.Module != nil:
		p.module(e.Module)
	case e.Op != nil:
		p.op(e.Op, nil)
	case e.Composite != nil:
		p.op(&e.Composite.Op, e.Composite)
	case e.Backend != nil:
		p.backend(e.Backend)
	case e.Member != nil:
		p.member(e.Member)
	case e.Exploration != nil:
		p.exploration(e.Exploration)
	}
}

func (p printer) member(m *Member) {
	p.line("%s  %s of %s", p.style.Bold(m.Path), m.Kind, m.Of)
	p.field("  ", "", &m.Field)
}

func (p printer) line(format string, args ...any) { _, _ = fmt.Fprintf(p.w, format+"\n", args...) }

// text prints a paragraph, indented by two.
func (p printer) text(text string) {
	p.paragraph("  ", text)
}

// paragraph prints a text below an indentation.
func (p printer) paragraph(indent, text string) {
	text = plain(text)
	if p.style.Width > 0 {
		narrow := p.style
		narrow.Width = max(p.style.Width-len(indent), 24)
		text = unhang(view.Wrap(narrow, text))
	}
	p.line("%s%s", indent, strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n"+indent))
}

func (p printer) function(f *script.Function) {
	for i, u := range f.Usage {
		if i == 0 {
			u = p.style.Bold(u)
		}
		p.line("%s", u)
	}
	p.text(sentence(f.Doc))
	p.fields("arguments", f.Args, nil)
	if f.Returns != "" {
		p.line("\nreturns")
		p.text(f.Returns)
	}
	if f.Example != "" {
		p.line("\nexample")
		p.line("  %s", strings.ReplaceAll(f.Example, "\n", "\n  "))
	}
}

func (p printer) module(m *effect.Module) {
	p.line("%s", p.style.Bold(m.Name))
	p.text(sentence(m.Doc))
	p.line("")
	row := func(op *effect.Op, loop bool) {
		what := classOf(op)
		switch {
		case loop:
			what = "loop"
		case op.ClassArg != "" || op.KindArg != "":
			what = "class as called"
		}
		by := ""
		if carriers := p.ref.Carriers(m.Name, op.Name); len(carriers) > 0 {
			by = "; by " + strings.Join(carriers, ", ")
		}
		p.entry(20, op.String(), firstSentence(op.Doc)+" ("+what+by+")")
	}
	for i := range m.Ops {
		row(&m.Ops[i], false)
	}
	for i := range m.Composites {
		row(&m.Composites[i].Op, true)
	}
	if len(p.ref.Carriers(m.Name, "")) == 0 {
		p.line("")
		p.text("No backend for it is shipped: bring a plugin of your own (docs/plugins.md).")
	}
	if s := m.Scenario; s.Declared() {
		p.fields("in a scenario's world", s.Fields, s.Rest)
		if len(s.Functions) > 0 {
			p.line("")
			p.text("A function of the world may stand at " + strings.Join(s.Functions, ", ") + ". " + seesOthers)
		}
	}
	if len(m.Faults) > 0 {
		p.line("\nfaults, beside those of every effect")
		for _, f := range m.Faults {
			p.entry(16, f.Name, sentence(f.Doc)+" At "+strings.Join(f.Ops, ", ")+".")
		}
	}
	if len(m.Invariants) > 0 {
		p.line("\nheld in every rehearsal")
		for _, rule := range rulesOf(m.Invariants) {
			p.text("- " + rule.String())
		}
	}
	p.line("\n  more: runbook docs %s.OP", m.Name)
}

func (p printer) op(op *effect.Op, loop *effect.Composite) {
	p.line("%s", p.style.Bold(usageOf(op)))
	p.text(sentence(op.Doc))
	p.line("")
	if loop != nil {
		p.fact("loop", "of small effects, inside which a resume goes on: "+strings.Join(loop.Uses, ", "))
	} else {
		p.fact("class", classOf(op))
		if r := recoveryOf(op); r != "" {
			p.fact("recovery", r)
		}
		p.fact("timeout", timeoutOf(op))
		if !op.ReadsOnly() {
			p.fact("undo", "function() … end among the arguments takes it back; see on_rollback")
		}
		carriers := strings.Join(p.ref.Carriers(op.Module, op.Name), ", ")
		if carriers == "" {
			carriers = "none is shipped: bring a plugin of your own, or do it with exec.run"
		}
		p.fact("backends", carriers)
		for _, b := range p.ref.Backends {
			if keys := keysOf(b.Config, nil); keys != "" && b.Module == op.Module && slices.ContainsFunc(b.Ops, func(o effect.Op) bool { return o.Name == op.Name }) {
				p.fact("configure", b.Name+" by "+keys)
			}
		}
	}
	for _, m := range p.ref.Modules {
		if keys := keysOf(m.Scenario.Fields, m.Scenario.Rest); m.Name == op.Module && keys != "" {
			p.fact("rehearse", "world."+m.Name+" in a scenario: "+keys)
		}
	}
	p.fields("arguments", op.Args, op.Rest)
	p.fields("returns", op.Returns, nil)
}

func (p printer) backend(b *plugins.Description) {
	p.line("%s  carries the module %s", p.style.Bold(b.Name), b.Module)
	p.text(sentence(b.Doc))
	ops := make([]string, len(b.Ops))
	for i := range b.Ops {
		ops[i] = b.Ops[i].Name
	}
	p.line("")
	p.fact("ops", strings.Join(ops, ", "))
	p.fact("version", b.Version)
	p.fields("configuration keys", b.Config, nil)
}

func (p printer) fact(name, text string) { p.entry(9, name, plain(text)) }

// keysOf lists the names of fields.
func keysOf(fields []effect.Field, rest *effect.Field) string {
	var names []string
	for i := range fields {
		names = append(names, fields[i].Name)
	}
	if rest != nil {
		names = append(names, "names of your own")
	}
	return strings.Join(names, ", ")
}

// entry prints a label and a text that hangs behind it, wrapped to the
// terminal.
func (p printer) entry(width int, label, text string) {
	indent := strings.Repeat(" ", width+4)
	body := text
	if p.style.Width > 0 {
		narrow := p.style
		narrow.Width = max(p.style.Width-len(indent), 24)
		body = unhang(view.Wrap(narrow, text))
	}
	lines := strings.Split(body, "\n")
	first := lines[0]
	if len(label) > width {
		p.line("  %s", label)
		p.line("%s%s", indent, first)
	} else {
		p.line("  %-*s  %s", width, label, first)
	}
	for _, l := range lines[1:] {
		p.line("%s%s", indent, l)
	}
}

// unhang takes back the indentation of continued lines, which entry gives.
func unhang(text string) string { return strings.ReplaceAll(text, "\n  ", "\n") }

// fields prints declarations, those inside others indented.
func (p printer) fields(title string, fields []effect.Field, rest *effect.Field) {
	if len(fields) == 0 && rest == nil {
		return
	}
	p.line("\n%s", title)
	for i := range fields {
		p.field("  ", fields[i].Name, &fields[i])
	}
	if rest != nil {
		p.field("  ", "any other name", rest)
	}
}

// field prints a declaration, those inside it indented.
func (p printer) field(indent, name string, f *effect.Field) {
	what := typeOf(f)
	for _, more := range []string{preset(f), bounds(f)} {
		if more != "" {
			what += ", " + more
		}
	}
	head := what
	if name != "" {
		head = name + "  " + what
	}
	if p.style.Width > 0 && len([]rune(indent+head)) > p.style.Width && name != "" {
		p.line("%s%s", indent, p.style.Bold(name))
		p.paragraph(indent+"    ", what)
	} else if name != "" {
		p.line("%s%s  %s", indent, p.style.Bold(name), p.style.Dim(what))
	} else {
		p.paragraph(indent, what)
	}
	if f.Doc != "" {
		p.paragraph(indent+"    ", f.Doc)
	}
	for _, inner := range members(f) {
		p.field(indent+"  ", inner.Name, &inner)
	}
}

func firstSentence(text string) string {
	if i := strings.Index(text, ". "); i >= 0 {
		text = text[:i]
	}
	return strings.TrimSuffix(text, ".")
}
