package interpreter_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/replay"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/plugins/host"
)

// job is what a runner process is to do.
type job struct {
	Dir    string         // holds the journal, the book and the script
	Script string         // a file in Dir
	Params map[string]any // of a new run
	Resume string         // a run's id; a new run is started if it is empty
	// At is the point, 1 for the first, at which How happens to the runner; or
	// it is the first point one of whose names begins with Near.
	At   int
	Near string
	How  string        // "kill" or "stop"
	Hold time.Duration // as in the engine's options
	// Ask is the point at which somebody asks for a rollback; if that is inside
	// a transaction, the next one.
	Ask int
	// Settle lets the runner play the operator: it looks an unknown outcome up
	// in the book, resolves it, and resumes.
	Settle bool
	Detach bool
	// Barrier is a file for whose appearance the runner waits before it takes
	// the run up; it prints "ready" before.
	Barrier string
}

// report is what a runner prints at its end.
type report struct {
	Run      string
	Status   effect.Status
	Err      string
	Cause    effect.Cause
	Held     *journal.HeldError
	Ended    bool     // there was nothing to resume
	Points   []string // what could have been its end
	Live     int
	Replayed int
}

// A runner's files.
func (j job) db() string      { return filepath.Join(j.Dir, "rb.db") }
func (j job) book() book      { return book(filepath.Join(j.Dir, "book")) }
func (j job) skipped() string { return filepath.Join(j.Dir, "skipped") }

// beRunner is the main function of a runner.
func beRunner(text string) int {
	var j job
	var r report
	err := json.Unmarshal([]byte(text), &j)
	if err == nil {
		r, err = j.run(context.Background())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func (j job) run(ctx context.Context) (report, error) {
	points := &points{at: int64(j.At), near: j.Near, how: j.How, awake: j.book()}
	db, err := journal.Open(ctx, j.db(), journal.Options{Now: func() time.Time { return points.now(j.now()) }})
	if err != nil {
		return report{}, err
	}
	defer func() { _ = db.Close() }()
	h, catalog, err := openLedger(ctx, j.book())
	if err != nil {
		return report{}, err
	}
	defer h.Close()
	engine := interpreter.New(interpreter.Options{DB: db, Catalog: catalog, World: h, Clock: interpreter.SystemClock{},
		Random: rand.Reader, Getenv: os.LookupEnv, Owner: journal.Self(), Watch: points, Wrap: points.wrap, Hold: j.Hold, Detach: j.Detach})
	if j.Barrier != "" {
		fmt.Println("ready")
		if err := (book(j.Barrier)).await(ctx, "open"); err != nil {
			return report{}, err
		}
	}
	if j.Ask > 0 {
		if points.ask, err = j.asker(ctx); err != nil {
			return report{}, err
		}
		points.askAt = j.Ask
	}
	out, err := j.carry(ctx, engine, points)
	for err == nil && out.Status == effect.StatusUnknown && j.Settle {
		if err = j.operate(ctx, engine, db, out.Run); err == nil {
			out, err = engine.Resume(ctx, out.Run, interpreter.ResumeOptions{})
		}
	}
	r := report{Run: out.Run, Status: out.Status, Points: points.names(), Live: out.Live, Replayed: out.Replayed}
	var ended *interpreter.Ended
	if errors.As(err, &ended) {
		r.Run, r.Status, r.Ended = ended.Run, ended.Status, true
		return r, nil
	}
	if errors.As(err, &r.Held) {
		r.Err = err.Error()
		return r, nil
	}
	if out.Err != nil {
		r.Err = out.Err.Error()
	}
	if s := effect.AsStop(out.Err); s != nil {
		r.Cause = s.Cause
	}
	return r, err
}

// asker returns what asks for a rollback of the newest run, as somebody else's
// process does.
func (j job) asker(ctx context.Context) (func(), error) {
	db, err := journal.Open(ctx, j.db(), journal.Options{})
	if err != nil {
		return nil, err
	}
	e := interpreter.New(interpreter.Options{DB: db, Clock: interpreter.SystemClock{}, Random: rand.Reader, Getenv: os.LookupEnv, Owner: journal.Self()})
	return func() {
		run, err := db.Find(ctx, "latest")
		if err == nil {
			_, err = e.RequestRollback(ctx, interpreter.Request{Run: run.ID, By: "operator"})
		}
		over := run.Status == effect.StatusRolledBack
		if err != nil && !over && !errors.Is(err, interpreter.ErrAlready) {
			fmt.Fprintln(os.Stderr, "ask for a rollback:", err)
			os.Exit(1)
		}
	}, nil
}

// now is the time to which the tests have moved the clock of leases.
func (j job) now() time.Time {
	now := time.Now()
	text, err := os.ReadFile(j.skipped())
	if err != nil {
		return now
	}
	skipped, _ := time.ParseDuration(string(text))
	return now.Add(skipped)
}

func (j job) carry(ctx context.Context, e *interpreter.Engine, p *points) (interpreter.Outcome, error) {
	if j.Resume != "" {
		return e.Resume(ctx, j.Resume, interpreter.ResumeOptions{})
	}
	text, err := os.ReadFile(filepath.Join(j.Dir, j.Script))
	if err != nil {
		return interpreter.Outcome{}, err
	}
	return e.Start(ctx, interpreter.Start{Main: script.Source{Name: j.Script, Text: text}, Loader: interpreter.Dir(j.Dir),
		Params: given(j.Params), By: "test", Ready: func(string) { p.hit("after the run was created") }})
}

// given checks parameters against the header.
func given(params map[string]any) func(script.Header) (map[string]any, error) {
	return func(h script.Header) (map[string]any, error) { return effect.CheckFields(h.Params, nil, params) }
}

// operate is an operator who looks unknown outcomes up.
func (j job) operate(ctx context.Context, e *interpreter.Engine, db *journal.DB, run string) error {
	events, err := db.Events(ctx, run, 0)
	if err != nil {
		return err
	}
	list, err := j.book().read()
	if err != nil {
		return err
	}
	resolved := 0
	for _, open := range history.Of(events).Open() {
		r := interpreter.Resolution{Run: run, Place: open.Place, Outcome: history.OutcomeNotApplied, By: "operator", Reason: "the book says so"}
		for _, en := range list.pick(applied, "") {
			if en.Key == replay.Key(run, open.Place) {
				value, err := json.Marshal(map[string]any{"item": en.Item})
				if err != nil {
					return err
				}
				r.Outcome, r.Value = history.OutcomeApplied, value
			}
		}
		if open.Recovery != effect.Ask {
			continue // the next resume settles it
		}
		if _, err := e.Resolve(ctx, r); err != nil {
			return err
		}
		resolved++
	}
	if resolved == 0 {
		return errors.New("the run is parked, and there is nothing to resolve")
	}
	return nil
}

// openLedger starts a ledger as a plugin, and returns the catalog with it.
func openLedger(ctx context.Context, b book) (*host.Host, *effect.Catalog, error) {
	h, err := host.New(host.Options{Specs: []host.Spec{{Name: "ledger", Module: "ledger", Builtin: true,
		Env: []string{"GORACE=" + hasty}, Config: map[string]any{"path": string(b)}}}, Log: func(name, line string) { fmt.Fprintln(os.Stderr, name+": "+line) }})
	if err != nil {
		return nil, nil, err
	}
	err = h.Open(ctx)
	if err == nil {
		var catalog *effect.Catalog
		if catalog, err = effect.NewCatalog(append(withTwice(h.Modules()), effect.Control())...); err == nil {
			return h, catalog, nil
		}
	}
	h.Close()
	return nil, nil, err
}

// withTwice gives the ledger a composite: look, then write down.
func withTwice(modules []effect.Module) []effect.Module {
	for i := range modules {
		modules[i].Composites = []effect.Composite{{
			Op: effect.Op{Module: modules[i].Name, Name: "twice", Doc: "Write two items down", Class: effect.Write, Recovery: effect.Retry,
				Args: []effect.Field{{Name: "item", Type: effect.String, Required: true, Doc: "what to write down"}}},
			Run: func(ctx context.Context, p effect.Performer, args map[string]any) (any, error) {
				for _, end := range []string{" 1", " 2"} {
					if _, err := p.Perform(ctx, "ledger.put_retry", map[string]any{"item": args["item"].(string) + end}); err != nil {
						return nil, err
					}
				}
				return nil, nil
			},
		}}
	}
	return modules
}
