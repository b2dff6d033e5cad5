package secrets

import (
	"fmt"
	"slices"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// outlives is for how long what was issued may be valid after a run before that
// counts.
const outlives = 15 * time.Minute

// leftIssued finds a credential that a run releases where nothing fails, and leaves
// valid where something does. One that nobody ever releases is meant to end by itself.
func leftIssued(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusFailed && end.Status != effect.StatusRolledBack || v.Stranded || triedToRelease(v.Past()) {
		return ""
	}
	advice := "release it in on_rollback, right after it is issued"
	if !end.RollsBack {
		advice = "roll back what fails (on_failure), and release it there"
	}
	past := v.Past()
	for _, o := range past {
		name, ends := issued(o)
		if name == "" || len(past) == 0 || ends.Sub(past[len(past)-1].At) <= outlives || released(past, name, false) || released(past, name, true) {
			continue
		}
		for _, u := range v.Usual {
			if usual, _ := issued(u); usual != "" && u.Place == o.Place && released(v.Usual, usual, false) {
				return fmt.Sprintf("the run is %s, and what %s has had issued is valid until %s, although it is released where nothing fails: %s", end.Status, o, ends.UTC().Format("15:04"), advice)
			}
		}
	}
	return ""
}

// forgottenIssued finds a credential that a rollback releases, and nobody where nothing
// fails.
func forgottenIssued(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusRolledBack || len(v.Usual) == 0 {
		return ""
	}
	last := v.Usual[len(v.Usual)-1].At
	for _, u := range v.Usual {
		name, ends := issued(u)
		if name == "" || ends.Sub(last) <= outlives || released(v.Usual, name, false) {
			continue
		}
		for _, o := range v.Past() {
			if here, _ := issued(o); here != "" && o.Place == u.Place && released(v.Past(), here, true) {
				return fmt.Sprintf("what %s has had issued is released by the rollback, and by nobody where nothing fails: it is valid for %s after the run; end it with secrets.release there, too",
					u, effect.FormatDuration(ends.Sub(last).Round(time.Second)))
			}
		}
	}
	return ""
}

// issued returns the lease of what a call has had issued, and when that ends; "" for
// any other call.
func issued(o effect.Occurrence) (lease string, ends time.Time) {
	value, _ := o.Value.(map[string]any)
	if o.Module != "secrets" || o.Name != "issue" || o.Err != nil {
		return "", time.Time{}
	}
	return plain.Str(value, "lease"), time.UnixMicro(int64(plain.Num(value, "expires") * 1e6))
}

// released reports whether a lease was ended, by a rollback or before one.
func released(list []effect.Occurrence, lease string, back bool) bool {
	return slices.ContainsFunc(list, func(o effect.Occurrence) bool {
		return o.Module == "secrets" && o.Name == "release" && o.Err == nil && plain.Str(o.Args, "lease") == lease && o.Place.InRollback() == back
	})
}

// triedToRelease reports whether some release failed.
func triedToRelease(list []effect.Occurrence) bool {
	return slices.ContainsFunc(list, func(o effect.Occurrence) bool {
		return o.Module == "secrets" && o.Name == "release" && o.Err != nil
	})
}
