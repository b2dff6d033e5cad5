package rehearse

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// ParseScenario reads a scenario from a Lua table, as script.Evaluate returns
// it. The error is a *effect.FieldError with the path of what is wrong.
func ParseScenario(table map[string]any, catalog *effect.Catalog) (*Scenario, error) {
	world := table["world"]
	table = maps.Clone(table)
	delete(table, "world") // it holds functions, which no field takes
	values, err := effect.CheckFields(scenarioFields(), nil, table)
	if err != nil {
		return nil, err
	}
	s := &Scenario{Start: DefaultStart(), Secrets: texts(values["secrets"]), Env: texts(values["env"])}
	if text, ok := values["start"].(string); ok {
		if s.Start, err = parseStart(text); err != nil {
			return nil, err
		}
	}
	if seed, ok := values["seed"].(float64); ok {
		s.Seed = int64(seed)
	}
	s.Params, _ = values["params"].(map[string]any)
	if s.World, err = parseWorld(world); err != nil {
		return nil, err
	}
	if s.Answers, err = parseAnswers(values["answers"]); err != nil {
		return nil, err
	}
	if s.Calendars, err = parseCalendars(values["calendars"]); err != nil {
		return nil, err
	}
	if s.Faults, err = parseFaults(values["faults"], catalog); err != nil {
		return nil, err
	}
	if _, err := s.Setup(catalog); err != nil {
		return nil, err
	}
	return s, nil
}

// scenarioFields declare a scenario, its world for did-you-mean only.
func scenarioFields() []effect.Field {
	table := func(name, doc string, elem effect.Type) effect.Field {
		return effect.Field{Name: name, Type: effect.Map, Doc: doc, Elem: &effect.Field{Type: elem}}
	}
	return []effect.Field{
		{Name: "start", Type: effect.String, Doc: `when virtual time begins, in UTC: "2026-11-23 14:00"`},
		{Name: "seed", Type: effect.Int, Doc: "of random numbers"},
		table("params", "parameters of the run", effect.Any),
		table("secrets", `test values of secrets, by reference: { ["env:TOKEN"] = "…" }`, effect.String),
		table("env", "what env() returns", effect.String),
		table("world", "the state of modules at the start", effect.Any),
		table("answers", "what people say, by the title of the question", effect.Any),
		calendarsField(),
		{Name: "faults", Type: effect.List, Doc: "what fails, and where"},
	}
}

func texts(v any) map[string]string {
	table, _ := v.(map[string]any)
	out := make(map[string]string, len(table))
	for k, e := range table {
		out[k], _ = e.(string)
	}
	return out
}

// parseStart reads a moment; without a zone it is in UTC.
func parseStart(text string) (time.Time, error) {
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02 15:04:05", time.RFC3339, "2006-01-02"} {
		if t, err := time.Parse(layout, strings.TrimSpace(text)); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, &effect.FieldError{Path: "start", Problem: fmt.Sprintf("wants a moment, got %q", text),
		Hint: `write start = "2026-11-23 14:00"; it is in UTC`}
}

func parseWorld(v any) (map[string]map[string]any, error) {
	modules, ok := v.(map[string]any)
	if !ok && v != nil {
		return nil, &effect.FieldError{Path: "world", Problem: "wants a table of modules", Hint: "write world = { traffic = { … } }"}
	}
	out := map[string]map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		state, ok := modules[name].(map[string]any)
		if !ok {
			return nil, &effect.FieldError{Path: "world." + name, Problem: "wants a table: the state of the module"}
		}
		live, err := alive(state, "world."+name)
		if err != nil {
			return nil, err
		}
		out[name], _ = live.(map[string]any)
	}
	return out, nil
}

// alive turns the functions in a state into what models call.
func alive(v any, path string) (any, error) {
	switch v := v.(type) {
	case *script.Callback:
		return worldFunc(v), nil
	case script.Mixed:
		return nil, &effect.FieldError{Path: path, Problem: "mixes a list with named values", Hint: "write either { 1, 2 } or { a = 1, b = 2 }"}
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			var err error
			if out[i], err = alive(e, fmt.Sprintf("%s[%d]", path, i+1)); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		out := make(map[string]any, len(v))
		for _, k := range slices.Sorted(maps.Keys(v)) {
			var err error
			if out[k], err = alive(v[k], path+"."+k); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return v, nil
}

// worldFunc lets a Lua function be a value of the world: it is called with the
// states of the other modules and the seconds since the start. Its budget
// bounds it; no context does, for models have none.
func worldFunc(fn *script.Callback) effect.Func {
	return func(m effect.Moment) (any, error) {
		world := script.Lookup(func(module string) (any, error) {
			if m.World != nil {
				if state := m.World(module); state != nil {
					return state, nil
				}
			}
			return nil, &effect.FieldError{Path: "world." + module, Problem: "cannot be asked for here",
				Hint: "there is no module of that name, or its own values depend on what asks"}
		})
		return fn.Call(context.Background(), world, m.Now.Sub(m.Start).Seconds())
	}
}

func parseAnswers(v any) (map[string]simulate.Answer, error) {
	table, _ := v.(map[string]any)
	word := effect.Field{Name: "answer", Type: effect.Enum, Required: true,
		Enum: []string{"approve", "deny", "never", "done", "failed", "retry", "skip", "rollback", "abort"}, Doc: "what people say"}
	fields := []effect.Field{word, {Name: "after", Type: effect.Duration, Default: "1m", Doc: "how long they take"},
		{Name: "by", Type: effect.List, Elem: &effect.Field{Type: effect.String}, Doc: "who says it"},
		{Name: "item", Type: effect.String, Doc: "the item of the checklist that fails; the first if left out"}}
	out := map[string]simulate.Answer{}
	for _, title := range slices.Sorted(maps.Keys(table)) {
		said, ok := table[title].(map[string]any)
		if !ok {
			said = map[string]any{"answer": table[title]}
		}
		values, err := effect.CheckFields(fields, nil, said)
		if err != nil {
			return nil, below("answers."+title, err)
		}
		after, _ := values["after"].(float64)
		a := simulate.Answer{After: effect.Seconds(after)}
		a.Item, _ = values["item"].(string)
		switch said, _ := values["answer"].(string); said {
		case "approve", "done":
		case "deny", "failed":
			a.Deny = true
		case "never":
			a.Never = true
		default:
			a.Choice = said
		}
		by, _ := values["by"].([]any)
		for _, name := range by {
			a.By = append(a.By, name.(string))
		}
		out[title] = a
	}
	return out, nil
}
