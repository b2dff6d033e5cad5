package simulate

import "github.com/q-ecosystem/runbook/interpreter/effect"

// Fact says where what an effect told came from.
type Fact string

const (
	Live    Fact = "live"    // read from the real system, now or before
	Modeled Fact = "modeled" // follows from the scenario and the effects before
	Assumed Fact = "assumed" // nobody said; a default
	Guessed Fact = "preview" // the backend's own prediction
)

// Basis says what the answer of an effect rests on.
type Basis struct {
	Fact    Fact
	Assumed string // what was taken for granted, in words; of the fact Assumed
}

// basisOf says what the effect's answer rests on; told says that everything it
// depends on was read live.
func (w *World) basisOf(model effect.Model, call effect.Call, told bool) Basis {
	w.mu.Lock()
	defer w.mu.Unlock()
	if told && !w.changed[call.Op.Module] {
		return Basis{Fact: Live}
	}
	if a, ok := model.(effect.Assumer); ok {
		if text := a.Assumes(call.Op.Name, call.Args); text != "" {
			return Basis{Assumed, text}
		}
	}
	return Basis{Fact: Modeled}
}
