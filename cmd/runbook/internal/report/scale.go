package report

import (
	"slices"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// scale maps moments to a drawing's width. A stretch in which nothing begins or
// ends and that would leave no room for the rest, such as a sleep of a day
// between minutes of work, is drawn shorter than it is, and marked as cut.
type scale struct {
	left, width float64
	moments     []time.Time
	at          []float64 // where each stands
	cuts        []float64 // the middle of each stretch that was cut
}

// most is the part of the width that one stretch may take.
const most = 0.3

// newScale maps what lies between the first and the last of the moments.
func newScale(moments []time.Time, left, width float64) *scale {
	s := &scale{left: left, width: width, moments: slices.Clone(moments)}
	slices.SortFunc(s.moments, time.Time.Compare)
	s.moments = slices.CompactFunc(s.moments, time.Time.Equal)
	n := len(s.moments) - 1
	if n < 1 {
		s.at = []float64{left}
		return s
	}
	weights := make([]float64, n)
	for i := range weights {
		weights[i] = s.moments[i+1].Sub(s.moments[i]).Seconds()
	}
	real := slices.Clone(weights)
	for range 6 {
		sum := total(weights)
		for i, w := range weights {
			if n > 3 && w > most*sum {
				weights[i] = most * sum
			}
		}
	}
	x, sum := left, total(weights)
	s.at = append(s.at, x)
	for i, w := range weights {
		wide := w / sum * width
		if w < real[i]/2 {
			s.cuts = append(s.cuts, x+wide/2)
		}
		x += wide
		s.at = append(s.at, x)
	}
	return s
}

func total(list []float64) (sum float64) {
	for _, x := range list {
		sum += x
	}
	return sum
}

// x is where a moment stands.
func (s *scale) x(t time.Time) float64 {
	i, found := slices.BinarySearchFunc(s.moments, t, time.Time.Compare)
	switch {
	case found:
		return s.at[i]
	case i == 0:
		return s.left
	case i == len(s.moments):
		return s.at[i-1]
	}
	part := t.Sub(s.moments[i-1]).Seconds() / s.moments[i].Sub(s.moments[i-1]).Seconds()
	return s.at[i-1] + part*(s.at[i]-s.at[i-1])
}

// tick is a moment that is named below a drawing.
type tick struct {
	x    float64
	text string // since the start
}

// ticks chooses moments at least so far apart.
func (s *scale) ticks(apart float64) []tick {
	var list []tick
	for i, t := range s.moments {
		if n := len(list); n > 0 && s.at[i]-list[n-1].x < apart {
			continue
		}
		list = append(list, tick{s.at[i], "+" + effect.FormatDuration(rounded(t.Sub(s.moments[0])))})
	}
	return list
}
