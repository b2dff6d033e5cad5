package operate

import (
	"errors"
	"fmt"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/script/check"
)

// checked refuses to start a script in which check finds an error, so that it
// does not fail half way.
func (s *session) checked(main script.Source, loader script.Loader, anyway bool) error {
	if anyway {
		return nil
	}
	var errs []error
	for _, f := range check.Run(main, loader, s.tree.Catalog) {
		if f.Severity == check.SeverityError {
			errs = append(errs, errors.New(f.String()))
		}
	}
	if len(errs) == 0 {
		return nil
	}
	errs = append(errs, errors.New("nothing was started; start it all the same with --no-check"))
	return app.Usage(errors.Join(errs...))
}

// carries says, before anything starts, which op of a script the configured
// backends lack.
func (s *session) carries(main script.Source, loader script.Loader) error {
	for _, use := range check.Uses(main, loader, s.tree.Catalog) {
		if err := s.host.Lacks(use.Op); err != nil {
			e := effect.AsError(err)
			return fmt.Errorf("%s: %s; %s", use.Where, e.Message, e.Hint)
		}
	}
	return nil
}
