package history

import (
	"slices"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Step is an entered step.
type Step struct {
	Name  string
	Place effect.Place
	At    time.Time
}

// Steps knows which steps each line of control of a run is in. The zero Steps is
// that of a run that has just begun.
type Steps struct {
	lines   map[effect.Place][]Step
	names   map[effect.Place][]string // the same, for Effect.Steps
	entered map[string]int
	all     []string // names, in the order in which they were entered
	failed  Step     // the outermost that failed last
}

// Add takes an event into account.
func (s *Steps) Add(ev *effect.Event) {
	switch ev.Kind {
	case effect.StepEntered:
		if s.lines == nil {
			s.lines, s.names, s.entered = map[effect.Place][]Step{}, map[effect.Place][]string{}, map[string]int{}
		}
		line := ev.Place.Line()
		s.names[line] = append(slices.Clip(s.Names(ev.Place)), ev.Body.Name)
		s.lines[line] = append(s.lines[line], Step{ev.Body.Name, ev.Place, ev.At})
		s.entered[ev.Body.Name]++
		s.all = append(s.all, ev.Body.Name)
		s.failed = Step{} // whatever failed before was caught
	case effect.StepLeft:
		line := ev.Place.Line()
		n := len(s.lines[line])
		if n == 0 {
			return
		}
		last := s.lines[line][n-1]
		s.lines[line] = s.lines[line][:n-1]
		s.names[line] = s.names[line][:len(s.names[line])-1]
		if ev.Body.Error != nil {
			s.failed = last
		}
	case effect.BranchLeft:
		delete(s.lines, ev.Place)
		delete(s.names, ev.Place)
	case effect.RollbackStarted:
		clear(s.lines)
		clear(s.names)
	}
}

// Last returns the step that the line of control of a place has entered last and
// not left. ok is false if there is none.
func (s *Steps) Last(place effect.Place) (step Step, ok bool) {
	steps := s.lines[place.Line()]
	if len(steps) == 0 {
		return Step{}, false
	}
	return steps[len(steps)-1], true
}

// Names returns the steps that a place stands in, outermost first, those of the
// lines of control around its own included. It must not be changed.
func (s *Steps) Names(place effect.Place) []string {
	for len(s.names) > 0 {
		line := place.Line()
		if names, ok := s.names[line]; ok {
			return names
		}
		if line == "" {
			break
		}
		place = line
	}
	return nil
}

// Path returns the steps that the main line of control is in.
func (s *Steps) Path() []string { return s.Names("") }

// All returns the names of the steps in the order in which they were entered.
func (s *Steps) All() []string { return s.all }

// Failed returns the step in which the run failed, as a fork wants it: by name,
// or by place if it was entered several times. It is "" if no step failed.
func (s *Steps) Failed() string {
	if s.entered[s.failed.Name] > 1 {
		return string(s.failed.Place)
	}
	return s.failed.Name
}
