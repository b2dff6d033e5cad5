package cli

import "github.com/spf13/cobra"

// topics are pages of help that belong to no command.
func topics() []*cobra.Command {
	return []*cobra.Command{{
		Use:   "exit-codes",
		Short: "What the exit codes mean",
		Long: `The exit code says what became of the run, or of the command:

    0  succeeded
    1  failed
    2  wrong usage: the command line, the parameters or the configuration;
       nothing was started
    3  rolled back: the run failed, or was asked to, and took its changes back
    4  waiting for a person: runbook approve RUN, or runbook deny RUN
    5  unknown outcome: look, then say what happened with runbook resolve RUN
    6  a lock, or the run itself, is held by another run or runner
    7  the script and the run's record disagree; nothing was done
  130  interrupted; runbook resume RUN goes on`,
	}, {
		Use:   "files",
		Short: "Files and environment variables",
		Long: `The journal keeps the record of all runs. It is the file that --db names, or
$RUNBOOK_DB, or runbook/runbook.db in $XDG_STATE_HOME (~/.local/state). Beside
it stands its key, FILE.key: keep both.

The configuration says which backend carries each module in which environment.
It is the file that --config names, or $RUNBOOK_CONFIG, or runbook.yaml in the
working directory or the nearest one above it, or runbook/runbook.yaml in
$XDG_CONFIG_HOME (~/.config). Without --env the environment is "default", or
the only one there is; a resumed run stays in its own.

  RUNBOOK_DB       the journal
  RUNBOOK_CONFIG   the configuration
  RUNBOOK_LAB      the lab's directory, for runbook lab
  NO_COLOR         no colours, if it is set to anything
  TERM=dumb        no colours, and no line that is drawn again
  COLUMNS          the width of the terminal, instead of what it says itself`,
	}}
}
