package interpreter

import (
	"context"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

const (
	// maxProgressLine, maxProgressLines and maxProgress bound what one call may
	// say while it is under way: the bytes of a line, lines, and bytes in all.
	maxProgressLine  = 16 << 10
	maxProgressLines = 200_000
	maxProgress      = 16 << 20
	// maxErrorText bounds each text of an error, in bytes: it is recorded.
	maxErrorText = 16 << 10
)

// checking holds what comes back from the world against what the op declares,
// and bounds it, whoever carries the op out: a plugin, a backend in this
// process, a model of a simulated world.
type checking struct{ next effect.Handler }

// Do hands the call on and checks what returns. A write that answers something
// else than it declares may have been applied: its outcome is unknown.
func (c checking) Do(ctx context.Context, call effect.Call) (effect.Result, error) {
	if call.Progress != nil {
		call.Progress = (&progress{tell: call.Progress}).line
	}
	res, err := c.next.Do(ctx, call)
	if effect.AsStop(err) != nil {
		return res, err
	}
	if err != nil {
		return res, bounded(effect.AsError(err))
	}
	p := &res.Predicted
	p.Target, p.From, p.To = cutText(p.Target, maxErrorText), cutText(p.From, maxErrorText), cutText(p.To, maxErrorText)
	if call.Op == nil || call.Verb == effect.VerbPreview || call.Verb == effect.VerbObserve && res.Value == nil {
		return res, nil
	}
	value, dropped, err := call.Op.CheckResult(res.Value, call.Verb == effect.VerbObserve)
	if err != nil {
		return effect.Result{}, unfit(call, err)
	}
	if len(dropped) > 0 {
		call.Report("%s returned what it does not declare, and it was left out: %s", call.Op, cutText(strings.Join(dropped, ", "), 200))
	}
	res.Value = value
	return res, nil
}

// unfit is the failure of a call that returned something else than its op
// declares.
func unfit(call effect.Call, err error) error {
	code, left := effect.CodeInternal, "nothing was changed"
	if call.Verb == effect.VerbInvoke && call.Class.Writes() {
		code, left = effect.CodeUnknown, "nobody knows how far it came"
	}
	e := effect.Errorf(code, "the result of %s does not fit its declaration: %s; %s", call.Op, cutText(err.Error(), 1000), left).
		WithHint("this is a fault of the backend: tell its author; `runbook docs %s` shows what the op returns", call.Op)
	e.Op = call.Op.String()
	return e
}

// bounded cuts the texts of an error that are too long to be recorded.
func bounded(e *effect.Error) *effect.Error {
	if len(e.Message) <= maxErrorText && len(e.Hint) <= maxErrorText {
		return e
	}
	c := *e
	c.Message, c.Hint = cutText(e.Message, maxErrorText), cutText(e.Hint, maxErrorText)
	return &c
}

// cutText shortens a text to max bytes, between two characters.
func cutText(s string, max int) string {
	if len(s) <= max {
		return s
	}
	for max > 0 && !utf8.RuneStart(s[max]) {
		max--
	}
	return s[:max] + "…"
}

// progress hands on the lines of one call until there are too many.
type progress struct {
	tell func(line string)

	mu    sync.Mutex
	lines int
	bytes int
	full  bool
}

func (p *progress) line(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.full {
		return
	}
	text = cutText(text, maxProgressLine)
	p.lines++
	p.bytes += len(text)
	if p.full = p.lines > maxProgressLines || p.bytes > maxProgress; p.full {
		text = "it says too much: what else it says while it is under way is not shown"
	}
	p.tell(text)
}
