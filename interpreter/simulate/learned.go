package simulate

import (
	"fmt"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// lesson is what a model was told of a real system.
type lesson struct {
	module  string
	reading effect.Reading
	value   any
}

// Learned returns the setup of worlds that begin as real systems were when this
// world read them, and that read nothing themselves.
func (w *World) Learned() (Setup, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.setup
	s.Live, s.Preview, s.Models = nil, nil, map[string]effect.Model{}
	for name, model := range w.setup.Models {
		s.Models[name] = model.Clone()
	}
	for _, l := range w.lessons {
		learner, ok := s.Models[l.module].(effect.Learner)
		if !ok {
			continue
		}
		if err := learner.Learn(l.reading, l.value); err != nil {
			return Setup{}, fmt.Errorf("begin with what %s.%s returned: %w", l.module, l.reading.Op, err)
		}
	}
	return s, nil
}
