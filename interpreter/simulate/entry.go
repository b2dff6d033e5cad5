package simulate

import (
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Entry is one effect that the world saw.
type Entry struct {
	At      time.Time // when it ended
	Took    time.Duration
	Place   effect.Place
	Op      string
	Class   effect.Class
	Args    map[string]any
	Where   effect.Position
	Value   any
	Err     *effect.Error
	Changes []effect.Change // of the world's state
	// Declared says that the caller said what it changes in the simulated world.
	Declared bool
	// Predicted is what the backend of a module without a model said.
	Predicted effect.Prediction
	Basis
	Fault Kind
	// Looked are the other modules whose state decided what came of it, where two
	// runs are explored at once.
	Looked []string
	Again  bool // the same effect had been applied before
	Grows  bool // each time that it is applied it changes something, at one moment too
}

// Predictions puts what changed into words.
func (e Entry) Predictions() []effect.Prediction {
	if e.Predicted != (effect.Prediction{}) {
		return []effect.Prediction{e.Predicted}
	}
	var list []effect.Prediction
	for _, c := range e.Changes {
		list = append(list, c.Prediction())
	}
	return list
}
