package cli

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"os"
	"os/user"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/pflag"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/config"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/plugins/host"
	"github.com/q-ecosystem/runbook/stdlib"
)

type flag = *pflag.Flag

// waitFlag says whether to wait when people have to answer.
type waitFlag struct{ wait, noWait, damaged bool }

// addDamaged adds the flag of the commands that go on from a record.
func (w *waitFlag) addDamaged(f *pflag.FlagSet) {
	f.BoolVar(&w.damaged, "damaged", false, "go on although the record is not as it was written")
}

func (w *waitFlag) add(f *pflag.FlagSet) {
	f.BoolVar(&w.wait, "wait", false, "wait for people to answer (default on a terminal)")
	f.BoolVar(&w.noWait, "no-wait", false, "stop with exit code 4 when people have to answer (default elsewhere)")
}

// session is everything that carrying out a run needs.
type session struct {
	app    *app
	db     *journal.DB
	engine *interpreter.Engine
	host   *host.Host
	live   atomic.Pointer[view.Live] // while it is shown; plugins and signals write to it as well
	tree   *view.Tree
	env    string
	run    string // id, once known
	afresh bool   // it is not to go on but to be forked, or it has ended
	detach bool   // do not wait for people
}

// open reads the configuration and the journal, before anything starts.
func (a *app) open(ctx context.Context, c carry) (*session, error) {
	cfg, err := config.Open(a.flags.config, ".")
	if err != nil {
		return nil, err
	}
	s := &session{app: a, detach: c.wait.detach(a.terminal)}
	if c.id == "" {
		s.db, err = a.openDB(ctx)
	} else {
		s.db, err = a.existingDB(ctx, journal.Options{})
	}
	if err != nil {
		return nil, err
	}
	env := a.flags.env
	if c.id != "" {
		run, err := s.db.Find(ctx, c.id)
		if err != nil {
			s.close()
			return nil, err
		}
		if err := intact(ctx, s.db, run.ID, c.wait.damaged); err != nil {
			s.close()
			return nil, err
		}
		s.run, s.afresh = run.ID, c.what == "fork" || c.what == "resume" && run.Status.Terminal()
		if env == "" {
			env = run.Env // a run goes on where it began
		}
		required, err := requires(ctx, s.db, run)
		if err != nil {
			s.close()
			return nil, err
		}
		c.modules = append(required, c.also...)
		slices.Sort(c.modules)
		c.modules = slices.Compact(c.modules)
	}
	environment, err := cfg.Environment(env)
	if err != nil {
		s.close()
		return nil, err
	}
	s.env = environment.Name
	if s.host, err = a.newHost(ctx, cfg, environment, c.modules, s.say); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// connect starts the plugins and puts the engine together.
func (s *session) connect(ctx context.Context) error {
	if err := s.host.Open(ctx); err != nil {
		return err
	}
	catalog, err := effect.NewCatalog(append(append(stdlib.Modules(), s.host.Modules()...), effect.Control())...)
	if err != nil {
		return err
	}
	s.tree = &view.Tree{Style: s.app.style, Catalog: catalog, Answers: !s.detach}
	live := view.NewLive(s.app.stderr, s.tree, s.app.moves && !s.app.flags.json)
	s.live.Store(live)
	var watch interpreter.Watcher = live
	if s.app.flags.json {
		watch = jsonWatcher{s, &sync.Mutex{}}
	}
	if s.run != "" && !s.afresh {
		if err := s.past(ctx); err != nil {
			return err
		}
	}
	s.engine = interpreter.New(interpreter.Options{
		DB: s.db, Catalog: catalog, World: s.host, Clock: interpreter.SystemClock{}, Random: rand.Reader, Getenv: os.LookupEnv,
		Owner: journal.Self(), Secret: secret, Watch: watch, Detach: s.detach, Stopping: s.app.stopping,
	})
	return nil
}

// past lets the tree go on where the run stopped, and says where that is.
func (s *session) past(ctx context.Context) error {
	events, err := s.db.Events(ctx, s.run, 0)
	if err != nil {
		return err
	}
	questions := map[string]effect.Event{} // that are open
	s.tree.Run = s.app.named(s.run)
	for _, ev := range events {
		s.tree.Skip(ev)
		switch ev.Kind {
		case effect.QuestionAsked:
			questions[ev.Place] = ev
		case effect.EffectDone, effect.EffectFailed:
			delete(questions, ev.Place)
		case effect.RollbackRequested: // they need no answer any more
			clear(questions)
		}
	}
	if s.app.flags.json {
		s.app.jsonLine(struct {
			Type string `json:"type"`
			ID   string `json:"id"`
		}{"run", s.run})
		return nil
	}
	text := "run " + s.app.style.Bold(s.run)
	if path := s.tree.Path(); path != "" {
		text += ", in " + view.Clean(path)
	}
	s.say(text)
	for _, place := range slices.Sorted(maps.Keys(questions)) {
		for _, line := range s.tree.Question(questions[place]) {
			s.say(line)
		}
	}
	return nil
}

// ready prints a new run's id at once.
func (s *session) ready(id string) {
	s.run, s.tree.Run = id, s.app.named(id)
	if s.app.flags.json {
		s.app.jsonLine(struct {
			Type string `json:"type"`
			ID   string `json:"id"`
		}{"run", id})
		return
	}
	s.say("run " + s.app.style.Bold(id))
	s.say("if this process dies, go on with: runbook resume " + s.app.runnable(id))
}

// say prints a line among the run's own.
func (s *session) say(line string) {
	if live := s.live.Load(); live != nil {
		live.Note(line)
		return
	}
	s.app.note("%s\n", line)
}

// quiet ends the live view.
func (s *session) quiet() {
	if live := s.live.Swap(nil); live != nil {
		live.Close()
	}
}

func (s *session) close() {
	s.quiet()
	if s.host != nil {
		s.host.Close()
	}
	if s.db != nil {
		if err := s.db.Close(); err != nil {
			s.app.note("runbook: close the journal: %v\n", err)
		}
	}
}

// jsonWatcher prints events as JSON lines.
type jsonWatcher struct {
	s  *session
	mu *sync.Mutex // of the tree
}

func (w jsonWatcher) Recorded(ev effect.Event) {
	w.mu.Lock()
	w.s.tree.Skip(ev) // it knows in which step a run failed
	w.mu.Unlock()
	w.s.app.jsonEvent(w.s.run, ev)
}
func (w jsonWatcher) Started(call effect.Call) {
	w.s.app.jsonLine(callLine{Type: "started", Run: w.s.run, At: time.Now().UTC(), Place: call.Place, Op: call.Op.String()})
}
func (w jsonWatcher) Progress(call effect.Call, line string) {
	w.s.app.jsonLine(callLine{Type: "progress", Run: w.s.run, At: time.Now().UTC(), Place: call.Place, Op: call.Op.String(), Text: line})
}

// operator is who types: user@host.
func operator() string {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if host, err := os.Hostname(); err == nil {
		name += "@" + host
	}
	return name
}

// person is who answers: --as, or the user's name.
func person(as string) string {
	if as != "" {
		return as
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}

// shortID is enough of a run's id to be typed: its time in milliseconds.
func shortID(id string) string {
	if len(id) < 13 {
		return id
	}
	return id[:13]
}

// carries says, before anything starts, which op of a script the configured
// backends lack.
func (s *session) carries(main script.Source, loader script.Loader) error {
	for _, use := range script.Uses(main, loader, s.tree.Catalog) {
		if err := s.host.Lacks(use.Op); err != nil {
			e := effect.AsError(err)
			return fmt.Errorf("%s: %s; %s", use.Where, e.Message, e.Hint)
		}
	}
	return nil
}

// intact refuses to go on from a record that is not as it was written: what it
// says was done may not be what was done.
func intact(ctx context.Context, db *journal.DB, run string, anyway bool) error {
	if anyway {
		return nil
	}
	report, err := db.Verify(ctx, run)
	if err != nil || len(report.Faults) == 0 {
		return err
	}
	return fmt.Errorf("the record of run %s is not as it was written: %s\nsee all of it with: runbook audit verify %s\n"+
		"if you know what was changed, go on all the same with --damaged", run, report.Faults[0], shortID(run))
}
