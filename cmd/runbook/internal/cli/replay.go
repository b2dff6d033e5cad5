package cli

import (
	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/script"
)

func (a *app) replayCommand() *cobra.Command {
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
		Args:              exactly("RUN"),
		ValidArgsFunction: a.completeRun,
		RunE: func(cmd *cobra.Command, argv []string) error {
			var main *script.Source
			var loader script.Loader
			var required []string
			if with != "" {
				m, l, err := readScript(with)
				if err != nil {
					return err
				}
				main, loader, required = &m, l, script.Requires(m, l)
			}
			db, run, err := a.readRun(cmd.Context(), argv[0])
			if err != nil {
				return err
			}
			defer a.closeDB(db)
			if whatIf {
				return a.whatIf(cmd.Context(), db, run, main, loader)
			}
			engine, err := a.reader(cmd.Context(), db, run, required)
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

func (a *app) replayed(w interpreter.Walked) {
	if a.flags.json {
		line := map[string]any{"type": "replay", "run": w.Run.ID, "agrees": true, "replayed": w.Replayed, "status": w.Run.Status}
		if w.Next != nil {
			line["next"] = map[string]any{"op": w.Next.Op.String(), "place": w.Next.Place, "where": w.Next.Where}
		}
		a.jsonHead("replay")
		a.jsonLine(line)
		return
	}
	a.result("run %s: script and record agree on %s; the run is %s\n", shortID(w.Run.ID), counted(w.Replayed, "effect"), standing(w.Run))
	if w.Next != nil {
		a.result("next would be %s (effect %s) at %s\n", w.Next.Op, w.Next.Place, w.Next.Where)
	}
}
