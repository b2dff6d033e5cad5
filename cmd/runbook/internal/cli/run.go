package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/config"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/replay"
	"github.com/q-ecosystem/runbook/interpreter/script"
)

func (a *app) runCommand() *cobra.Command {
	var params []string
	var file string
	var wait waitFlag
	cmd := &cobra.Command{
		Use:   "run FILE.lua",
		Short: "Start a run",
		Long: "Start a run of a runbook. Its id is printed at once; whatever happens to this\n" +
			"process, `runbook resume ID` goes on.",
		Example: "  runbook run blue-green.lua --param version=v1.1.0\n  runbook run blue-green.lua --params release.yaml --env prod",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, argv []string) error {
			main, loader, err := readScript(argv[0])
			if err != nil {
				return err
			}
			return a.carryOut(cmd.Context(), carry{wait: wait, modules: script.Requires(main, loader), what: "run"},
				func(ctx context.Context, s *session) (interpreter.Outcome, error) {
					return s.engine.Start(ctx, interpreter.Start{
						Main: main, Loader: loader, Env: s.env, By: operator(), Ready: s.ready,
						Params: func(h script.Header) (map[string]any, error) { return a.params(h, file, params) },
					})
				})
		},
	}
	f := cmd.Flags()
	f.StringArrayVarP(&params, "param", "p", nil, "a parameter as `NAME=VALUE`; secrets as NAME=env:VAR or NAME=file:PATH")
	f.StringVar(&file, "params", "", "parameters from a YAML `FILE`")
	wait.add(f)
	return cmd
}

// params reads the parameters that a header declares.
func (a *app) params(h script.Header, file string, pairs []string) (map[string]any, error) {
	var given map[string]any
	if file != "" {
		var err error
		if given, err = config.LoadParams(file); err != nil {
			return nil, usageError{err}
		}
	}
	params, err := config.ParseParams(h.Params, given, pairs)
	if err != nil {
		return nil, usageError{err}
	}
	return params, nil
}

// readScript reads a runbook and says how it finds the files beside it.
func readScript(path string) (script.Source, script.Loader, error) {
	info, err := os.Stat(path)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return script.Source{}, nil, usagef("there is no file %s%s", path, besides(path))
		}
		return script.Source{}, nil, usageError{err}
	}
	if info.IsDir() {
		return script.Source{}, nil, usagef("%s is a directory; name the runbook in it", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return script.Source{}, nil, usageError{err}
	}
	return script.Source{Name: filepath.Base(path), Text: text}, interpreter.Dir(filepath.Dir(path)), nil
}

// besides names the runbook that was probably meant.
func besides(path string) string {
	found, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*.lua"))
	if err != nil {
		return ""
	}
	if hint := effect.DidYouMean(path, found); hint != "" {
		return "; " + hint
	}
	return ""
}

// carry says how a run is carried out.
type carry struct {
	wait    waitFlag
	modules []string // which the script requires; nil if not known
	id      string   // of an existing run
	what    string   // the command, for the JSON stream
}

// carryOut opens everything that a run needs, walks it, and prints what became
// of it.
func (a *app) carryOut(ctx context.Context, c carry, walk func(context.Context, *session) (interpreter.Outcome, error)) error {
	if a.flags.json {
		a.jsonHead(c.what)
	}
	s, err := a.open(ctx, c)
	if err != nil {
		return err
	}
	defer s.close()
	ctx, release := a.interruptible(ctx, s.say)
	defer release()
	if err := s.connect(ctx); err != nil {
		return err
	}
	out, err := walk(ctx, s)
	s.quiet()
	if err != nil {
		return err
	}
	a.outcome(out)
	if code := codeOfOutcome(out); code != exitOK {
		return exitError{code}
	}
	return nil
}

// outcome prints what became of a run, and what to do next.
func (a *app) outcome(out interpreter.Outcome) {
	if a.flags.json {
		line := map[string]any{"type": "outcome", "run": out.Run, "status": out.Status, "exit": codeOfOutcome(out),
			"replayed": out.Replayed, "live": out.Live}
		if out.Err != nil {
			line["error"] = out.Err.Error()
		}
		if next := next(out); next != "" {
			line["next"] = next
		}
		a.jsonLine(line)
	}
	a.explain(out)
	verdict := fmt.Sprintf("run %s %s: %s", shortID(out.Run), out.Name, strings.ReplaceAll(string(out.Status), "_", " "))
	switch out.Status {
	case effect.StatusSucceeded:
		verdict = a.outStyle.Green(verdict)
	case effect.StatusFailed, effect.StatusRollbackFailed:
		verdict = a.outStyle.Red(verdict)
	default:
		verdict = a.outStyle.Yellow(verdict)
	}
	if !a.flags.json {
		a.result("%s\n", verdict)
	}
	if next := next(out); next != "" {
		a.note("%s\n", next)
	}
}

// explain prints why a run did not succeed.
func (a *app) explain(out interpreter.Outcome) {
	var scriptErr *script.Error
	var unknown *replay.Unknown
	switch {
	case errors.As(out.Err, &scriptErr):
		a.note("%s\n", view.ScriptError(a.style, scriptErr))
	case errors.As(out.Err, &unknown):
		a.note("%s %s\n", a.style.Yellow("unknown:"), view.Clean(unknown.Error()))
		a.note("  it was asked to do: %s %s\n", unknown.Op, view.Clean(string(unknown.Args)))
	case out.Err != nil && out.Status != effect.StatusWaiting:
		text := out.Err.Error()
		if s := effect.AsStop(out.Err); s == nil || s.Err != nil {
			a.note("%s %s\n", a.style.Yellow("stopped:"), a.indented(view.Clean(text)))
		}
	}
	for _, err := range out.Rollbacks {
		a.note("%s %s\n", a.style.Red("rollback failed:"), a.indented(view.Clean(err.Error())))
	}
}

// next says how to go on.
func next(out interpreter.Outcome) string {
	id := shortID(out.Run)
	if s := effect.AsStop(out.Err); s != nil {
		switch s.Cause {
		case effect.LockHeld:
			return ""
		case effect.Fenced:
			return "another runner has the run; see it with: runbook show " + id
		case effect.Diverged:
			return "mend the script and go on with: runbook resume " + id + " --with FILE.lua"
		}
	}
	switch out.Status {
	case effect.StatusInterrupted, effect.StatusRunning, effect.StatusRollingBack:
		return "go on with: runbook resume " + id
	case effect.StatusWaiting:
		return "answer with: runbook approve " + id + "   (or: runbook deny " + id + ")\nthen go on with: runbook resume " + id
	case effect.StatusUnknown:
		return "look at the system, then say what happened:\n  runbook resolve " + id + " --applied --reason \"…\"       it happened\n" +
			"  runbook resolve " + id + " --not-applied --reason \"…\"   it did not: do it again\n" +
			"  runbook resolve " + id + " --failed --reason \"…\"        it did not: let the script see an error\n" +
			"then go on with: runbook resume " + id
	case effect.StatusFailed:
		return "read it with: runbook show " + id + "\ndo a part of it again with: runbook fork " + id + " --from STEP"
	case effect.StatusRollbackFailed:
		return "the rollbacks that failed can be tried again with: runbook rollback " + id
	case effect.StatusRolledBack:
		return "read it with: runbook show " + id
	}
	return ""
}
