package interpreter

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// What people say of an item of a checklist.
const (
	ItemDone          = "done"
	ItemFailed        = "failed"
	ItemNotApplicable = "not_applicable"
)

// Evidence is a file that somebody names with an answer. The journal keeps its
// name and its hash, not the file.
type Evidence struct {
	File   string // as the person who answers knows it
	Size   int64
	SHA256 string // hex
}

// value is the evidence as it is recorded.
func (e *Evidence) value() map[string]any {
	return map[string]any{"file": e.File, "size": float64(e.Size), "sha256": e.SHA256}
}

// Given returns the answers that count to the items of a checklist, by number
// from 1.
func (q *Question) Given(answers []effect.Event) map[int]effect.Event {
	given := map[int]effect.Event{}
	for _, a := range answers {
		n, err := strconv.Atoi(a.Body.Name)
		if _, before := given[n]; err != nil || before || n < 1 || n > len(q.Items) || a.Place != q.Place || a.At.After(q.Deadline) || q.refuses(&a.Body) != "" {
			continue
		}
		given[n] = a
	}
	return given
}

// decideItems looks whether each item is answered, or one has failed.
func (q *Question) decideItems(answers []effect.Event, now time.Time) (bool, effect.Result, error) {
	given := q.Given(answers)
	list := make([]any, len(q.Items))
	for i, item := range q.Items {
		a, ok := given[i+1]
		if !ok {
			continue
		}
		if a.Body.Outcome == ItemFailed {
			return true, effect.Result{}, effect.Errorf(effect.CodeDenied, "%s says that item %d of %q failed, %q%s",
				a.Body.By, i+1, q.Title, item.Text, because(a.Body.Reason))
		}
		one := map[string]any{"text": item.Text, "outcome": a.Body.Outcome, "by": a.Body.By}
		if a.Body.Reason != "" {
			one["note"] = a.Body.Reason
		}
		if v, err := effect.Decode(a.Body.Value); err == nil && len(a.Body.Value) > 0 {
			one["evidence"] = v
		}
		list[i] = one
	}
	switch {
	case len(given) == len(q.Items):
		return true, effect.Result{Value: map[string]any{"items": list}}, nil
	case !now.Before(q.Deadline):
		return true, effect.Result{}, effect.Errorf(effect.CodeExpired, "%q was not answered in time: %d of %s within %s",
			q.Title, len(given), counted(len(q.Items), "item"), effect.FormatDuration(q.Deadline.Sub(q.Asked)))
	}
	return false, effect.Result{}, nil
}

// decideChoice takes the first choice, or the default once the time is up.
func (q *Question) decideChoice(answers []effect.Event, now time.Time) (bool, effect.Result, error) {
	for _, a := range answers {
		if a.Place == q.Place && !a.At.After(q.Deadline) && q.refuses(&a.Body) == "" && slices.Contains(q.Choices, a.Body.Outcome) {
			return true, effect.Result{Value: map[string]any{"choice": a.Body.Outcome, "by": a.Body.By, "reason": a.Body.Reason}}, nil
		}
	}
	switch {
	case now.Before(q.Deadline):
		return false, effect.Result{}, nil
	case q.Default != "":
		return true, effect.Result{Value: map[string]any{"choice": q.Default, "reason": "nobody decided within " + effect.FormatDuration(q.Deadline.Sub(q.Asked))}}, nil
	}
	return true, effect.Result{}, effect.Errorf(effect.CodeExpired, "nobody decided on %q in time", q.Title)
}

// fits says why an answer is none to this question, or "".
func (q *Question) fits(a *Answer) string {
	switch {
	case len(q.Items) > 0 && a.Item == 0:
		return fmt.Sprintf("%q is a checklist: answer each of its items with runbook check-off", q.Title)
	case len(q.Choices) > 0 && (a.Choice == "" || a.Item != 0):
		return fmt.Sprintf("%q wants a choice: answer with runbook decide, and one of %s", q.Title, strings.Join(q.Choices, ", "))
	case len(q.Items) == 0 && a.Item != 0:
		return fmt.Sprintf("%q is no checklist", q.Title)
	case len(q.Choices) == 0 && a.Choice != "":
		return fmt.Sprintf("%q is no choice", q.Title)
	case a.Item < 0 || a.Item > len(q.Items):
		return fmt.Sprintf("%q has no item %d; it has %d", q.Title, a.Item, len(q.Items))
	case a.Choice != "" && !slices.Contains(q.Choices, a.Choice):
		return fmt.Sprintf("%q cannot be answered with %s; choose one of %s", q.Title, a.Choice, strings.Join(q.Choices, ", "))
	case a.Choice != "" && strings.TrimSpace(a.Reason) == "":
		return "a choice needs a reason"
	case a.Item > 0 && a.Outcome != ItemDone && strings.TrimSpace(a.Reason) == "":
		return fmt.Sprintf("an item that is %s needs a note: say why (--note)", strings.ReplaceAll(a.Outcome, "_", " "))
	case a.Item > 0 && a.Outcome == ItemDone && a.Evidence == nil && q.Items[a.Item-1].Evidence:
		return fmt.Sprintf("item %d of %q wants evidence: name the file that shows it (--evidence)", a.Item, q.Title)
	}
	return ""
}

// again says what became of this word before: ErrAlready if the same person said
// the same, another error if the item or the choice is decided, nil if not.
func (q *Question) again(a *Answer, body *effect.Body, answers []effect.Event) error {
	for _, old := range answers {
		if old.Place != q.Place || old.Body.Name != body.Name || q.refuses(&old.Body) != "" {
			continue
		}
		if effect.Person(old.Body.By) == effect.Person(body.By) && old.Body.Outcome == body.Outcome && old.Body.Hash == body.Hash {
			return ErrAlready
		}
		what := fmt.Sprintf("%q", q.Title)
		if a.Item > 0 {
			what = fmt.Sprintf("item %d of %q", a.Item, q.Title)
		}
		return fmt.Errorf("%s is answered: %s said %s at %s; an answer stands", what, old.Body.By, strings.ReplaceAll(old.Body.Outcome, "_", " "),
			old.At.Local().Format("15:04:05"))
	}
	return nil
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
