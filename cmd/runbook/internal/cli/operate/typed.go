package operate

import (
	"context"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mattn/go-isatty"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// typed lets whoever sits at the terminal answer what the run asks: y agrees, n
// refuses, in the name of the user. It watches in the place of the view that it
// holds.
type typed struct {
	*view.Live
	keys     *keyboard
	starters []string // who started and resumed the run, as user@host
	// takes reports whether the word of whoever sits here counts.
	takes func(q *interpreter.Question) bool
	// answer records the word on the question at a place.
	answer func(place effect.Place, deny bool)

	mu        sync.Mutex
	open      []interpreter.Question // what is asked
	listening bool
	over      bool
}

// pollKeys is how often it is looked whether to go on listening.
const pollKeys = 100 * time.Millisecond

// typed returns the watcher of a session at whose terminal somebody can type, or
// nil.
func (s *session) typedBy(ctx context.Context, live *view.Live) *typed {
	in, isFile := s.app.Stdin.(*os.File)
	if !isFile || !isatty.IsTerminal(in.Fd()) || !s.app.Terminal || s.detach {
		return nil
	}
	t := &typed{Live: live, keys: newKeyboard(in)}
	if t.keys == nil {
		return nil
	}
	t.answer = func(place effect.Place, deny bool) {
		who, err := s.who(ctx)
		if err == nil {
			_, err = s.engine.Answer(ctx, interpreter.Answer{Run: s.run, Place: place, By: who.Name, Via: who.Via, Roles: who.Roles, Deny: deny})
		}
		if err != nil {
			s.say(view.Clean(err.Error()))
		}
	}
	t.takes = func(q *interpreter.Question) bool {
		who, err := s.who(ctx)
		return err == nil && q.Takes(who, "", s.people, t.starters)
	}
	return t
}

// who sits at the terminal, by the people of the run.
func (s *session) who(ctx context.Context) (effect.Identity, error) {
	run, err := s.db.Find(ctx, s.run)
	if err != nil {
		return effect.Identity{}, err
	}
	return s.app.Answerer(ctx, s.db, run, app.Claim{})
}

// Started listens from the first question on.
func (t *typed) Started(call effect.Call) {
	t.Live.Started(call)
	if call.Op.String() != effect.OpApprove {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open = append(t.open, interpreter.QuestionOf(call))
	if !t.listening && !t.over {
		t.listening = true
		go t.listen()
	}
}

// Recorded notes what is decided.
func (t *typed) Recorded(ev effect.Event) {
	t.Live.Recorded(ev)
	if ev.Kind == effect.EffectDone || ev.Kind == effect.EffectFailed {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.open = slices.DeleteFunc(t.open, func(q interpreter.Question) bool { return q.Place == ev.Place })
	}
}

// stop ends the listening.
func (t *typed) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
}

// asked returns the questions to listen for; none ends the listening.
func (t *typed) asked() []interpreter.Question {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over || len(t.open) == 0 {
		t.listening = false
		return nil
	}
	return slices.Clone(t.open)
}

// listen takes lines for as long as something is asked. What was typed before
// is no answer to it.
func (t *typed) listen() {
	var told effect.Place
	for {
		open := t.asked()
		if open == nil {
			return
		}
		if q := open[0]; len(open) > 1 || !t.takes(&q) {
			told = "" // the commands above name the question, or another account
		} else if told != q.Place {
			t.keys.discard()
			t.Note("type y to agree, n to refuse")
			told = q.Place
		}
		line, err := t.keys.line(pollKeys)
		if err != nil { // nobody types any more: other terminals can answer
			return
		}
		word := strings.ToLower(strings.TrimSpace(line))
		switch {
		case word == "":
		case told == "":
			t.Note("what is typed here is no answer; the commands above are")
		case !slices.Contains([]string{"y", "yes", "n", "no"}, word):
			t.Note("y agrees, n refuses; nothing else is an answer")
		default:
			t.answer(told, word[0] == 'n')
		}
	}
}
