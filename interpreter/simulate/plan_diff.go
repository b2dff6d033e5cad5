package simulate

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Difference is one thing in which two plans differ.
type Difference struct {
	Kind DifferenceKind `json:"kind"`
	Text string         `json:"text,omitempty"` // of a fact about the plan as a whole
	Was  *Planned       `json:"was,omitempty"`
	Is   *Planned       `json:"is,omitempty"`
	// Shift is by how many seconds everything moves from here on, compared
	// with what came before.
	Shift float64 `json:"shift,omitempty"`
}

// DifferenceKind says what sort of difference it is.
type DifferenceKind string

const (
	DiffHead    DifferenceKind = "head"    // about the plan as a whole
	DiffAdded   DifferenceKind = "added"   // an effect that the first plan does not have
	DiffRemoved DifferenceKind = "removed" // one that the second does not have
	DiffChanged DifferenceKind = "changed" // the same effect with another outcome, fact or duration
	DiffShifted DifferenceKind = "shifted" // the same effect, earlier or later than those before it
)

// ComparePlans tells what changed from plan a to plan b. When a plan was made
// and places in the script are no differences.
func ComparePlans(a, b *Plan) []Difference {
	list := heads(a, b)
	shift := 0.0
	for _, m := range align(a.Effects, b.Effects) {
		switch {
		case m.a == nil:
			list = append(list, Difference{Kind: DiffAdded, Is: m.b})
		case m.b == nil:
			list = append(list, Difference{Kind: DiffRemoved, Was: m.a})
		default:
			by := m.b.At - m.a.At - shift
			moved := math.Abs(by) >= moveFrom
			if moved {
				shift += by
			} else {
				by = 0
			}
			if altered(m.a, m.b) {
				list = append(list, Difference{Kind: DiffChanged, Was: m.a, Is: m.b, Shift: by})
			} else if moved {
				list = append(list, Difference{Kind: DiffShifted, Was: m.a, Is: m.b, Shift: by})
			}
		}
	}
	return list
}

// moveFrom is what an effect has to move to be told, in seconds.
const moveFrom = 0.5

// heads compares what is said of the plans as a whole.
func heads(a, b *Plan) []Difference {
	var list []Difference
	note := func(format string, args ...any) {
		list = append(list, Difference{Kind: DiffHead, Text: fmt.Sprintf(format, args...)})
	}
	turn := func(what, from, to string) {
		if from != to {
			note("%s: %s → %s", what, orNothing(from), orNothing(to))
		}
	}
	turn("runbook", a.Runbook, b.Runbook)
	turn("environment", a.Env, b.Env)
	for _, name := range union(a.Sources, b.Sources) {
		if from, to := a.Sources[name], b.Sources[name]; from != to {
			turn("file "+name, from[:min(12, len(from))], to[:min(12, len(to))])
		}
	}
	before, after := flatParams(a.Params), flatParams(b.Params)
	for _, name := range union(before, after) {
		turn("parameter "+name, before[name], after[name])
	}
	turn("ends", string(a.Status), string(b.Status))
	if d := b.Took - a.Took; math.Abs(d) >= moveFrom {
		note("takes: %s → %s", effect.FormatDuration(effect.Seconds(a.Took)), effect.FormatDuration(effect.Seconds(b.Took)))
	}
	rollback := func(p *Plan) string {
		if p.RollbackAt == nil {
			return ""
		}
		return "after " + effect.FormatDuration(effect.Seconds(*p.RollbackAt))
	}
	turn("rolls back", rollback(a), rollback(b))
	return list
}

func union[V any](a, b map[string]V) []string {
	names := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(names)
	return slices.Compact(names)
}

func flatParams(raw []byte) map[string]string {
	out := map[string]string{}
	if v, err := effect.Decode(raw); err == nil {
		params, _ := v.(map[string]any)
		for name, p := range params {
			if text, err := EncodeByName(bareNames(p)); err == nil {
				out[name] = string(text)
			}
		}
	}
	return out
}

// altered reports whether an effect that stands in both plans comes out
// differently.
func altered(a, b *Planned) bool {
	return a.Fact != b.Fact || a.Fault != b.Fault || code(a.Error) != code(b.Error) || !slices.Equal(a.Changes, b.Changes) ||
		math.Abs(a.Took-b.Took) >= moveFrom
}

func code(e *effect.Error) effect.Code {
	if e == nil {
		return ""
	}
	return e.Code
}

// matched is a pair of effects that are the same, or one without its like.
type matched struct{ a, b *Planned }

// align finds the longest common course of two lists of effects.
func align(a, b []Planned) []matched {
	var head, tail []matched
	for len(a) > 0 && len(b) > 0 && same(&a[0], &b[0]) {
		head = append(head, matched{&a[0], &b[0]})
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && same(&a[len(a)-1], &b[len(b)-1]) {
		tail = append(tail, matched{&a[len(a)-1], &b[len(b)-1]})
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	slices.Reverse(tail)
	return append(append(head, middle(a, b)...), tail...)
}

// maxTable bounds the table of the comparison; longer courses are taken as
// replaced whole.
const maxTable = 16 << 20

func middle(a, b []Planned) []matched {
	var out []matched
	if len(a)*len(b) > maxTable {
		for i := range a {
			out = append(out, matched{a: &a[i]})
		}
		for i := range b {
			out = append(out, matched{b: &b[i]})
		}
		return out
	}
	width := len(b) + 1
	longest := make([]int32, (len(a)+1)*width)
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if same(&a[i], &b[j]) {
				longest[i*width+j] = longest[(i+1)*width+j+1] + 1
			} else {
				longest[i*width+j] = max(longest[(i+1)*width+j], longest[i*width+j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && same(&a[i], &b[j]):
			out = append(out, matched{&a[i], &b[j]})
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && longest[(i+1)*width+j] >= longest[i*width+j+1]:
			out = append(out, matched{a: &a[i]})
			i++
		default:
			out = append(out, matched{b: &b[j]})
			j++
		}
	}
	return out
}

// same reports whether two effects are the same op with the same arguments, in
// the same part of the run: an effect of a rollback is never one of the main
// chunk.
func same(a, b *Planned) bool {
	return a.Op == b.Op && bytes.Equal(a.Args, b.Args) && a.Place.InRollback() == b.Place.InRollback()
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}
