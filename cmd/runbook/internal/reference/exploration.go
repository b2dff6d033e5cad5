package reference

import (
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// Exploration is what `runbook explore` lets happen and holds, whatever the
// runbook: found under the name explore.
type Exploration struct {
	Faults     []effect.FaultKind // Ops says in words what they strike
	Invariants []effect.Invariant
}

func exploration() *Exploration {
	return &Exploration{simulate.EngineFaults(), simulate.EngineInvariants()}
}

// explorationPage has the engine's own, and after them those of all modules.
func (r *Reference) explorationPage() string {
	var p page
	x := exploration()
	p.WriteString(Generated)
	p.add("# What explorations try and hold\n\n[Rehearsing runbooks](../rehearse.md#explore) tells what they are, and what they prove.\n")
	p.add("## Faults\n\nThose with a star are tried only where `--faults` names them, or says `all`: a run that is right may not stand up to them.\n")
	p.add("| fault | of | what happens | at |\n|---|---|---|---|")
	for _, f := range x.Faults {
		p.add("| `%s`%s | the engine | %s | %s |", f.Name, star(f), f.Doc, strings.Join(f.Ops, ", "))
	}
	for i := range r.Modules {
		m := &r.Modules[i]
		for _, f := range m.Faults {
			p.add("| `%s`%s | [`%s`](module-%s.md) | %s | `%s` |", f.Name, star(f), m.Name, m.Name, f.Doc, strings.Join(f.Ops, "`, `"))
		}
	}
	p.add("\n## Invariants\n\nA finding of a module's that is right for a runbook is [accepted in its header](../rehearse.md#findings-that-are-right-here).\n\n| of | what holds |\n|---|---|")
	for _, rule := range rulesOf(x.Invariants) {
		p.add("| the engine | %s |", rule)
	}
	for i := range r.Modules {
		m := &r.Modules[i]
		for _, rule := range rulesOf(m.Invariants) {
			p.add("| [`%s`](module-%s.md) | %s |", m.Name, m.Name, rule)
		}
	}
	return p.String()
}

// exploration prints the same.
func (p printer) exploration(x *Exploration) {
	p.line("%s", p.style.Bold("explore"))
	p.text("Let faults happen at every effect of a runbook, in a simulated world, and hold invariants against what becomes of it.")
	p.line("\nfaults of every module's effects (*: only where --faults names it)")
	for _, f := range x.Faults {
		p.entry(16, f.Name+star(f), sentence(f.Doc)+" At "+strings.Join(f.Ops, ", ")+".")
	}
	p.line("\nheld in every rehearsal")
	for _, rule := range rulesOf(x.Invariants) {
		p.text("- " + rule.String())
	}
	for i := range p.ref.Modules {
		m := &p.ref.Modules[i]
		if len(m.Faults)+len(m.Invariants) == 0 {
			continue
		}
		p.line("\nof %s", m.Name)
		for _, f := range m.Faults {
			p.entry(16, f.Name+star(f), sentence(f.Doc)+" At "+strings.Join(f.Ops, ", ")+".")
		}
		for _, rule := range rulesOf(m.Invariants) {
			p.text("- " + rule.String())
		}
	}
}

// star marks faults that are tried only where somebody asks for them.
func star(f effect.FaultKind) string {
	if f.Rare {
		return "*"
	}
	return ""
}

// line is the entry as --json prints it.
func (x *Exploration) line() Line {
	l := Line{Type: "explore", Name: "explore", Doc: "What explorations try and hold, whatever the runbook"}
	for _, f := range x.Faults {
		l.Faults = append(l.Faults, faultLine(f))
	}
	for _, rule := range rulesOf(x.Invariants) {
		l.Invariants = append(l.Invariants, rule.name)
	}
	return l
}
