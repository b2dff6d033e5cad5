package app

import (
	"errors"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/config"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script/check"
	"github.com/q-ecosystem/runbook/interpreter/window"
)

// CalendarNamed finds a calendar in the file that an environment is from, as it is
// now. One that cannot be read opens no window: the error is a retryable
// *effect.Error, since the file can be mended.
func CalendarNamed(env *config.Environment, name string) (window.Calendar, error) {
	cfg := &config.Config{}
	if file := env.File(); file != "" {
		var err error
		if cfg, err = config.Load(file); err != nil {
			return window.Calendar{}, &effect.Error{Code: effect.CodeUnavailable, Message: "the calendar " + name + ": " + err.Error(),
				Hint: "whether changes may be made cannot be told until the configuration can be read", Retryable: true}
		}
	}
	c, err := cfg.CalendarNamed(name)
	if err != nil {
		e := &effect.Error{Code: effect.CodeInvalid, Message: err.Error(), Retryable: true}
		var at *config.Error
		if errors.As(err, &at) {
			bare := *at
			bare.Hint, e.Hint = "", at.Hint
			e.Message = bare.Error()
		}
		return window.Calendar{}, e
	}
	return c.Calendar, nil
}

// NoCalendars says of the calendars that a script names which the configuration
// does not have: warnings, because another one may.
func NoCalendars(env *config.Environment, named []check.Named) []check.Finding {
	var list []check.Finding
	for _, n := range named {
		if _, err := CalendarNamed(env, n.Name); err != nil {
			e := effect.AsError(err)
			list = append(list, check.Finding{Where: n.Where, Message: e.Message, Hint: e.Hint, Severity: check.SeverityWarning})
		}
	}
	return list
}
