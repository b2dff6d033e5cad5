package databasetest

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/stdlib"
)

// Statements that the model of a Walk knows: one adds an order, the other
// fails.
const (
	Insert = "INSERT INTO orders (item) VALUES ('kiwi')"
	Broken = "INSERT INTO nowhere VALUES (1)"
)

// Walk takes steps in a backend and in the model of the module, and holds what
// they say against each other. The names of backups are each one's own and are
// translated.
type Walk struct {
	Backend plugins.Backend
	// Start is when it began; models count from then.
	Start time.Time
	// Backups are the backups that were made, by the backend's names, in order.
	Backups []string
	// Seen counts ops that succeeded ("swap") and that failed ("swap conflict").
	Seen map[string]int
	// Alike, if given, takes two errors of an op for the same although their
	// codes differ.
	Alike func(op string, real, modeled *effect.Error) bool
	// Plain, if given, takes out of a result what a model of this backend cannot
	// know, beside sizes and durations.
	Plain func(op string, args, value map[string]any)

	model   effect.Model
	modeled []string // Backups by the model's names
	steps   int
	last    effect.Moment
}

// NewWalk begins one at a database with three orders and three migrations, none
// of them carried out. world adds to what the model is told.
func NewWalk(t testing.TB, b plugins.Backend, world map[string]any) *Walk {
	t.Helper()
	told := obj{"backups": []any{}, "version": 0.0, "newest": 3.0, "vars": obj{"n": 3.0}, "statements": obj{
		Insert: obj{"rows": 1.0, "apply": effect.Func(func(m effect.Moment) (any, error) {
			return obj{"n": m.World("db")["vars"].(obj)["n"].(float64) + 1}, nil
		})},
		Broken: obj{"error": "no such table: nowhere"},
	}}
	maps.Copy(told, world)
	w := &Walk{Backend: b, Start: time.Now(), Seen: map[string]int{}, model: stdlib.Models()["db"]}
	if err := w.model.Load(told); err != nil {
		t.Fatal(err)
	}
	return w
}

// Step takes one: a backup among the arguments goes by the backend's name. It
// returns what the backend answered; nil if both failed alike.
func (w *Walk) Step(t testing.TB, op string, args map[string]any) map[string]any {
	t.Helper()
	w.steps++
	key := fmt.Sprint("walk-", w.steps)
	real, realErr := w.Backend.Invoke(t.Context(), Request(t, op, key, args))
	now := time.Now().UTC().Truncate(time.Millisecond)
	if realErr == nil && op == "backup" { // at the same moment in both
		now = time.UnixMilli(int64(real.(obj)["ended"].(float64)*1000 + 0.5)).UTC()
	}
	given := Request(t, op, key, args).Args
	if name, ok := given["backup"].(string); ok && slices.Contains(w.Backups, name) {
		given["backup"] = w.modeled[slices.Index(w.Backups, name)]
	}
	m := effect.Moment{Now: now, Start: w.Start, Key: key}
	m.World = func(string) map[string]any { return w.model.State(m) }
	modeled, modelErr := w.model.Do(m, op, given)
	if realErr != nil || modelErr != nil {
		r, s := effect.AsError(realErr), effect.AsError(modelErr)
		// The command of the team says in its own words what it lacks.
		if op == "migrate" && r != nil && s != nil && r.Code == effect.CodeFailed && s.Code == effect.CodeNotFound {
			r = s
		}
		if r == nil || s == nil || r.Code != s.Code && (w.Alike == nil || !w.Alike(op, r, s)) {
			t.Fatalf("step %d, %s %v:\nthe backend gives %v, %v\nthe model         %v, %v\n%v", w.steps, op, args, real, realErr, modeled, modelErr, w.model.State(m))
		}
		w.Seen[op+" "+string(r.Code)]++
		return nil
	}
	is, says := maps.Clone(real.(obj)), maps.Clone(modeled.(obj))
	if op == "backup" {
		w.Backups, w.modeled = append(w.Backups, is["backup"].(string)), append(w.modeled, says["backup"].(string))
	}
	w.plain(op, args, is, w.Backups)
	w.plain(op, args, says, w.modeled)
	if !reflect.DeepEqual(is, says) {
		t.Fatalf("step %d, %s %v:\nthe backend gives %v\nthe model         %v\n%v", w.steps, op, args, is, says, w.model.State(m))
	}
	w.Seen[op]++
	w.last = m
	return real.(obj)
}

// Orders holds the number of orders after the last step against the model's.
func (w *Walk) Orders(t testing.TB, n string) {
	t.Helper()
	if vars := w.last.World("db")["vars"].(obj); n != fmt.Sprint(vars["n"]) {
		t.Fatalf("step %d: the database has %s orders, the model %v", w.steps, n, vars)
	}
}

// Showed checks that each of these was seen.
func (w *Walk) Showed(t testing.TB, what ...string) {
	t.Helper()
	for _, one := range what {
		if w.Seen[one] == 0 {
			t.Errorf("%s never came in %d steps: the walk shows too little (%v)", one, w.steps, w.Seen)
		}
	}
}

// plain leaves out what a model cannot know, and puts the number of a backup in
// the place of its name.
func (w *Walk) plain(op string, args, v obj, names []string) {
	number := func(m obj, key string) {
		if s, ok := m[key].(string); ok {
			m[key] = slices.Index(names, s)
		}
	}
	number(v, "backup")
	for _, key := range []string{"size", "began", "detail"} {
		delete(v, key)
	}
	if list, ok := v["backups"].([]any); ok {
		var out []any
		for _, e := range list {
			m := maps.Clone(e.(obj))
			number(m, "name")
			delete(m, "size")
			delete(m, "began")
			out = append(out, m)
		}
		v["backups"] = out
	}
	if w.Plain != nil {
		w.Plain(op, args, v)
	}
}
