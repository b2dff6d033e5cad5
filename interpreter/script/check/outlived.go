package check

import (
	"time"

	"github.com/yuin/gopher-lua/ast"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script/internal/language"
)

// outlived warns of changes that come after a question which may stand for longer than
// the window is open that was looked at before it: the answer comes when it comes, and
// nobody looks at the clock again.
func (f *file) outlived() {
	var window, asked *ast.FuncCallExpr
	var opened, stands time.Duration
	for _, c := range f.calls.list {
		op, isOp := f.opOf(c.call.Func)
		switch {
		case c.later || c.back:
		case f.isGlobal(c.call.Func, "window"):
			window, asked, opened = c.call, nil, f.opensFor(c.call)
		case f.leavesFile(c.call):
			window = nil // who knows what is asked there
		case window == nil || opened == 0:
		case f.isGlobal(c.call.Func, "approve") || f.isGlobal(c.call.Func, "checklist"):
			if stands = f.standsFor(c.call); stands >= opened {
				asked = c.call
			}
		case asked != nil && isOp && f.changes(op, c.call):
			f.warn(asked.Line(), `ask before window{}, or look again after the answer; closed = "refuse" (or "wait", "ask") holds every later step to the window`,
				"the window of line %d is open for %s at most, and this may be answered after %s: %s, at line %d, is then made outside of it",
				window.Line(), effect.FormatDuration(opened), effect.FormatDuration(stands), op, c.call.Line())
			window = nil
		}
	}
}

// changes reports whether a call changes what is not only told.
func (f *file) changes(op *effect.Op, call *ast.FuncCallExpr) bool {
	m, _ := f.catalog.Module(op.Module)
	return !m.Tells && !f.loopOfReads(op) && f.classOf(op, f.argsOrNone(call)).Writes()
}

// opensFor is how long the longest of a window{}'s next openings is, 0 where that is not
// known, where nothing closes it, or where later steps keep to it.
func (f *file) opensFor(call *ast.FuncCallExpr) time.Duration {
	if len(call.Args) != 1 {
		return 0
	}
	table, ok := f.tableOf(call.Args[0])
	if !ok {
		return 0
	}
	t := f.readTable(table, call.Line())
	if t.value("closed") != nil && t.folded("closed") != "go on" || t.value("calendar") != nil {
		return 0
	}
	open, known := t.folded("open").([]any)
	if !known {
		return 0
	}
	calendar, err := language.Calendar(map[string]any{"open": open})
	if err != nil {
		return 0
	}
	var longest time.Duration
	at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC) // any day: windows repeat
	for range 20 {
		span, found := calendar.Next(at, 0)
		if !found {
			break
		}
		if span.To.IsZero() {
			return 0
		}
		longest, at = max(longest, span.To.Sub(span.From)), span.To
	}
	return longest
}

// standsFor is how long a question stands, 0 where that is not known.
func (f *file) standsFor(call *ast.FuncCallExpr) time.Duration {
	const usual = 7 * 24 * time.Hour
	if len(call.Args) != 1 {
		return 0
	}
	table, ok := f.tableOf(call.Args[0])
	if !ok {
		return 0
	}
	t := f.readTable(table, call.Line())
	if t.value("timeout") == nil {
		return usual
	}
	switch v := t.folded("timeout").(type) {
	case float64:
		return effect.Seconds(v)
	case string:
		if seconds, err := effect.ParseDuration(v); err == nil {
			return effect.Seconds(seconds)
		}
	}
	return 0
}
