package view

import (
	"fmt"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// quiet is how long nothing is said of what comes again and again; each time that
// it is said, twice as long.
const quiet = time.Minute

// polls are what composites, and lines of a script, have said so far. One that
// waits for hours asks thousands of times, and what is new would be lost among it.
type polls map[asker]map[string]*poll

// asker is who may ask again and again: a composite, or a line of a script in a
// line of control.
type asker struct {
	place effect.Place
	where effect.Position
}

// poll is a line that is said again and again.
type poll struct {
	first, last time.Time // when it was printed
	times       int
}

// again reports whether a line is to be printed, and what to add to it: how often
// it has come since it came first.
func (p polls) again(by asker, line string, at time.Time) (more string, print bool) {
	said := p[by]
	if said == nil {
		said = map[string]*poll{}
		p[by] = said
	}
	one := said[line]
	if one == nil {
		said[line] = &poll{first: at, last: at, times: 1}
		return "", true
	}
	one.times++
	switch {
	case one.times == 2 && by.where != (effect.Position{}): // twice is no loop yet
		one.last = at
		return "", true
	case at.Sub(one.last) < max(quiet, one.last.Sub(one.first)):
		return "", false
	}
	one.last = at
	return fmt.Sprintf("  %d times since %s", one.times, one.first.Local().Format("15:04:05")), true
}
