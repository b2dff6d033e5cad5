package view

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Live prints a run while it goes on. It is an interpreter.Watcher. On a
// terminal a status line below the tree says what is under way, for how long,
// and until when.
type Live struct {
	out   io.Writer
	tree  *Tree
	moves bool // the status line is on

	mu     sync.Mutex
	active map[effect.Place]*underWay
	order  []effect.Place
	drawn  bool
	done   chan struct{}
	wg     sync.WaitGroup
}

type underWay struct {
	text  string
	since time.Time
	until time.Time
	line  string // last progress
}

// NewLive returns a Live that prints to out. Call Close when the run ends.
func NewLive(out io.Writer, tree *Tree, terminal bool) *Live {
	l := &Live{out: out, tree: tree, moves: terminal, active: map[effect.Place]*underWay{}, done: make(chan struct{})}
	if terminal {
		l.wg.Add(1)
		go func() {
			defer l.wg.Done()
			l.tick()
		}()
	}
	return l
}

// Close removes the status line.
func (l *Live) Close() {
	close(l.done)
	l.wg.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.erase()
}

// Recorded prints an event.
func (l *Live) Recorded(ev effect.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch ev.Kind {
	case effect.EffectDone, effect.EffectFailed, effect.EffectObserved, effect.EffectResolved:
		delete(l.active, ev.Place)
	}
	l.print(l.tree.Lines(ev))
}

// Started notes an effect that is under way.
func (l *Live) Started(call effect.Call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if call.Class == effect.Read {
		l.tree.Begun(call.Place, time.Now())
	}
	args, err := effect.Encode(call.Args, func(s effect.Secret) string { return "" })
	if err != nil {
		args = nil
	}
	a := &underWay{text: strings.TrimSpace(call.Op.String() + " " + Args(l.tree.Catalog, call.Op.String(), args)), since: time.Now()}
	switch op := call.Op.String(); {
	case op == effect.OpSleep:
		until, why := SleepOf(args, call.Began)
		a.text, a.until, a.since = "sleeping"+reason(why), until, call.Began
	case effect.Asks(op):
		title, _ := call.Args["title"].(string)
		timeout, _ := call.Args["timeout"].(float64)
		a.text, a.until, a.since = "waiting for people: "+clean(title), call.Began.Add(effect.Seconds(timeout)), call.Began
	}
	if _, ok := l.active[call.Place]; !ok {
		l.order = append(l.order, call.Place)
	}
	l.active[call.Place] = a
	l.draw()
}

// Progress shows a line of an effect under way: in the status line on a
// terminal, as a line of its own elsewhere and where the call asks for it.
func (l *Live) Progress(call effect.Call, line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a := l.active[call.Place]; a != nil {
		a.line = clean(line)
	}
	if said := call.Args["output"]; !l.moves || said == "all" || said == "tail" {
		l.print(l.tree.Progress(call.Place, time.Now(), line))
		return
	}
	l.draw()
}

// Note prints a line among the run's own, wrapped on a terminal.
func (l *Live) Note(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.print(wrap(line, l.tree.Style.Width))
}

// Line prints a line among the run's own as it is.
func (l *Live) Line(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.print([]string{line})
}

func (l *Live) print(lines []string) {
	l.erase()
	for _, line := range lines {
		_, _ = fmt.Fprintln(l.out, line)
	}
	l.draw()
}

func (l *Live) tick() {
	t := time.NewTicker(250 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-l.done:
			return
		case <-t.C:
			l.mu.Lock()
			l.draw()
			l.mu.Unlock()
		}
	}
}

func (l *Live) erase() {
	if l.drawn {
		_, _ = fmt.Fprint(l.out, redraw)
		l.drawn = false
	}
}

// draw writes the status line; l.mu is held.
func (l *Live) draw() {
	if !l.moves {
		return
	}
	kept := l.order[:0]
	for _, place := range l.order {
		if l.active[place] != nil {
			kept = append(kept, place)
		}
	}
	l.order = kept
	if len(kept) == 0 {
		l.erase()
		return
	}
	a, now := l.active[kept[0]], time.Now()
	text, times := "… "+a.text, "  "+elapsed(now.Sub(a.since))
	if !a.until.IsZero() {
		times = fmt.Sprintf("  %s of %s, until %s", elapsed(now.Sub(a.since)), effect.FormatDuration(a.until.Sub(a.since)), Deadline(a.since, a.until))
	}
	if len(kept) > 1 {
		text = fmt.Sprintf("(%d under way) %s", len(kept), text)
	}
	// What is under way may be long; the times, which move, stay in sight, and
	// so does the beginning of what the effect says.
	room := max(l.tree.Style.Width-1-columns(times), 10)
	if a.line != "" {
		text = fit(text, max(room/2, room-columns(a.line)-2))
		times += "  " + fit(a.line, max(room-columns(text)-2, 1))
	}
	_, _ = fmt.Fprint(l.out, redraw+l.tree.Style.Dim(fit(fit(text, room)+times, l.tree.Style.Width-1)))
	l.drawn = true
}

// Deadline is a time of day, with its date when that is not obvious.
func Deadline(since, until time.Time) string {
	switch d := until.Sub(since); {
	case d > 6*24*time.Hour:
		return until.Local().Format("2006-01-02 15:04")
	case d > 12*time.Hour:
		return until.Local().Format("Mon 15:04:05")
	}
	return until.Local().Format("15:04:05")
}

// elapsed rounds to whole seconds: a moving figure that flickers tells nobody
// more.
func elapsed(d time.Duration) string {
	if d < time.Second {
		return "0s"
	}
	return effect.FormatDuration(d.Truncate(time.Second))
}
