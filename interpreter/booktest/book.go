package booktest

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/rehearse"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// book is a runbook under test.
type book struct {
	suite  *suite
	main   script.Source
	loader script.Loader
	header script.Header
	cache  *script.Cache
}

func openBook(ctx context.Context, s *suite, name string) (*book, error) {
	main, loader, err := s.files.open(name, "the runbook")
	if err != nil {
		return nil, err
	}
	b := &book{suite: s, main: main, loader: loader, cache: script.NewCache()}
	// The header is read by a Script of its own, so that it does not count as
	// covered by a test.
	b.header, err = script.ReadHeader(ctx, script.Options{Main: main, Loader: loader, Catalog: s.opts.Catalog})
	return b, err
}

// table is what runbook "FILE" returns.
func (b *book) table() map[string]any {
	return map[string]any{"name": b.header.Name, "file": b.main.Name, "simulate": script.Func(b.simulate), "explore": script.Func(b.explore)}
}

// situation is a scenario, ready to be run.
type situation struct {
	book      *book
	rehearsal *rehearse.Rehearsal
	schedule  simulate.Schedule
	given     map[string]any // the table that it was made of
}

// mergedKeys are merged key by key with those of a scenario file; the rest
// replaces it.
func mergedKeys() []string { return []string{"params", "secrets", "env", "answers", "world"} }

// situate makes a situation of the table given to simulate and explore:
// scenario and schedule, and the keys of a scenario inline.
func (b *book) situate(ctx context.Context, given map[string]any) (*situation, error) {
	table := maps.Clone(given)
	file, err := text(table, "scenario", `scenario = "slow.lua"`)
	if err != nil {
		return nil, err
	}
	id, err := text(table, "schedule", `schedule = "5:refused"`)
	if err != nil {
		return nil, err
	}
	delete(table, "scenario")
	delete(table, "schedule")
	if file != "" {
		if table, err = b.beneath(ctx, file, table); err != nil {
			return nil, err
		}
	}
	o := b.suite.opts
	scenario, err := rehearse.ParseScenario(table, o.Catalog)
	if err != nil {
		return nil, err
	}
	r, err := rehearse.New(ctx, rehearse.Options{Main: b.main, Loader: b.loader, Catalog: o.Catalog, People: o.People, Header: &b.header,
		Scenario: scenario, Cache: b.cache, Cover: o.Cover})
	if err != nil {
		return nil, err
	}
	st := &situation{book: b, given: given, rehearsal: r}
	if st.schedule, err = r.Schedule(ctx); err != nil {
		return nil, err
	}
	more, err := simulate.ParseSchedule(id, o.Catalog)
	if err != nil {
		return nil, err
	}
	st.schedule = append(st.schedule, more...)
	return st, nil
}

// beneath puts a scenario file under what is given inline.
func (b *book) beneath(ctx context.Context, name string, over map[string]any) (map[string]any, error) {
	src, loader, err := b.suite.files.open(name, "the scenario")
	if err != nil {
		return nil, err
	}
	if _, err := rehearse.LoadScenario(ctx, src, loader, b.suite.opts.Catalog); err != nil {
		return nil, err // with the file's own lines
	}
	table, err := rehearse.ReadScenario(ctx, src, loader)
	if err != nil {
		return nil, err
	}
	return merge(table, over, mergedKeys()), nil
}

// merge lays one table over another. Under the named keys tables are merged in
// turn, those of a module's state included.
func merge(under, over map[string]any, deep []string) map[string]any {
	out := maps.Clone(under)
	maps.Copy(out, over)
	for _, key := range deep {
		a, isTable := under[key].(map[string]any)
		b, both := over[key].(map[string]any)
		if !isTable || !both {
			continue
		}
		var inner []string
		if key == "world" {
			for module := range a {
				inner = append(inner, module)
			}
		}
		out[key] = merge(a, b, inner)
	}
	return out
}

func text(table map[string]any, key, usage string) (string, error) {
	switch v := table[key].(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	}
	return "", &effect.FieldError{Path: key, Problem: "wants a text", Hint: "write " + usage}
}

// options reads the one table that simulate and explore take.
func options(args []any, usage string) (map[string]any, error) {
	if len(args) == 0 {
		return map[string]any{}, nil
	}
	table, ok := args[0].(map[string]any)
	if !ok || len(args) > 1 {
		return nil, &effect.FieldError{Problem: "one table of named values is wanted", Hint: "write " + usage}
	}
	if _, isBook := table["simulate"].(*script.Callback); isBook {
		return nil, &effect.FieldError{Problem: `it is called with ".", not with ":"`, Hint: "write " + usage}
	}
	return table, nil
}

// simulate is book.simulate: one run in the world that is given.
func (b *book) simulate(ctx context.Context, at effect.Position, args []any) (any, error) {
	r, err := b.suite.under("book.simulate")
	if err != nil {
		return nil, err
	}
	given, err := options(args, "book.simulate { world = { … } }")
	if err != nil {
		return nil, err
	}
	st, err := b.situate(ctx, given)
	if err != nil {
		return nil, err
	}
	run, err := st.run(ctx)
	if err != nil {
		return nil, err
	}
	run.where = at
	b.suite.mu.Lock()
	defer b.suite.mu.Unlock()
	r.runs = append(r.runs, run)
	r.test.Runs++
	return run.table(len(r.runs)), nil
}

// run carries the situation out.
func (st *situation) run(ctx context.Context) (*run, error) {
	res, err := st.rehearsal.Run(ctx, st.schedule)
	if err != nil {
		return nil, fmt.Errorf("simulate %s: %w", st.book.main.Name, err)
	}
	if missed := res.World.Missed(st.schedule); len(missed) > 0 {
		return nil, &effect.FieldError{Path: "faults", Problem: fmt.Sprintf("%s:%s: %s; it ended %s", missed[0].Place, missed[0].Kind, missed[0].Why, res.Ending.Status)}
	}
	return newRun(st, res), nil
}

// explore is book.explore: many runs, each with a fault more.
func (b *book) explore(ctx context.Context, at effect.Position, args []any) (any, error) {
	r, err := b.suite.under("book.explore")
	if err != nil {
		return nil, err
	}
	given, err := options(args, "book.explore { depth = 1 }")
	if err != nil {
		return nil, err
	}
	x, err := b.exploration(ctx, at, given)
	if err != nil {
		return nil, err
	}
	b.suite.mu.Lock()
	defer b.suite.mu.Unlock()
	r.explored = append(r.explored, x)
	r.test.Schedules += x.found.Schedules
	return x.table(len(r.explored)), nil
}

// kindNames returns a list of strings that was checked to be one.
func kindNames(v any) []string {
	list, _ := v.([]any)
	out := make([]string, 0, len(list))
	for _, item := range list {
		word, _ := item.(string)
		out = append(out, word)
	}
	return out
}

func (b *book) exploration(ctx context.Context, at effect.Position, given map[string]any) (*exploration, error) {
	table := maps.Clone(given)
	how, err := effect.CheckFields([]effect.Field{
		{Name: "depth", Type: effect.Int, Default: 1.0, Min: effect.Bound(1), Max: effect.Bound(2), Doc: "faults in one run"},
		{Name: "limit", Type: effect.Int, Default: float64(simulate.DefaultLimit), Min: effect.Bound(0), Doc: "of schedules; 0 for none"},
		{Name: "kinds", Type: effect.List, Elem: &effect.Field{Type: effect.String}, Doc: `the kinds of faults that are tried, or { "all" }; the usual ones if left out`},
		{Name: "without", Type: effect.List, Elem: &effect.Field{Type: effect.String}, Doc: "kinds of faults that are not tried"},
	}, nil, map[string]any{"depth": table["depth"], "limit": table["limit"], "kinds": table["kinds"], "without": table["without"]})
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"depth", "limit", "kinds", "without"} {
		delete(table, name)
	}
	st, err := b.situate(ctx, table)
	if err != nil {
		return nil, err
	}
	e := st.rehearsal.Explorer(st.schedule)
	e.Alike = true
	e.Depth, e.Limit, e.Workers = int(how["depth"].(float64)), int(how["limit"].(float64)), b.suite.opts.Workers
	e.Within = simulate.DefaultWithin
	if e.Faults, err = simulate.ParseChoice(kindNames(how["kinds"]), kindNames(how["without"]), st.rehearsal.Setup.Catalog); err != nil {
		return nil, &effect.FieldError{Path: "kinds", Problem: err.Error()}
	}
	found, err := e.Explore(ctx)
	if err == nil {
		err = ctx.Err() // what was found until then is not what was asked for
	}
	if err != nil {
		var fe *effect.FieldError
		if errors.As(err, &fe) {
			return nil, err
		}
		return nil, fmt.Errorf("explore %s: %w", b.main.Name, err)
	}
	return &exploration{situation: st, where: at, found: found, bounded: given["limit"] != nil}, nil
}
