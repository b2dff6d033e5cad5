package app

import (
	"time"

	"github.com/spf13/pflag"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// duration is the value of a flag that is written as scripts write durations:
// 15m, 1h 30m, 400d.
type duration struct{ to *time.Duration }

// DurationVar adds a flag that takes a duration as scripts do; the default is 0.
func DurationVar(f *pflag.FlagSet, to *time.Duration, name, usage string) {
	f.Var(duration{to}, name, usage)
}

// Set reads what was given.
func (d duration) Set(text string) error {
	v, err := effect.ParseText(&effect.Field{Name: "duration", Type: effect.Duration}, text)
	if err != nil {
		return err
	}
	seconds, _ := v.(float64)
	*d.to = effect.Seconds(seconds)
	return nil
}

// String is the value as it is written.
func (d duration) String() string {
	if d.to == nil || *d.to == 0 {
		return ""
	}
	return effect.FormatDuration(*d.to)
}

// Type names what is to be given.
func (d duration) Type() string { return "duration" }
