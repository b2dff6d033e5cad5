package reference

import "github.com/q-ecosystem/runbook/interpreter/effect"

// Line is an entry as --json prints it.
type Line struct {
	Type     string         `json:"type"` // function, module, op, loop, backend, member, explore
	Name     string         `json:"name"`
	Kind     string         `json:"kind,omitempty"` // of a member
	Doc      string         `json:"doc,omitempty"`
	Usage    []string       `json:"usage,omitempty"`
	Args     []effect.Field `json:"args,omitempty"`
	Rest     *effect.Field  `json:"rest,omitempty"`
	Returns  []effect.Field `json:"returns,omitempty"`
	Value    string         `json:"value,omitempty"` // what a function returns, in words
	Class    string         `json:"class,omitempty"`
	Recovery string         `json:"recovery,omitempty"`
	Timeout  string         `json:"timeout,omitempty"`
	Uses     []string       `json:"uses,omitempty"`
	Module   string         `json:"module,omitempty"`
	Members  []string       `json:"members,omitempty"`
	Backends []string       `json:"backends,omitempty"`
	Config   []effect.Field `json:"config,omitempty"`
	Scenario []effect.Field `json:"scenario,omitempty"`
	// ScenarioRest is what other keys of the scenario's world take, and
	// ScenarioFunctions are the places at which a function may stand.
	ScenarioRest      *effect.Field `json:"scenario_rest,omitempty"`
	ScenarioFunctions []string      `json:"scenario_functions,omitempty"`
	Faults            []faultLine   `json:"faults,omitempty"`
	Invariants        []string      `json:"invariants,omitempty"`
}

// faultLine is a kind of fault that a module knows of.
type faultLine struct {
	Name   string   `json:"name"`
	Doc    string   `json:"doc"`
	Ops    []string `json:"ops"`
	Writes bool     `json:"writes,omitempty"` // only calls that may change something
	// Answers says that only what a read answers is another.
	Answers bool   `json:"answers,omitempty"`
	Only    string `json:"only,omitempty"` // the one invariant that a run struck by it is held against
	Rare    bool   `json:"rare,omitempty"` // tried only where somebody asks for it
}

// moduleLine is a module as --json prints it.
func (r *Reference) moduleLine(m *effect.Module) Line {
	l := Line{Type: "module", Name: m.Name, Doc: m.Doc, Members: m.Members(), Backends: r.Carriers(m.Name, ""),
		Scenario: m.Scenario.Fields, ScenarioRest: m.Scenario.Rest, ScenarioFunctions: m.Scenario.Functions}
	for _, f := range m.Faults {
		l.Faults = append(l.Faults, faultLine(f))
	}
	for _, rule := range rulesOf(m.Invariants) {
		l.Invariants = append(l.Invariants, rule.name)
	}
	return l
}

// JSON returns an entry in the form that --json prints.
func (r *Reference) JSON(e Entry) any {
	switch {
	case e.Function != nil:
		f := e.Function
		return Line{Type: "function", Name: f.Name, Doc: f.Doc, Usage: f.Usage, Args: f.Args, Value: f.Returns}
	case e.Module != nil:
		return r.moduleLine(e.Module)
	case e.Composite != nil:
		c := e.Composite
		return Line{Type: "loop", Name: c.String(), Doc: c.Doc, Usage: []string{usageOf(&c.Op)}, Args: c.Args, Rest: c.Rest, Returns: c.Returns, Uses: c.Uses, Module: c.Module}
	case e.Op != nil:
		o := e.Op
		return Line{Type: "op", Name: o.String(), Doc: o.Doc, Usage: []string{usageOf(o)}, Args: o.Args, Rest: o.Rest, Returns: o.Returns,
			Class: classOf(o), Recovery: recoveryOf(o), Timeout: timeoutOf(o), Module: o.Module, Backends: r.Carriers(o.Module, o.Name)}
	}
	if x := e.Exploration; x != nil {
		return x.line()
	}
	if m := e.Member; m != nil {
		return Line{Type: "member", Name: m.String(), Doc: m.Field.Doc, Kind: m.Kind, Args: []effect.Field{m.Field}}
	}
	b := e.Backend
	ops := make([]string, len(b.Ops))
	for i := range b.Ops {
		ops[i] = b.Ops[i].Name
	}
	return Line{Type: "backend", Name: b.Name, Doc: b.Doc, Module: b.Module, Members: ops, Config: b.Config}
}
