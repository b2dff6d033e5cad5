package script

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script/internal/language"
)

// Header is what runbook{} says about a script.
type Header struct {
	Name      string
	Summary   string
	Params    []effect.Field // in the order of the script
	Locks     []string
	OnFailure string // "rollback", "ask" or "stop"
	Ask       Ask    // how people are asked about a failure
	// Unplanned are the arguments of run.approve that say how people are asked about
	// what the run's plan does not show; nil where the header says nothing of it.
	Unplanned map[string]any
	// Accepts are findings of rehearsals that fail none.
	Accepts []effect.Acceptance
	// RecoveryTarget is how long a recovery may take, for reports; 0 for no target.
	RecoveryTarget time.Duration
	Where          effect.Position
}

// headerProblem is a mistake in a header.
type headerProblem struct {
	key  string // under which the mistake stands; "" for the header itself
	text string
	hint string
}

func (p *headerProblem) Error() string { return p.text }

// ReadHeader runs a script up to its runbook{} and returns what that says.
// Handler and OnHeader are not needed. The error is an *Error: an effect
// before runbook{}, or a script that ends without it, among others.
func ReadHeader(ctx context.Context, opts Options) (Header, error) {
	opts.Handler = effect.HandlerFunc(func(context.Context, effect.Call) (effect.Result, error) {
		return effect.Result{}, errors.New("no effects while the header is read")
	})
	var header *Header
	found := &effect.Stop{Cause: effect.EndOfRecord}
	opts.OnHeader = func(_ context.Context, h Header) (map[string]any, error) {
		header = &h
		return nil, found
	}
	s, err := New(opts)
	if err != nil {
		return Header{}, err
	}
	defer s.Close()
	err = s.Run(ctx)
	if header != nil && effect.AsStop(err) == found {
		return *header, nil
	}
	return Header{}, err
}

// callRunbook is the global runbook.
func (s *Script) callRunbook(L *lua.LState) int {
	b := s.enter(L)
	switch {
	case s.header != nil:
		b.fail(L, fmt.Sprintf("it was called at %s", s.header.Where), "runbook{} may be called once")
	case len(b.loading) > 0:
		b.fail(L, "remove it here", "runbook{} belongs at the top of the main script, not into a required file")
	case b.parent != nil:
		b.fail(L, "move it to the top of the script", "runbook{} must come first")
	}
	table, ok := L.Get(1).(*lua.LTable)
	if !ok || L.GetTop() != 1 {
		b.fail(L, `write runbook { name = "…" }`, "runbook takes one table, got %s", describe(L.Get(1)))
	}
	h, err := s.opts.Cache.header(s.opts.Main, func() (Header, error) { return readHeader(s, table) })
	h.Where = b.position(L)
	if err != nil {
		var p *headerProblem
		if !errors.As(err, &p) {
			p = &headerProblem{text: err.Error()}
		}
		b.raise(L, &effect.Error{Code: effect.CodeRaised, Message: "runbook: " + p.text, Hint: p.hint,
			Where: s.lineOfKey(h.Where, p.key)}, nil)
	}
	s.header = &h
	s.adopt(L, b, h)
	return 0
}

// adopt takes the parameters' values from OnHeader and makes the global params
// of them, and the global run.
func (s *Script) adopt(L *lua.LState, b *branch, h Header) {
	onHeader := s.opts.OnHeader
	if onHeader == nil {
		onHeader = func(context.Context, Header) (map[string]any, error) {
			return effect.CheckFields(h.Params, nil, nil)
		}
	}
	b.execution.meter.pause()
	values, err := onHeader(b.execution.ctx, h)
	b.execution.meter.resume()
	if stop := effect.AsStop(err); stop != nil {
		b.stop(stop)
	}
	if err != nil {
		e := *effect.AsError(err)
		if e.Code == effect.CodeInternal {
			e.Code = effect.CodeRaised
		}
		e.Where = h.Where
		b.raise(L, &e, nil)
	}
	own := s.base.NewTable()
	own.RawSetString("id", lua.LString(s.opts.Run))
	own.RawSetString("name", lua.LString(h.Name))
	s.globals.RawSetString("run", s.protect(own, "run", func(L *lua.LState, key string) {
		s.enter(L).fail(L, effect.DidYouMean(key, language.RunMembers()), "run.%s does not exist", key)
	}))
	real := s.base.NewTable()
	for i := range h.Params {
		if v := values[h.Params[i].Name]; v != nil {
			real.RawSetString(h.Params[i].Name, s.toLua(v))
		}
	}
	s.globals.RawSetString("params", s.protect(real, "params", func(L *lua.LState, key string) {
		names := make([]string, len(h.Params))
		for i := range h.Params {
			if names[i] = h.Params[i].Name; names[i] == key {
				return // declared, without a value
			}
		}
		hint := language.Suggest(key, names)
		if len(names) == 0 {
			hint = fmt.Sprintf(`declare it: params = { %s = { type = "string" } }`, key)
		}
		s.enter(L).fail(L, hint, "params.%s is not declared in runbook{}", key)
	}))
}

// readHeader reads and checks the table of runbook{}. The error is a
// *headerProblem.
func readHeader(s *Script, table *lua.LTable) (Header, error) {
	h := Header{OnFailure: "rollback"}
	values, err := s.goMap(table, "params")
	if err != nil {
		return h, problemOf("", err)
	}
	if values, err = effect.CheckFields(language.HeaderFields(), nil, values); err != nil {
		return h, problemOf("", err)
	}
	h.Name, _ = values["name"].(string)
	h.Summary, _ = values["summary"].(string)
	if of, ok := values["on_failure"].(string); ok {
		h.OnFailure = of
	}
	if ask, ok := values["ask"].(map[string]any); ok {
		h.Ask = askOf(ask)
		if h.OnFailure != "ask" {
			return h, &headerProblem{key: "ask", text: `ask: nobody is asked without on_failure = "ask"`, hint: `write on_failure = "ask"`}
		}
	}
	if h.Unplanned, _ = values["unplanned"].(map[string]any); h.Unplanned != nil {
		if fault := effect.ApprovalFault(h.Unplanned); fault != "" {
			return h, &headerProblem{key: "unplanned", text: "unplanned: nobody can agree: " + fault, hint: effect.ApprovalHint}
		}
	}
	h.Accepts = acceptancesOf(values["accepts"])
	target, _ := values["recovery_target"].(float64)
	h.RecoveryTarget = effect.Seconds(target)
	locks, _ := values["locks"].([]any)
	for _, l := range locks {
		h.Locks = append(h.Locks, l.(string))
	}
	params, ok := table.RawGetString("params").(*lua.LTable)
	if !ok {
		if table.RawGetString("params") != lua.LNil {
			return h, &headerProblem{key: "params", text: "params: wants a table",
				hint: `write params = { version = { type = "string" } }`}
		}
		return h, nil
	}
	for k, v := params.Next(lua.LNil); k != lua.LNil; k, v = params.Next(k) {
		field, err := s.readParam(k, v)
		if err != nil {
			return h, err
		}
		h.Params = append(h.Params, field)
	}
	return h, nil
}

// acceptancesOf reads the findings that are accepted.
func acceptancesOf(value any) []effect.Acceptance {
	var list []effect.Acceptance
	all, _ := value.([]any)
	for _, one := range all {
		values, _ := one.(map[string]any)
		var a effect.Acceptance
		a.Invariant, _ = values["invariant"].(string)
		a.About, _ = values["about"].(string)
		a.Why, _ = values["why"].(string)
		list = append(list, a)
	}
	return list
}

// askOf reads how people are asked.
func askOf(values map[string]any) Ask {
	var a Ask
	by, _ := values["by"].([]any)
	for _, name := range by {
		if s, ok := name.(string); ok {
			a.By = append(a.By, s)
		}
	}
	a.Timeout, _ = values["timeout"].(float64)
	a.Default, _ = values["default"].(string)
	return a
}

// problemOf words a FieldError as the problem of one key of the header.
func problemOf(prefix string, err error) *headerProblem {
	var fe *effect.FieldError
	if !errors.As(err, &fe) {
		return &headerProblem{text: prefix + err.Error()}
	}
	text := fe.Problem
	if fe.Path != "" {
		text = fe.Path + ": " + text
	}
	key := fe.Path
	if i := strings.IndexAny(key, ".["); i >= 0 {
		key = key[:i]
	}
	return &headerProblem{key: key, text: prefix + text, hint: fe.Hint}
}

// lineOfKey finds the line on which a key of a table stands that begins near
// a position: Lua keeps no lines of table fields. It returns the position
// itself when it finds nothing.
func (s *Script) lineOfKey(at effect.Position, key string) effect.Position {
	if key == "" {
		return at
	}
	re, err := regexp.Compile(`(^|[{,;\s])(` + regexp.QuoteMeta(key) + `|\["` + regexp.QuoteMeta(key) + `"\])\s*=([^=]|$)`)
	if err != nil {
		return at
	}
	lines := s.lines(at.File)
	start := min(at.Line, len(lines))
	// A call's line is its first or its last, so begin where "runbook" stands.
	for start > 1 && !strings.Contains(lines[start-1], "runbook") {
		start--
	}
	for n := max(start, 1); n <= len(lines); n++ {
		text, _, _ := strings.Cut(lines[n-1], "--")
		if re.MatchString(text) {
			return effect.Position{File: at.File, Line: n}
		}
	}
	return at
}
