package look

import (
	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/rehearsal"
	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/script/check"
)

func (a commands) replayCommand() *cobra.Command {
	var with string
	var whatIf bool
	cmd := &cobra.Command{
		Use:   "replay RUN",
		Short: "Walk a run's script against its record; change nothing",
		Long: "Walk a run's script (or an edited one) from the top, answered by the record. It says\n" +
			"whether they agree, and exits 7 where they part.\n\n" +
			"With --what-if the run has ended, and the script is rehearsed in the world that the\n" +
			"run met: what it would have done, and when, is told beside what the run did.",
		Example: "  runbook replay latest --with blue-green-fixed.lua\n" +
			"  runbook replay latest --with blue-green-fixed.lua --what-if",
		Args:              app.Exactly("RUN"),
		ValidArgsFunction: a.CompleteRun,
		RunE: func(cmd *cobra.Command, argv []string) error {
			var main *script.Source
			var loader script.Loader
			var required []string
			if with != "" {
				m, l, err := app.ReadScript(with)
				if err != nil {
					return err
				}
				main, loader, required = &m, l, check.Requires(m, l)
			}
			db, run, err := a.ReadRun(cmd.Context(), argv[0])
			if err != nil {
				return err
			}
			defer a.CloseDB(db)
			if whatIf {
				return rehearsal.WhatIf(cmd.Context(), a.App, db, run, main, loader)
			}
			engine, err := a.Reader(cmd.Context(), db, run, required)
			if err != nil {
				return err
			}
			walked, err := engine.Replay(cmd.Context(), run.ID, main, loader)
			if err != nil {
				return err
			}
			a.replayed(walked)
			return nil
		},
	}
	cmd.Flags().StringVar(&with, "with", "", "walk this script `FILE` instead of the recorded one")
	cmd.Flags().BoolVar(&whatIf, "what-if", false, "say what the script would have done in the world that the finished run met")
	return cmd
}

func (a commands) replayed(w interpreter.Walked) {
	if a.Flags.JSON {
		line := replayLine{Type: "replay", Run: w.Run.ID, Agrees: true, Replayed: w.Replayed, Status: w.Run.Status}
		if w.Next != nil {
			line.Next = &nextLine{w.Next.Op.String(), w.Next.Place, w.Next.Where}
		}
		a.JSONHead("replay")
		a.JSONLine(line)
		return
	}
	a.Result("run %s: script and record agree on %s; the run is %s\n", journal.Short(w.Run.ID), app.Counted(w.Replayed, "effect"), app.Standing(w.Run, ""))
	if w.Next != nil {
		a.Result("next would be %s (effect %s) at %s\n", w.Next.Op, w.Next.Place, w.Next.Where)
	}
}
