package stdlib

import (
	"maps"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// scripted is what a scenario says that happens, by what is said: commands,
// requests, statements. What happens may change free-form values, vars.
type scripted struct {
	module  string
	replies map[string]map[string]any // never changed in place
	vars    map[string]any
}

func newScripted(module string) scripted {
	return scripted{module: module, replies: map[string]map[string]any{}, vars: map[string]any{}}
}

// load takes vars and the replies, which stand under name. functions are the
// members of a reply that may be functions of the world.
func (s *scripted) load(state map[string]any, name string, reply []effect.Field, functions ...string) error {
	patterns := []string{name + ".*.apply", name + ".*.sets.*"}
	for _, f := range functions {
		patterns = append(patterns, name+".*."+f)
	}
	got, err := loadState([]effect.Field{
		{Name: "vars", Type: effect.Map, Elem: &effect.Field{Type: effect.Any}, Doc: "values that invariants see"},
		{Name: name, Type: effect.Map, Elem: &effect.Field{Type: effect.Object, Fields: reply}, Doc: "what happens"},
	}, nil, state, patterns...)
	if err != nil {
		return err
	}
	for _, said := range sortedNames(table(got, name)) {
		if err := checkApply(table(table(got, name), said), name+"."+said); err != nil {
			return err
		}
	}
	s.take(got, name)
	return nil
}

// checkApply wants apply to be a function, which no type of a field says.
func checkApply(reply map[string]any, where string) error {
	if _, isFunc := reply["apply"].(effect.Func); reply["apply"] != nil && !isFunc {
		return &effect.FieldError{Path: where + ".apply", Problem: "wants a function of the world", Hint: "plain values stand in sets"}
	}
	return nil
}

// take is load for a state that is checked already.
func (s *scripted) take(got map[string]any, name string) {
	maps.Copy(s.vars, table(got, "vars"))
	replies := table(got, name)
	for _, said := range sortedNames(replies) {
		s.replies[squeeze(said)] = table(replies, said)
	}
}

// find returns the longest entry with which a text begins, word by word; nil
// if there is none.
func (s *scripted) find(text string) map[string]any {
	text = squeeze(text)
	best, found := "", map[string]any(nil)
	for said, reply := range s.replies {
		if rest, ok := strings.CutPrefix(text, said); ok && len(said) >= len(best) && boundary(said, rest) {
			best, found = said, reply
		}
	}
	return found
}

// boundary keeps "./deploy" from standing for "./deploy-all".
func boundary(said, rest string) bool {
	if rest == "" || said == "" {
		return true
	}
	return strings.ContainsRune(" /?#=(", rune(rest[0])) || strings.ContainsRune(" /?#=(", rune(said[len(said)-1]))
}

// squeeze makes all white space one blank.
func squeeze(text string) string { return strings.Join(strings.Fields(text), " ") }

// moment lets the scenario's functions see vars.
func (s *scripted) moment(m effect.Moment) effect.Moment { return owning(m, s.module, s.state) }

// apply does to vars what the reply says; all of it or nothing.
func (s *scripted) apply(m effect.Moment, reply map[string]any) *effect.Error {
	changes := map[string]any{}
	sets := table(reply, "sets")
	for _, name := range sortedNames(sets) {
		v, err := resolveAs(m, effect.Field{Name: name, Type: effect.Any}, sets[name])
		if err != nil {
			return err
		}
		changes[name] = copyAny(v)
	}
	if f, ok := reply["apply"].(effect.Func); ok {
		v, err := resolveAs(m, effect.Field{Name: "apply", Type: effect.Map, Elem: &effect.Field{Type: effect.Any}}, f)
		if err != nil {
			return err
		}
		more, _ := v.(map[string]any)
		maps.Copy(changes, copyOf(more))
	}
	maps.Copy(s.vars, changes)
	return nil
}

func (s *scripted) state() map[string]any {
	if len(s.vars) == 0 {
		return map[string]any{}
	}
	return map[string]any{"vars": copyOf(s.vars)}
}

func (s *scripted) clone() scripted {
	return scripted{module: s.module, replies: maps.Clone(s.replies), vars: copyOf(s.vars)}
}
