package operate

import (
	"context"
	"errors"
	"fmt"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/script/check"
)

// checked refuses to start a script in which check finds an error, so that it
// does not fail half way.
func (s *session) checked(text *check.Text, anyway bool) error {
	if anyway {
		return nil
	}
	var errs []error
	findings := append(text.Run(s.tree.Catalog), text.Strangers(s.tree.Catalog, s.people)...)
	for _, f := range findings {
		if f.Severity == check.SeverityError {
			errs = append(errs, errors.New(f.String()))
		}
	}
	if len(errs) == 0 {
		return nil
	}
	said := "nothing was started"
	if text.Readable() {
		said += "; start it all the same with --no-check"
	}
	errs = append(errs, errors.New(said))
	return app.Usage(errors.Join(errs...))
}

// carries refuses to start a script that names an op which no configured backend
// carries, or a metric, say, or a calendar that the configuration does not declare.
func (s *session) carries(ctx context.Context, text *check.Text) error {
	list := s.lacking(text)
	undeclared := s.app.Undeclared(ctx, s.on, text.Names(s.tree.Catalog), s.tree.Catalog)
	for _, f := range append(undeclared, app.NoCalendars(s.on.Env, text.Calendars(s.tree.Catalog))...) {
		list = append(list, fmt.Errorf("%s: %s; %s", f.Where, f.Message, f.Hint))
	}
	return errors.Join(list...)
}

// lacking says of each op that a script names and no backend carries where that
// is.
func (s *session) lacking(text *check.Text) []error {
	var list []error
	for _, use := range text.Uses(s.tree.Catalog) {
		op, ok := s.tree.Catalog.Op(use.Op)
		if !ok {
			continue
		}
		if err := s.host.Lacks(op); err != nil {
			e := effect.AsError(err)
			list = append(list, fmt.Errorf("%s: %s; %s", use.Where, e.Message, e.Hint))
		}
	}
	return list
}

// warn says before a run goes on which op no backend carries, of the script that
// it recorded or of the one that it goes on with. It is no refusal: what the run
// has done of it is done, and a run in flight is not held up for a branch that it
// may never take.
func (s *session) warn(ctx context.Context, with *script.Source, loader script.Loader) error {
	main := script.Source{}
	if with != nil {
		main = *with
	} else {
		run, err := s.db.Find(ctx, s.run)
		if err != nil {
			return err
		}
		if main, loader, err = recordedScript(ctx, s.db, run); err != nil {
			return err
		}
	}
	for _, err := range s.lacking(check.Read(main, loader)) {
		s.say(s.app.Style.Yellow("warning:") + " " + view.Clean(err.Error()))
	}
	return nil
}

func recordedScript(ctx context.Context, db *journal.DB, run journal.Run) (script.Source, script.Loader, error) {
	main, files, err := app.RecordedScript(ctx, db, run)
	return main, files, err
}
