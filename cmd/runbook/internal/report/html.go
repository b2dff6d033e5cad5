package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

//go:embed report.html
var page string

//go:embed style.css
var style string

// HTML writes the report as one page that needs nothing else: no scripts, no
// files beside it. What the record holds is escaped by html/template.
func (r *Report) HTML(w io.Writer) error {
	t, err := template.New("report").Funcs(template.FuncMap{
		"style":    func() template.CSS { return template.CSS(style) },
		"title":    Kind.title,
		"words":    words,
		"tone":     tone,
		"date":     func(t time.Time) string { return t.Format("2006-01-02 15:04:05 UTC") },
		"clock":    r.clock,
		"took":     took,
		"age":      age,
		"number":   number,
		"join":     func(list []string) string { return strings.Join(list, ", ") },
		"timeline": func(r *Report) []drawing { return []drawing{drawTimeline(r, "wide"), drawTimeline(r, "narrow")} },
		"levels": func(r *Report, s Subject) []drawing {
			return []drawing{drawLevels(r, s, "wide"), drawLevels(r, s, "narrow")}
		},
		"metric":     drawMetric,
		"activities": func(r *Report) []Share { return r.Times },
		"activity":   Activity.words,
		"cut":        func(r *Report) bool { return len(newScale(r.moments(), 0, wide).cuts) > 0 },
		"color":      func(i int) int { return i % 6 },
		"less":       Subject.less,
		"origin":     Failure.origin,
	}).Parse(page)
	if err != nil {
		return fmt.Errorf("make the report: %w", err)
	}
	if err := t.Execute(w, r); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// title is what a report of the kind is called.
func (k Kind) title() string {
	return map[Kind]string{Deployment: "Deployment report", Rollback: "Rollback report", Incident: "Incident report"}[k]
}

// words is what a legend calls an activity.
func (a Activity) words() string {
	return map[Activity]string{Work: "work", Bake: "measured by a gate", Sleep: "sleep", People: "waits for people", Undo: "rollback", Stopped: "no runner"}[a]
}

func words(s effect.Status) string { return strings.ReplaceAll(string(s), "_", " ") }

// tone is the colour of a status.
func tone(s effect.Status) string {
	switch s {
	case effect.StatusSucceeded:
		return "good"
	case effect.StatusFailed, effect.StatusRollbackFailed, effect.StatusUnknown:
		return "bad"
	}
	return "warn"
}

// clock is the time of day, with its day where the run lasted over one.
func (r *Report) clock(t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case r.Started.Format(time.DateOnly) != r.Last.Format(time.DateOnly):
		return t.Format("01-02 15:04:05")
	}
	return t.Format("15:04:05")
}

func took(seconds float64) string { return effect.FormatDuration(rounded(effect.Seconds(seconds))) }

func age(seconds *float64) string {
	if seconds == nil {
		return ""
	}
	return took(*seconds)
}

func number(x *float64, unit string) string {
	if x == nil {
		return ""
	}
	return fmt.Sprintf("%.4g%s", *x, unit)
}

// less says what the table of a subject leaves out.
func (s Subject) less() string {
	if n := len(s.Points) - len(s.Told()); n > 0 {
		return fmt.Sprintf("%d more reads showed the same as the one before.", n)
	}
	return ""
}

// origin says where in the run and in the script it failed.
func (f Failure) origin() string {
	var parts []string
	if f.Place != "" {
		parts = append(parts, "effect "+string(f.Place))
	}
	for _, s := range []string{f.Step, f.Where} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, ", ")
}
