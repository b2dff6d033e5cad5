package effect

import (
	"context"
	"fmt"
	"slices"
	"sort"
)

// Module is a set of ops under one Lua name.
type Module struct {
	Name       string
	Doc        string
	Ops        []Op
	Composites []Composite
	// Model returns what the module is in the simulated world, in the state that
	// holds where a scenario says nothing. It is nil for a module that cannot be
	// simulated.
	Model func() Model
	// Scenario declares what a scenario may say of the model's state. It is
	// checked before the model is told, and printed by the reference.
	Scenario ScenarioFields
	// Tells says that its effects tell people something and change nothing else.
	Tells bool
	// Faults are ways to go wrong that the model, a Breaker then, knows of.
	Faults []FaultKind
	// Invariants have to hold in the simulated world of every runbook.
	Invariants []Invariant
	// Desired is what the writes set that has to stay so; nil for nothing.
	Desired *Desired
}

// Composite looks like an op to the script and is a loop of small effects, so
// that a resume goes on inside it. Run sees canonical arguments; it must be
// deterministic apart from what it performs, and take the time from the op
// "run.now".
type Composite struct {
	Op
	// Uses names the ops that Run performs, the engine's own left out, so that
	// what a backend lacks is known before a run starts.
	Uses []string
	Run  func(ctx context.Context, p Performer, args map[string]any) (any, error)
}

// Catalog is the set of modules that a run knows. The zero value is empty.
type Catalog struct {
	modules map[string]Module
	ops     map[string]*Op
	comps   map[string]*Composite
}

// NewCatalog verifies the modules' declarations and indexes them.
func NewCatalog(modules ...Module) (*Catalog, error) {
	c := &Catalog{map[string]Module{}, map[string]*Op{}, map[string]*Composite{}}
	for _, m := range modules {
		if _, dup := c.modules[m.Name]; dup {
			return nil, fmt.Errorf("module %s is declared twice", m.Name)
		}
		c.modules[m.Name] = m
		for i := range m.Ops {
			op := &m.Ops[i]
			if op.Module != m.Name {
				return nil, fmt.Errorf("module %s declares the op %s of another module", m.Name, op)
			}
			if err := op.Verify(); err != nil && m.Name != ControlModule {
				return nil, err
			}
			c.ops[op.String()] = op
		}
		for i := range m.Composites {
			comp := &m.Composites[i]
			if err := comp.Verify(); err != nil {
				return nil, err
			}
			c.comps[comp.String()] = comp
		}
		if err := m.verifyFaults(); err != nil {
			return nil, err
		}
		if err := m.verifyScenario(); err != nil {
			return nil, err
		}
		if err := m.verifyDesired(); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// verifyFaults reports what is wrong with the module's fault kinds.
func (m Module) verifyFaults() error {
	if len(m.Faults) == 0 {
		return nil
	}
	if m.Model == nil {
		return fmt.Errorf("module %s declares faults, and has no model that could have them", m.Name)
	}
	if _, ok := m.Model().(Breaker); !ok {
		return fmt.Errorf("module %s declares faults, and its model is no Breaker", m.Name)
	}
	for _, f := range m.Faults {
		if f.Name == "" || f.Doc == "" || len(f.Ops) == 0 {
			return fmt.Errorf("module %s declares a fault without name, doc or ops", m.Name)
		}
		for _, name := range f.Ops {
			if !slices.ContainsFunc(m.Ops, func(op Op) bool { return op.Name == name }) {
				return fmt.Errorf("module %s declares the fault %s of an op %s that it does not have", m.Name, f.Name, name)
			}
		}
	}
	return nil
}

// Models returns the models of the modules that have one, by module.
func (c *Catalog) Models() map[string]Model {
	models := map[string]Model{}
	for name, m := range c.modules {
		if m.Model != nil {
			models[name] = m.Model()
		}
	}
	return models
}

// Module returns the module of that name.
func (c *Catalog) Module(name string) (Module, bool) {
	m, ok := c.modules[name]
	return m, ok
}

// Op returns the op of that full name, "traffic.split".
func (c *Catalog) Op(name string) (*Op, bool) {
	op, ok := c.ops[name]
	return op, ok
}

// Composite returns the composite of that full name, "health.watch".
func (c *Catalog) Composite(name string) (*Composite, bool) {
	comp, ok := c.comps[name]
	return comp, ok
}

// Names returns the modules' names in order, the engine's own left out.
func (c *Catalog) Names() []string {
	names := make([]string, 0, len(c.modules))
	for n := range c.modules {
		if n != ControlModule {
			names = append(names, n)
		}
	}
	sort.Strings(names)
	return names
}

// Members returns the names of a module's ops and composites in order.
func (m Module) Members() []string {
	var names []string
	for i := range m.Ops {
		names = append(names, m.Ops[i].Name)
	}
	for i := range m.Composites {
		names = append(names, m.Composites[i].Name)
	}
	sort.Strings(names)
	return names
}
