package postgres

import (
	"github.com/q-ecosystem/runbook/interpreter/effect"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
)

// job is one call under way.
type job struct {
	*shared.Call
	*database
}

// job returns what begins the calls of a backend; s is nil before it is
// configured.
func (s *settings) job(backend string) func(*shared.Call) (*job, *effect.Error) {
	return func(call *shared.Call) (*job, *effect.Error) {
		if s == nil {
			return nil, errNotConfigured(backend)
		}
		db, e := s.Pick(backend, call.Text("db"))
		if e != nil {
			return nil, e
		}
		return &job{call, db}, nil
	}
}

// pause waits before the next look at what goes on by itself; false says that
// the call's time is up.
