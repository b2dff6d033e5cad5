package health

import (
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// warned returns what is beyond the watch's warnings, in words, of metrics that
// do not break it: who hears that those are critical needs no warning.
func (w *watcher) warned(values map[string]any, noData any) []string {
	var quiet []threshold
	for _, t := range w.warning {
		broken := false
		for _, bound := range w.slo {
			if bound.metric == t.metric {
				x, ok := values[t.metric].(float64)
				broken = !ok || !bound.holds(x)
			}
		}
		if !broken {
			quiet = append(quiet, t)
		}
	}
	said, _ := judge(quiet, values, noData, nil)
	return said
}

// warn writes to the log which metrics began to be beyond the watch's warnings,
// and that none is any more.
func (w *watcher) warn(now []string) error {
	before := w.beyond
	w.beyond = map[string]bool{}
	var begun []string
	for _, text := range now {
		metric, _, _ := strings.Cut(text, " ")
		w.beyond[metric] = true
		if !before[metric] {
			begun = append(begun, text)
		}
	}
	level, text := "warn", ""
	switch env, _ := w.args["env"].(string); {
	case len(begun) > 0:
		text = env + ": " + strings.Join(begun, ", ")
	case len(before) > 0 && len(now) == 0:
		level, text = "info", env+" is within its warnings again"
	default:
		return nil
	}
	_, err := w.p.Perform(w.ctx, effect.OpLog, map[string]any{"level": level, "text": text})
	return err
}
