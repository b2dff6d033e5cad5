package operate

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/spf13/pflag"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/config"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/plugins/host"
)

// waitFlag says whether to wait when people have to answer.
type waitFlag struct{ wait, noWait, damaged, configNow bool }

// addDamaged adds the flag of the commands that go on from a record.
func (w *waitFlag) addDamaged(f *pflag.FlagSet) {
	f.BoolVar(&w.damaged, "damaged", false, "go on although the record is not as it was written")
}

// addConfigNow adds the flag of the commands that act on a run's systems.
func (w *waitFlag) addConfigNow(f *pflag.FlagSet) {
	f.BoolVar(&w.configNow, "config-now", false, "go on with the configuration as it is now, not with the run's own")
}

func (w *waitFlag) add(f *pflag.FlagSet) {
	f.BoolVar(&w.wait, "wait", false, "wait for people to answer (default on a terminal)")
	f.BoolVar(&w.noWait, "no-wait", false, "stop with exit code 4 when people have to answer (default elsewhere)")
}

// detach says whether a run stops when people have to answer.
func (w waitFlag) detach(terminal bool) bool {
	switch {
	case w.wait:
		return false
	case w.noWait:
		return true
	}
	return !terminal
}

// session is everything that carrying out a run needs.
type session struct {
	app    *app.App
	now    func() time.Time // the clock that its calendar is held against
	db     *journal.DB
	engine *interpreter.Engine
	host   *host.Host
	live   atomic.Pointer[view.Live] // while it is shown; plugins and signals write to it as well
	stream *stream                   // of events, with --json
	typed  *typed                    // nil if nobody can type
	tree   *view.Tree
	on     *app.Surroundings
	env    string
	flags  []string // that name its configuration
	pin    []byte   // of its surroundings, if the run is to record them
	people effect.People
	// calendar says when runs may start in the environment; nil for always.
	calendar *config.Calendar
	unread   error  // why its calendar cannot be told
	script   string // the file of its script, absolute; "" if there is none
	run      string // id, once known
	// verified is the record of a run that is to go on.
	verified *journal.Verified
	afresh   bool // it is not to go on but to be forked, or it has ended
	detach   bool // do not wait for people
}

// open reads the configuration and the journal, before anything starts.
func (a commands) open(ctx context.Context, c carry) (*session, error) {
	s := &session{app: a.App, now: time.Now, detach: c.wait.detach(a.Terminal), script: c.script}
	var on *app.Surroundings
	var err error
	repin := c.id == ""
	if c.id == "" {
		if on, err = a.Here(); err != nil {
			return nil, err
		}
		s.db, err = a.OpenDB(ctx)
	} else {
		s.db, err = a.ExistingDB(ctx, journal.Options{})
	}
	if err != nil {
		return nil, err
	}
	if c.id != "" {
		run, err := a.Find(ctx, s.db, c.id)
		if err != nil {
			s.close()
			return nil, err
		}
		if err := s.verify(ctx, run.ID, c.wait.damaged); err != nil {
			s.close()
			return nil, err
		}
		s.run, s.afresh = run.ID, c.what == "fork" || c.what == "resume" && run.Status.Terminal()
		if on, repin, err = a.GoOn(ctx, s.db, run, c.wait.configNow); err != nil {
			s.close()
			return nil, err
		}
		if s.script, err = app.ScriptOf(ctx, s.db, run); err != nil {
			s.close()
			return nil, err
		}
		if c.what == "resume" && !s.afresh && !c.edited {
			a.TellEdited(ctx, s.db, run, s.script)
		}
		required, err := app.Requires(ctx, s.db, run)
		if err != nil {
			s.close()
			return nil, err
		}
		c.modules = append(required, c.also...)
		slices.Sort(c.modules)
		c.modules = slices.Compact(c.modules)
	}
	s.on, s.env, s.flags, s.people, s.calendar = on, on.Env.Name, app.Configured(on.Env), on.Env.People(), on.Env.Calendar()
	if c.id != "" {
		s.calendar, s.unread = calendarToday(on.Env)
	}
	var specs []host.Spec
	if s.host, specs, err = a.NewHost(ctx, on, c.modules, s.say); err != nil {
		s.close()
		return nil, s.unstarted(err)
	}
	if repin {
		if err := s.pinTo(on, specs); err != nil {
			s.close()
			return nil, err
		}
	}
	return s, nil
}

// pinTo makes the surroundings what the run records.
func (s *session) pinTo(on *app.Surroundings, specs []host.Spec) error {
	pin, err := app.PinOf(on, specs)
	if err != nil {
		return err
	}
	pin.Script = s.script
	s.pin, err = pin.Encode()
	return err
}

// verify reads the run's record, which the engine goes on from, and holds it
// against its chain before anything starts.
func (s *session) verify(ctx context.Context, run string, damaged bool) (err error) {
	if err := accept(ctx, s.db, run, damaged); err != nil {
		return err
	}
	s.verified, err = s.db.Verified(ctx, run)
	return unlessDamaged(err)
}

// connect starts the plugins and puts the engine together.
func (s *session) connect(ctx context.Context) error {
	if err := s.host.Open(ctx); err != nil {
		return err
	}
	catalog, err := effect.NewCatalog(append(append(s.app.Modules(), s.host.Modules()...), effect.Control())...)
	if err != nil {
		return err
	}
	s.tree = &view.Tree{Style: s.app.Style, Catalog: catalog}
	live := view.NewLive(s.app.Stderr, s.tree, s.app.Moves && !s.app.Flags.JSON)
	s.live.Store(live)
	var watch interpreter.Watcher = live
	if s.app.Flags.JSON {
		s.stream = newStream(ctx, s)
		watch = s.stream
	} else if s.typed = s.typedBy(ctx, live); s.typed != nil {
		watch = s.typed
	}
	if s.run != "" && !s.afresh {
		s.past(ctx)
	}
	s.engine = interpreter.New(interpreter.Options{
		DB: s.db, Catalog: catalog, World: s.host, Clock: interpreter.SystemClock{}, Random: rand.Reader, Getenv: app.Getenv, Calendars: s.calendarNamed,
		Owner: journal.Self(), Account: app.Operator(), Secret: app.Secret, People: config.DecodePeople, Watch: watch, Detach: s.detach, Stopping: s.app.Stopping,
	})
	return nil
}

// past lets the tree go on where the run stopped, and says where that is.
func (s *session) past(ctx context.Context) {
	s.answering(ctx, history.Of(s.verified.Events()).Resumers)
	for _, ev := range s.verified.Events() {
		s.tree.Skip(ev)
	}
	if s.app.Flags.JSON {
		s.app.JSONLine(beginLine{"run", s.run})
		return
	}
	text := "run " + s.app.Style.Bold(s.run)
	if path := s.tree.Path(); path != "" {
		text += ", in " + view.Clean(path)
	}
	s.say(text)
	h := history.Of(s.verified.Events())
	for _, e := range h.Sleeps() {
		if until, _ := view.SleepOf(e.Args, e.Began); !until.After(time.Now()) {
			continue
		}
		for _, line := range s.tree.Sleep(e.Place, e.Args, e.Began) {
			s.say(line)
		}
	}
	for _, q := range h.Questions() {
		for _, line := range s.tree.Question(q.Place, q.Args, q.Began) {
			s.say(line)
		}
	}
}

// ready prints a new run's id at once.
func (s *session) ready(ctx context.Context, id string) {
	s.run = id
	s.answering(ctx, nil)
	if s.app.Flags.JSON {
		s.app.JSONLine(beginLine{"run", id})
		return
	}
	s.say("run " + s.app.Style.Bold(id))
	s.advise(s.app.Resume(ctx, s.db, id, "if this process dies, go on with:"))
}

// say prints a line among the run's own.
func (s *session) say(line string) {
	if live := s.live.Load(); live != nil {
		live.Note(line)
		return
	}
	s.app.Note("%s\n", line)
}

// advise prints advice among the run's own lines.
func (s *session) advise(what view.Advice) {
	for _, line := range what.Lines(s.app.Style) {
		if live := s.live.Load(); live != nil {
			live.Line(line)
		} else {
			_, _ = fmt.Fprintln(s.app.Stderr, line)
		}
	}
}

// answering lets questions come with the commands that answer them, if the run
// waits for the answers. resumers are those who went on with it before.
func (s *session) answering(ctx context.Context, resumers []string) {
	if s.detach {
		return
	}
	run, err := s.db.Find(ctx, s.run)
	if err != nil { // whoever asks for its answer is told why
		run = journal.Run{ID: s.run}
	}
	resumers = append(resumers, app.Operator())
	s.tree.Answer = s.app.AnswersFor(ctx, s.db, run, resumers)
	if s.typed != nil {
		s.typed.starters = append(slices.Clone(resumers), run.By)
	}
}

// quiet ends the live view.
func (s *session) quiet() {
	if s.typed != nil {
		s.typed.stop()
	}
	if live := s.live.Swap(nil); live != nil {
		live.Close()
	}
	if s.stream != nil {
		s.stream.close()
		s.stream = nil
	}
}

func (s *session) close() {
	s.quiet()
	if s.host != nil {
		s.host.Close()
	}
	if s.db != nil {
		if err := s.db.Close(); err != nil {
			s.app.Note("runbook: close the journal: %v\n", err)
		}
	}
}

// accept records the operator's word, if it is given, to go on although a
// record is not as it was written.
func accept(ctx context.Context, db *journal.DB, run string, damaged bool) error {
	if !damaged {
		return nil
	}
	_, err := db.Accept(ctx, run, journal.Self(), app.Operator(), "--damaged")
	return err
}

// unlessDamaged adds to such a refusal that there is the flag: what the record
// says was done may not be what was done.
func unlessDamaged(err error) error {
	var t *journal.TamperedError
	if !errors.As(err, &t) {
		return err
	}
	return app.DamagedError{TamperedError: t}
}
