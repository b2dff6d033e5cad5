package operate

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
	"github.com/q-ecosystem/runbook/interpreter/journal"
)

// endFlags say how a run is told to end.
type endFlags struct {
	why   string
	grace time.Duration
	now   bool
}

func (e *endFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&e.why, "reason", "", "`WHY`, for the record")
	f.DurationVar(&e.grace, "grace", interpreter.DefaultGrace, "cut short what shows no sign of life for so `LONG`")
	f.BoolVar(&e.now, "now", false, "cut short what is under way: --grace 0")
	cmd.MarkFlagsMutuallyExclusive("grace", "now")
}

// request is what is asked of a run.
func (e *endFlags) request(cmd *cobra.Command, run string) interpreter.Request {
	w := interpreter.Request{Run: run, By: app.Operator(), Reason: e.why}
	if e.now {
		e.grace = 0
	}
	if e.now || cmd.Flags().Changed("grace") {
		w.Grace = &e.grace
	}
	return w
}

// patience is for how long to wait for a runner that was told: what it cuts short
// at once is worth waiting for, so that it can be said what that leaves.
func (e *endFlags) patience() time.Duration {
	if e.now {
		return 20 * time.Second
	}
	return time.Second
}

const graceText = "Effects under way are finished and recorded first. One that shows no sign of life (a line of\n" +
	"progress) for 10s, or for --grace, is cut short, at once with --now: its outcome is unknown\n" +
	"then. Say it again with another --grace to change that."

func (a commands) rollbackCommand() *cobra.Command {
	var end endFlags
	var wait waitFlag
	cmd := &cobra.Command{
		Use:   "rollback RUN",
		Short: "Roll a run back: its rollbacks run, newest first",
		Long: "Roll a run back: the functions that it registered with on_rollback run, newest first.\n" +
			"A runner that carries the run at the moment is told, and does it. A rollback that\n" +
			"was stopped goes on; rollbacks that failed are tried again.\n\n" + graceText + " The rollback\n" +
			"goes on without it, and the run is parked at its end for you to say what happened.",
		Args:              app.Exactly("RUN"),
		ValidArgsFunction: a.CompleteRun,
		RunE: func(cmd *cobra.Command, argv []string) error {
			ctx := cmd.Context()
			db, run, err := a.FindRun(ctx, argv[0])
			if err != nil {
				return err
			}
			if err := accept(ctx, db, run.ID, wait.damaged); err != nil {
				a.CloseDB(db)
				return err
			}
			live, err := a.Desk(db).RequestRollback(ctx, end.request(cmd, run.ID))
			already := isAlready(err)
			if err != nil && !already {
				a.CloseDB(db)
				return unlessDamaged(err)
			}
			if live {
				live, err = a.told(ctx, db, end.patience(), decisionLine{Type: "rollback", Run: run.ID, By: app.Operator(), Outcome: "requested", Changed: !already, Carried: true})
			} else {
				err = nil
			}
			a.CloseDB(db)
			if live || err != nil {
				return err
			}
			return a.carryOut(ctx, carry{wait: wait, id: run.ID, what: "rollback"},
				func(ctx context.Context, s *session) (interpreter.Outcome, error) {
					return s.engine.Resume(ctx, s.run, interpreter.ResumeOptions{By: app.Operator(), Program: app.Executable(), Verified: s.verified, Environment: s.pin})
				})
		},
	}
	end.add(cmd)
	wait.add(cmd.Flags())
	wait.addDamaged(cmd.Flags())
	wait.addConfigNow(cmd.Flags())
	return cmd
}

func (a commands) cancelCommand() *cobra.Command {
	var end endFlags
	var wait waitFlag
	cmd := &cobra.Command{
		Use:   "cancel RUN",
		Short: "End a run where it stands, without a rollback",
		Long: "End a run where it stands, without a rollback. A runner that carries it at the moment\n" +
			"is told, and ends it.\n\n" + graceText,
		Args:              app.Exactly("RUN"),
		ValidArgsFunction: a.CompleteRun,
		RunE: func(cmd *cobra.Command, argv []string) error {
			ctx := cmd.Context()
			db, run, err := a.FindRun(ctx, argv[0])
			if err != nil {
				return err
			}
			defer a.CloseDB(db)
			if err := accept(ctx, db, run.ID, wait.damaged); err != nil {
				return err
			}
			live, err := a.Desk(db).Cancel(ctx, end.request(cmd, run.ID))
			if err != nil {
				return unlessDamaged(err)
			}
			line := decisionLine{Type: "cancellation", Run: run.ID, By: app.Operator(), Outcome: "requested", Changed: true, Carried: true}
			if live {
				if live, err = a.told(ctx, db, end.patience(), line); live || err != nil {
					return err
				}
			}
			if run, err = db.Find(ctx, run.ID); err != nil {
				return err
			}
			if run.Status != effect.StatusCanceled { // its last effect was under way
				return &interpreter.Ended{Run: run.ID, Status: run.Status}
			}
			events, err := db.Events(ctx, run.ID, 0)
			if err != nil {
				return err
			}
			a.canceled(run, events, line)
			return nil
		},
	}
	end.add(cmd)
	wait.addDamaged(cmd.Flags())
	return cmd
}

// canceled says that a run has ended, and what it leaves.
func (a commands) canceled(run journal.Run, events []effect.Event, line decisionLine) {
	if a.Flags.JSON {
		line.Outcome, line.Carried = "canceled", false
		a.printDecision(line)
		return
	}
	a.Result("run %s canceled\n", journal.Short(run.ID))
	h := history.Of(events)
	for _, open := range h.Open() {
		a.Note("%s at %s (effect %s), begun at %s, has no outcome: look at what it was to change\n",
			open.Op, view.Clean(open.Where.String()), open.Place, clock(open.Sent))
	}
	if len(h.Registered) > 0 {
		a.Advise(view.Advice{}.With("it can still be rolled back:", a.OnRun("rollback", run.ID)))
	}
}

// told waits for a runner that was told to end a run, for so long, and prints
// what has come of it, or what it waits for. done is false if the runner has let
// go of the run without having heard.
func (a commands) told(ctx context.Context, db *journal.DB, patience time.Duration, line decisionLine) (done bool, err error) {
	var run journal.Run
	rolls := line.Type == "rollback"
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if run, err = db.Find(ctx, line.Run); err != nil {
			return false, err
		}
		if !app.Carried(run) || rolls && run.Status == effect.StatusRollingBack || time.Now().After(deadline) {
			break
		}
	}
	if !app.Carried(run) {
		return a.ended(ctx, db, run, line)
	}
	waits, err := a.Desk(db).UnderWay(ctx, run.ID)
	if err != nil {
		return true, err
	}
	again := false // it was rolling back already
	if rolls && run.Status == effect.StatusRollingBack {
		if again = !line.Changed; !again {
			waits = nil // they are its own
		}
	}
	if a.Flags.JSON {
		for _, u := range waits {
			line.WaitsFor = append(line.WaitsFor, waitLine{u.Place, u.Op, u.Where, u.Since, u.Until, u.Cut})
		}
		a.printDecision(line)
		return true, nil
	}
	command, what := "cancel", "is told to stop"
	if rolls {
		command, what = "rollback", "is told to roll back"
		if run.Status == effect.StatusRollingBack {
			what = "is rolling back"
		}
	}
	a.Result("run %s %s; its runner is %s\n", journal.Short(run.ID), what, run.Holder)
	for _, u := range waits {
		a.Note("it waits for %s at %s (effect %s), under way since %s\n", u.Op, view.Clean(u.Where.String()), u.Place, clock(u.Since))
		switch {
		case u.Until.IsZero():
		case again:
			a.Note("  its time is up at %s; a rollback cuts nothing of its own short before\n", clock(u.Until))
		default:
			a.Note("  its own time is up at %s; without a sign of life it is cut short at %s\n", clock(u.Until), clock(u.Cut))
		}
	}
	switch {
	case len(waits) > 0 && again:
		a.Advise(view.Advice{}.With("end it where it hangs with:", a.OnRun("cancel", run.ID, "--now")).
			With("and then take the rest back with:", a.OnRun("rollback", run.ID)))
	case len(waits) > 0:
		a.Advise(view.Advice{}.With("cut it short now with:", a.OnRun(command, run.ID, "--now")).
			With("give it longer with:", a.OnRun(command, run.ID, "--grace", "10m")))
	}
	a.Advise(view.Advice{}.With("watch it with:", a.OnRun("log", run.ID, "--follow")))
	if rolls {
		return true, nil
	}
	return true, a.givenUp(ctx, db, run)
}

// givenUp says to whoever cancels a run that somebody wanted it rolled back: both
// were told that it will be as they say.
func (a commands) givenUp(ctx context.Context, db *journal.DB, run journal.Run) error {
	events, err := db.Events(ctx, run.ID, 0)
	if err != nil {
		return err
	}
	var asked *effect.Event // the cancellation has ended what it asked for
	for i := range events {
		switch events[i].Kind {
		case effect.RollbackRequested:
			asked = &events[i]
		case effect.RollbackStarted:
			asked = nil
		}
	}
	switch h := history.Of(events); {
	case asked != nil:
		a.Note("%s asked for its rollback at %s: it stops without one\n", view.Line(asked.Body.By), clock(asked.At))
	case h.Rolling():
		a.Note("it is being rolled back: what is not taken back when it stops stays\n")
	default:
		return nil
	}
	a.Advise(view.Advice{}.With("take the rest back when it has stopped:", a.OnRun("rollback", run.ID)))
	return nil
}

// ended is told for a run that nobody carries any more.
func (a commands) ended(ctx context.Context, db *journal.DB, run journal.Run, line decisionLine) (done bool, err error) {
	if line.Type != "rollback" {
		return false, nil
	}
	events, err := db.Events(ctx, run.ID, 0)
	if h := history.Of(events); err != nil || h.Request != nil || !h.Rolling() {
		return false, err
	}
	if a.Flags.JSON {
		line.Outcome, line.Carried = string(run.Status), false
		a.printDecision(line)
		return true, nil
	}
	a.Result("run %s: its runner was told to roll back, and has: %s\n", journal.Short(run.ID), strings.ReplaceAll(string(run.Status), "_", " "))
	return true, a.adviseNext(ctx, db, run)
}

// printDecision prints what a person's word has come to.
func (a commands) printDecision(line decisionLine) {
	a.JSONHead(map[string]string{"rollback": "rollback", "cancellation": "cancel"}[line.Type])
	a.JSONLine(line)
}

func clock(t time.Time) string { return t.Local().Format("15:04:05") }
