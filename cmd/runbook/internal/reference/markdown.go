package reference

import (
	"fmt"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

// Markdown returns the pages of the reference by file name.
func (r *Reference) Markdown() map[string]string {
	pages := map[string]string{"README.md": r.indexPage(), "language.md": r.languagePage(), "explore.md": r.explorationPage()}
	for i := range r.Modules {
		m := &r.Modules[i]
		pages["module-"+m.Name+".md"] = r.modulePage(m)
	}
	for i := range r.Backends {
		b := &r.Backends[i]
		pages["backend-"+b.Name+".md"] = r.backendPage(b)
	}
	return pages
}

// Generated stands at the top of pages that the program writes.
const Generated = "<!-- Written by `runbook docs --markdown`; change the declarations, not this page. -->\n\n"

// page gathers lines.
type page struct{ strings.Builder }

func (p *page) add(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

func (r *Reference) indexPage() string {
	var p page
	p.WriteString(Generated)
	p.add("# Reference\n\nWhat a runbook and a configuration can say. `runbook docs NAME` prints the same on a terminal.\n")
	p.add("- [The language](language.md): run control, parameters, errors")
	p.add("- [What explorations try and hold](explore.md): faults and invariants, of the engine and of all modules")
	p.add("- [Output as JSON](json.md): what every command prints with `--json`")
	p.add("- [Testing](../testing.md) has what test files and scenarios find\n")
	p.add("| module | reads | changes | loops | backends |\n|---|---|---|---|---|")
	for i := range r.Modules {
		m := &r.Modules[i]
		var reads, changes, loops []string
		for j := range m.Ops {
			op := &m.Ops[j]
			name := fmt.Sprintf("[%s](module-%s.md#%s)", op.Name, m.Name, anchor(op.String()))
			switch {
			case op.ClassArg != "" || op.KindArg != "":
				changes = append(changes, name+"\\*")
			case op.Class == effect.Read:
				reads = append(reads, name)
			case op.Class == effect.Write:
				changes = append(changes, name)
			default:
				changes = append(changes, name+"!")
			}
		}
		for j := range m.Composites {
			c := &m.Composites[j]
			loops = append(loops, fmt.Sprintf("[%s](module-%s.md#%s)", c.Name, m.Name, anchor(c.String())))
		}
		var backends []string
		for _, b := range r.Carriers(m.Name, "") {
			backends = append(backends, fmt.Sprintf("[%s](backend-%s.md)", b, b))
		}
		if backends == nil {
			backends = []string{"none is shipped"}
		}
		p.add("| [`%s`](module-%s.md) | %s | %s | %s | %s |", m.Name, m.Name, strings.Join(reads, ", "),
			strings.Join(changes, ", "), strings.Join(loops, ", "), strings.Join(backends, ", "))
	}
	p.add("\n`!` cannot be taken back; `*` is of the class that the call states. A module without a backend can be rehearsed, and carried")
	p.add("out by a [plugin](../plugins.md) of your own.")
	return p.String()
}

func (r *Reference) languagePage() string {
	var p page
	p.WriteString(Generated)
	p.add("# The language\n\nRun control: what a runbook finds by name, beside Lua 5.1's own `string`, `table`, `math` and `coroutine`. How it fits")
	p.add("together is told in [Writing runbooks](../language.md).")
	for i := range r.Language {
		f := &r.Language[i]
		p.add("\n## %s\n\n```lua\n%s\n```\n\n%s", f.Name, strings.Join(f.Usage, "\n"), sentence(f.Doc))
		if f.Returns != "" {
			p.add("\nReturns %s.", strings.TrimSuffix(f.Returns, "."))
		}
		p.fields("argument", f.Args, nil)
		if f.Example != "" {
			p.add("\n```lua\n%s\n```", f.Example)
		}
	}
	return p.String()
}

func (r *Reference) modulePage(m *effect.Module) string {
	var p page
	p.WriteString(Generated)
	p.add("# %s\n\n%s\n\n```lua\nlocal %s = require %q\n```", m.Name, sentence(m.Doc), m.Name, m.Name)
	if backends := r.Carriers(m.Name, ""); len(backends) == 0 {
		p.add("\nNo backend for it is shipped: it can be rehearsed, and carried out by a [plugin](../plugins.md) of your own.")
	} else {
		var links []string
		for _, b := range backends {
			links = append(links, fmt.Sprintf("[%s](backend-%s.md)", b, b))
		}
		p.add("\nBackends: %s.", strings.Join(links, ", "))
	}
	for i := range m.Ops {
		r.opSection(&p, &m.Ops[i], nil)
	}
	for i := range m.Composites {
		r.opSection(&p, &m.Composites[i].Op, &m.Composites[i])
	}
	if s := m.Scenario; s.Declared() {
		p.add("\n## In a scenario\n\nWhat `world = { %s = { … } }` of a [scenario](../testing.md#scenarios) may hold.", m.Name)
		p.fields("key", s.Fields, s.Rest)
		if len(s.Functions) > 0 {
			p.add("\nA function of the world may stand at `%s`. "+seesOthers, strings.Join(s.Functions, "`, `"))
		}
	}
	if len(m.Faults) > 0 {
		p.add("\n## Faults\n\nWhat `runbook explore` lets happen beside the faults of every effect, and a scenario may name as a `kind`.\n")
		p.add("| fault | what happens | at |\n|---|---|---|")
		for _, f := range m.Faults {
			p.add("| `%s` | %s | `%s` |", f.Name, f.Doc, strings.Join(f.Ops, "`, `"))
		}
	}
	if len(m.Invariants) > 0 {
		p.add("\n## Invariants\n\nHeld in every rehearsal, whatever fails:\n")
		for _, rule := range rulesOf(m.Invariants) {
			p.add("- %s", rule)
		}
	}
	return p.String()
}

func (r *Reference) opSection(p *page, op *effect.Op, loop *effect.Composite) {
	p.add("\n## %s\n\n```lua\n%s\n```\n\n%s\n", op, usageOf(op), sentence(op.Doc))
	p.add("| | |\n|---|---|")
	if loop != nil {
		p.add("| loop of | `%s`; a resume goes on inside it |", strings.Join(loop.Uses, "`, `"))
	} else {
		p.add("| class | %s |", classOf(op))
		if rec := recoveryOf(op); rec != "" {
			p.add("| unknown outcome | %s |", rec)
		}
		p.add("| timeout | %s |", timeoutOf(op))
		if !op.ReadsOnly() {
			p.add("| undo | `undo = function() … end` among the arguments takes it back, as [on_rollback](language.md#on_rollback) says |")
		}
		carriers := "none is shipped"
		if names := r.Carriers(op.Module, op.Name); len(names) > 0 {
			carriers = strings.Join(names, ", ")
		}
		p.add("| backends | %s |", carriers)
	}
	p.fields("argument", op.Args, op.Rest)
	p.fields("returned", op.Returns, nil)
}

func (r *Reference) backendPage(b *plugins.Description) string {
	var p page
	p.WriteString(Generated)
	p.add("# %s\n\n%s It carries the module [%s](module-%s.md).\n", b.Name, sentence(b.Doc), b.Module, b.Module)
	var ops, missing []string
	carried := map[string]bool{}
	for i := range b.Ops {
		carried[b.Ops[i].Name] = true
		ops = append(ops, "`"+b.Ops[i].Name+"`")
	}
	for i := range r.Modules {
		if r.Modules[i].Name != b.Module {
			continue
		}
		for j := range r.Modules[i].Ops {
			if name := r.Modules[i].Ops[j].Name; !carried[name] {
				missing = append(missing, "`"+name+"`")
			}
		}
	}
	p.add("Ops: %s.", strings.Join(ops, ", "))
	if len(missing) > 0 {
		p.add("Not carried: %s; a call of one fails with the code `unsupported`, and `runbook check` says so before.", strings.Join(missing, ", "))
	}
	if len(b.Config) == 0 {
		p.add("\nIt has no configuration keys.")
	}
	p.fields("key", b.Config, nil)
	p.add("\n`runbook plugins verify` starts it and asks whether its system answers.")
	return p.String()
}

// fields adds a table of declarations; members stand below their field, with
// its name before theirs.
func (p *page) fields(what string, fields []effect.Field, rest *effect.Field) {
	if len(fields) == 0 && rest == nil {
		return
	}
	p.add("\n| %s | type | | |\n|---|---|---|---|", what)
	var nested func(prefix string, fields []effect.Field)
	one := func(name string, f *effect.Field) {
		how := strings.Join(nonEmpty(preset(f), bounds(f)), ", ")
		p.add("| `%s` | %s | %s | %s |", name, cell(typeOf(f)), cell(how), cell(f.Doc))
		inner := name + "."
		if f.Type == effect.List {
			inner = name + "[]."
		} else if f.Type == effect.Map {
			inner = name + ".*."
		}
		nested(inner, members(f))
	}
	nested = func(prefix string, fields []effect.Field) {
		for i := range fields {
			one(prefix+fields[i].Name, &fields[i])
		}
	}
	nested("", fields)
	if rest != nil {
		p.add("| any other | %s | %s | %s |", cell(typeOf(rest)), cell(bounds(rest)), cell(rest.Doc))
		nested("*.", members(rest))
	}
}

// cell makes a text fit for a cell of a table.
func cell(text string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ").Replace(text)
}

func nonEmpty(texts ...string) []string {
	var out []string
	for _, t := range texts {
		if t != "" {
			out = append(out, t)
		}
	}
	return out
}

// anchor is the fragment that a heading of that text gets.
func anchor(heading string) string { return strings.ReplaceAll(strings.ToLower(heading), ".", "") }
