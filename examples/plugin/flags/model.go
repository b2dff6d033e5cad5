package flags

import (
	"maps"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// model is the module in the simulated world: the percentage of each flag that
// anybody has.
type model struct{ percents map[string]any }

func (m *model) Load(state map[string]any) error {
	for flag, percent := range state {
		m.set(flag, percent)
	}
	return nil
}

func (m *model) Do(_ effect.Moment, op string, args map[string]any) (any, error) {
	flag := args["flag"].(string)
	if op == "set" {
		m.set(flag, args["percent"])
	}
	percent, known := m.percents[flag]
	if !known {
		percent = 0.0
	}
	return map[string]any{"percent": percent}, nil
}

func (m *model) set(flag string, percent any) {
	if m.percents[flag] = percent; percent == 0.0 {
		delete(m.percents, flag)
	}
}

func (m *model) State(effect.Moment) map[string]any { return maps.Clone(m.percents) }

func (m *model) Clone() effect.Model { return &model{maps.Clone(m.percents)} }

// Needs and Learn fill the model from the real flags, before a dry run.
func (m *model) Needs(_ effect.Moment, _ string, args map[string]any) []effect.Reading {
	return []effect.Reading{{Op: "get", Args: map[string]any{"flag": args["flag"]}}}
}

func (m *model) Learn(r effect.Reading, value any) error {
	m.set(r.Args["flag"].(string), value.(map[string]any)["percent"])
	return nil
}
