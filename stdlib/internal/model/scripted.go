package model

import (
	"fmt"
	"maps"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// Scripted is what a scenario says that happens, by what is said: commands,
// requests, statements. What happens may change free-form values, vars.
type Scripted struct {
	Module  string
	Replies map[string]map[string]any // never changed in place
	Vars    map[string]any
}

// NewScripted returns one of which nothing is said.
func NewScripted(module string) Scripted {
	return Scripted{Module: module, Replies: map[string]map[string]any{}, Vars: map[string]any{}}
}

// ScriptedFields declare vars and the replies, which stand under name.
// functions are the members of a reply that may be functions of the world.
func ScriptedFields(name, doc string, reply []effect.Field, functions ...string) effect.ScenarioFields {
	s := effect.ScenarioFields{Functions: []string{name + ".*.apply", name + ".*.sets.*"}, Fields: []effect.Field{
		{Name: "vars", Type: effect.Map, Elem: &effect.Field{Type: effect.Any}, Doc: "values that invariants see"},
		{Name: name, Type: effect.Map, Elem: &effect.Field{Type: effect.Object, Fields: ReplyFields(reply...)}, Doc: doc},
	}}
	for _, f := range functions {
		s.Functions = append(s.Functions, name+".*."+f)
	}
	return s
}

// Load takes vars and the replies, which stand under name, as ScriptedFields
// declared them.
func (s *Scripted) Load(state map[string]any, name string, declared effect.ScenarioFields) error {
	got, err := declared.Check(state)
	if err != nil {
		return err
	}
	for _, said := range plain.SortedNames(plain.Table(got, name)) {
		if err := CheckApply(plain.Table(plain.Table(got, name), said), name+"."+said); err != nil {
			return err
		}
	}
	s.Take(got, name)
	return nil
}

// CheckApply wants apply to be a function, which no type of a field says.
func CheckApply(reply map[string]any, where string) error {
	if _, isFunc := reply["apply"].(effect.Func); reply["apply"] != nil && !isFunc {
		return &effect.FieldError{Path: where + ".apply", Problem: "wants a function of the world", Hint: "plain values stand in sets"}
	}
	return nil
}

// Take is load for a state that is checked already.
func (s *Scripted) Take(got map[string]any, name string) {
	maps.Copy(s.Vars, plain.Table(got, "vars"))
	replies := plain.Table(got, name)
	for _, said := range plain.SortedNames(replies) {
		s.Replies[Squeeze(said)] = plain.Table(replies, said)
	}
}

// Find returns the longest entry with which a text begins, word by word; nil
// if there is none.
func (s *Scripted) Find(text string) map[string]any {
	text = Squeeze(text)
	best, found := "", map[string]any(nil)
	for said, reply := range s.Replies {
		if rest, ok := strings.CutPrefix(text, said); ok && len(said) >= len(best) && boundary(said, rest) {
			best, found = said, reply
		}
	}
	return found
}

// Near says what Find does not take for a text although it is close: an entry that
// ends within a word, or differs in upper and lower case; "" if there is none.
func (s *Scripted) Near(text string) string {
	text = Squeeze(text)
	best := ""
	for _, said := range plain.SortedNames(s.Replies) {
		if said != "" && len(said) >= len(best) && len(said) <= len(text) && strings.EqualFold(text[:len(said)], said) {
			best = said
		}
	}
	if best == "" || s.Find(text) != nil {
		return ""
	}
	return fmt.Sprintf("%q is close, and does not count: an entry is the beginning of it, whole words, in the same case", best)
}

// boundary keeps "./deploy" from standing for "./deploy-all".
func boundary(said, rest string) bool {
	if rest == "" || said == "" {
		return true
	}
	return strings.ContainsRune(" /?#=(", rune(rest[0])) || strings.ContainsRune(" /?#=(", rune(said[len(said)-1]))
}

// Squeeze makes all white space one blank.
func Squeeze(text string) string { return strings.Join(strings.Fields(text), " ") }

// Moment lets the scenario's functions see vars.
func (s *Scripted) Moment(m effect.Moment) effect.Moment { return Owning(m, s.Module, s.State) }

// Apply does to vars what the reply says; all of it or nothing.
func (s *Scripted) Apply(m effect.Moment, reply map[string]any) *effect.Error {
	changes := map[string]any{}
	sets := plain.Table(reply, "sets")
	for _, name := range plain.SortedNames(sets) {
		v, err := ResolveAs(m, effect.Field{Name: name, Type: effect.Any}, sets[name])
		if err != nil {
			return err
		}
		changes[name] = plain.Copy(v)
	}
	if f, ok := reply["apply"].(effect.Func); ok {
		v, err := ResolveAs(m, effect.Field{Name: "apply", Type: effect.Map, Elem: &effect.Field{Type: effect.Any}}, f)
		if err != nil {
			return err
		}
		more, _ := v.(map[string]any)
		maps.Copy(changes, plain.CopyOf(more))
	}
	maps.Copy(s.Vars, changes)
	return nil
}

// State returns what a model's State does: the vars, if there are any.
func (s *Scripted) State() map[string]any {
	if len(s.Vars) == 0 {
		return map[string]any{}
	}
	return map[string]any{"vars": plain.CopyOf(s.Vars)}
}

// Clone returns an independent copy.
func (s *Scripted) Clone() Scripted {
	return Scripted{Module: s.Module, Replies: maps.Clone(s.Replies), Vars: plain.CopyOf(s.Vars)}
}

// ReplyFields declares what a scenario says that happens; more adds to it.
func ReplyFields(more ...effect.Field) []effect.Field {
	return append([]effect.Field{
		{Name: "takes", Type: effect.Duration, Doc: "how long it takes"},
		{Name: "sets", Type: effect.Map, Elem: &effect.Field{Type: effect.Any}, Doc: "values that it gives to vars"},
		{Name: "apply", Type: effect.Any, Doc: "a function of the world that returns values for vars"},
	}, more...)
}

// Accepted reports whether a status is among those that count as success.
func Accepted(ok any, status float64, preset func(float64) bool) bool {
	list, given := ok.([]any)
	if !given {
		return preset(status)
	}
	for _, o := range list {
		if o == status {
			return true
		}
	}
	return false
}
