package report

import (
	"encoding/json"
	"math"
	"sort"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
)

// Subject is something that the run set, over time: a pool.
type Subject struct {
	Name   string   `json:"name"`
	Unit   string   `json:"unit"`
	Names  []string `json:"names"` // of its numbers
	Points []Point  `json:"points"`
}

// Point is what was set and seen of a subject at one moment, number by number;
// nil where the effect does not tell.
type Point struct {
	At   time.Time           `json:"at"`
	What string              `json:"what"` // the effect
	Sets bool                `json:"sets"` // it is a write
	Set  map[string]*float64 `json:"set"`
	Seen map[string]*float64 `json:"seen"`
}

// levels tells the numbers of what modules declare as their desired state.
func (m *maker) levels() {
	subjects := map[string]*Subject{}
	var order []string
	for _, e := range m.settledInTime() {
		op, known := m.Catalog.Op(e.Op)
		if !known || e.Err != nil {
			continue
		}
		module, _ := m.Catalog.Module(op.Module)
		if module.Desired == nil || module.Desired.Levels == nil || e.Class != effect.Read && !e.Class.Writes() {
			continue
		}
		args := argsOf(e)
		value, err := effect.Decode(e.Value)
		if err != nil {
			continue
		}
		list := module.Desired.Levels(op.Name, args, value)
		if len(list) == 0 {
			continue
		}
		name := op.Module
		if about, err := json.Marshal(module.Desired.Subject(args)); err == nil && string(about) != "{}" && string(about) != "null" {
			name += " " + strings.NewReplacer(`"`, "", "{", "", "}", "", ":", " ").Replace(string(about))
		}
		s := subjects[name]
		if s == nil {
			s = &Subject{Name: view.Line(name)}
			subjects[name] = s
			order = append(order, name)
		}
		p := Point{At: e.Ended.UTC(), What: m.describe(e), Sets: e.Class.Writes(), Set: map[string]*float64{}, Seen: map[string]*float64{}}
		for _, l := range list {
			s.Unit = l.Unit
			s.Names = insert(s.Names, l.Name)
			p.Set[l.Name], p.Seen[l.Name] = finite(l.Set), finite(l.Seen)
		}
		s.Points = append(s.Points, p)
	}
	for _, name := range order {
		m.r.Levels = append(m.r.Levels, *subjects[name])
	}
}

// settledInTime returns the effects that have an outcome, in the order in which
// they got it.
func (m *maker) settledInTime() []*history.Effect {
	var list []*history.Effect
	for _, e := range m.Effects {
		if e.State == history.Closed {
			list = append(list, e)
		}
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].Last < list[j].Last })
	return list
}

// Told returns the points of a table: those at which a number is another one than
// before, and those that set something.
func (s Subject) Told() []Point {
	var list []Point
	var last Point
	for i, p := range s.Points {
		if i == 0 || p.Sets || differ(s.Names, last.Set, p.Set) || differ(s.Names, last.Seen, p.Seen) {
			list = append(list, p)
		}
		last = p
	}
	return list
}

func differ(names []string, a, b map[string]*float64) bool {
	for _, n := range names {
		x, y := a[n], b[n]
		if (x == nil) != (y == nil) || x != nil && math.Abs(*x-*y) > 0.5 {
			return true
		}
	}
	return false
}

func finite(x *float64) *float64 {
	if x == nil || math.IsNaN(*x) || math.IsInf(*x, 0) {
		return nil
	}
	return x
}

func insert(list []string, word string) []string {
	i := sort.SearchStrings(list, word)
	if i < len(list) && list[i] == word {
		return list
	}
	list = append(list, "")
	copy(list[i+1:], list[i:])
	list[i] = word
	return list
}
