package view

import (
	"fmt"
	"maps"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
)

const (
	// quiet is how long nothing is said of what comes again and again; each time
	// that it is said, twice as long.
	quiet = time.Minute
	// mostPolls bounds what is remembered of one asker.
	mostPolls = 1000
)

// polls are what composites, and lines of a script, have asked so far, and what came
// of it. One that waits for hours asks thousands of times, and what is new would be
// lost among it.
type polls map[asker]map[string]*poll

// asker is who may ask again and again: a composite, or a line of a script in a
// line of control.
type asker struct {
	place effect.Place
	where effect.Position
}

// poll is what is said again and again of one question.
type poll struct {
	line        string
	first, last time.Time // when it was printed
	times       int
}

// moving are figures that differ each time: how long something took.
var moving = lazyregexp.New(`\d+(\.\d+)?(ns|µs|ms|s|m|h)\b`)

// again reports whether a line about a question is to be printed, and what to add to
// it: how often it has come since it came first.
func (p polls) again(by asker, question, line string, at time.Time) (more string, print bool) {
	said := p[by]
	if said == nil || len(said) > mostPolls {
		said = map[string]*poll{}
		p[by] = said
	}
	line = moving.ReplaceAllString(line, "")
	one := said[question]
	if one == nil || one.line != line {
		said[question] = &poll{line: line, first: at, last: at, times: 1}
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

// moved forgets what lines of the script have asked in a line of control: it is
// somewhere else now, or has changed something.
func (p polls) moved(line effect.Place) {
	maps.DeleteFunc(p, func(by asker, _ map[string]*poll) bool { return by.place == line && by.where != (effect.Position{}) })
}
