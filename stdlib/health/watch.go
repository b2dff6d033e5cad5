package health

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/composite"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// watch is health.watch: measurements back to back for a while, each held
// against the thresholds, and what the run has set against what is.
func watch() effect.Composite {
	return effect.Composite{Uses: []string{"health.measure"}, Op: effect.Op{
		Module: "health", Name: "watch", Class: effect.Read,
		Doc: "Measure again and again for a while; an error as soon as a threshold is broken, nothing can be measured, or traffic is not what this run set",
		Args: []effect.Field{env(),
			{Name: "during", Type: effect.Duration, Required: true, Doc: "how long to watch, with traffic divided as this run set it"},
			{Name: "every", Type: effect.Duration, Default: "30s", Min: effect.Bound(0.05), Doc: "the window of one measurement"},
			{Name: "slo", Type: effect.Map, Required: true, Elem: &effect.Field{Type: effect.String}, Names: Metric, Enum: Metrics(),
				Doc: `thresholds, of metrics of the configuration too: { p99_latency = "< 200ms", error_rate = "< 0.1%", queue = "< 100" }`},
			thresholdsOf("warning", "thresholds that break nothing: a window beyond one is said, and stands in the record and in the report"),
			{Name: "tolerate", Type: effect.Int, Default: 0.0, Min: effect.Bound(0),
				Doc: "how many bad windows in a row to put up with: a threshold broken, a metric without data, a query that failed for good, drift; the last one has to be good"},
			{Name: "drift", Type: effect.Enum, Enum: []string{breaks, says}, Default: breaks,
				Doc: "what traffic does to the watch that is not what this run set: break it, or only be said"},
			{Name: "settle", Type: effect.Duration, Default: "5m",
				Doc: "how long servers may take less than the share that is set for them (slow start, down) before that breaks the watch; windows until then are judged and do not count towards during"},
			{Name: "baseline", Type: effect.String, Doc: "a target to compare with: a metric that is worse than there breaks the watch, whatever its threshold"},
			{Name: "compare", Type: effect.List, Elem: &effect.Field{Type: effect.String},
				Doc: "the metrics of slo that are compared; if left out, its latencies and its error rate"},
			{Name: "margin", Type: effect.Percent, Default: 10.0, Min: effect.Bound(0), Doc: "by how much more a metric may be worse than that of the baseline"},
		},
		Returns: append(measured(), own(), effect.Field{Name: "measurements", Type: effect.Int, Doc: "how many were made"}),
		Validate: func(args map[string]any) error {
			slo, _, err := bounds(args)
			if err != nil {
				return err
			}
			_, err = compared(slo, args)
			return err
		},
	}, Run: runWatch}
}

// What a watch does about drift.
const (
	breaks = "break"
	says   = "say"
)

// rereadAfter is the pause, in seconds, before a read of what the run has set
// is made once more: a proxy that is being reloaded is away for a moment.
const rereadAfter = 1

// late is by how many seconds a window may end late: by its own length, within
// these bounds. More than that passes only if the runner died and was resumed, or
// what measures took its time: nobody looked, and it does not count. A bake of a
// few seconds would else be over with the first window after a resume.
func late(every float64) float64 { return min(max(every, 1), 30) }

// watcher is one watch under way.
type watcher struct {
	composite.Doer
	ctx  context.Context
	p    effect.Performer
	args map[string]any
	slo  []threshold

	warning  []threshold // beyond these a window is bad for nothing, and said
	compared []threshold // with the baseline

	during, settle, tolerate float64
	quiet                    bool // drift is only said

	lost      float64 // seconds that do not count
	unsettled float64 // since when traffic does not show what is set; 0 if it does
	bad       float64 // windows in a row

	beyond map[string]bool // metrics that were beyond their warnings in the last window
}

// bounds reads the thresholds of a watch's arguments: those that break it, and
// those that only warn.
func bounds(args map[string]any) (slo, warning []threshold, err error) {
	if slo, err = thresholds("slo", args["slo"]); err == nil && args["warning"] != nil {
		warning, err = thresholds("warning", args["warning"])
	}
	return slo, warning, err
}

func runWatch(ctx context.Context, p effect.Performer, args map[string]any) (any, error) {
	slo, warning, err := bounds(args)
	if err != nil {
		return nil, err
	}
	both, err := compared(slo, args)
	if err != nil {
		return nil, err
	}
	w := &watcher{compared: both, Doer: composite.For(ctx, p), ctx: ctx, p: p, args: args, slo: slo, warning: warning, during: args["during"].(float64),
		settle: args["settle"].(float64), tolerate: args["tolerate"].(float64), quiet: args["drift"] == says}
	return w.run()
}

func (w *watcher) run() (any, error) {
	start, err := w.Now()
	if err != nil {
		return nil, err
	}
	before, err := w.look()
	if err != nil {
		return nil, err
	}
	if err := w.tell(before, divided{}); err != nil {
		return nil, err
	}
	if before.drift != "" && !w.quiet && w.tolerate == 0 { // no window makes it better
		return nil, w.broke([]string{before.drift}, effect.CodeConflict)
	}
	for n, began := 1, start; ; n++ {
		v, failed := w.p.Perform(w.ctx, "health.measure", w.asks(began-start))
		if failed != nil && (effect.AsStop(failed) != nil || hopeless(effect.AsError(failed).Code)) {
			return nil, failed
		}
		at, err := w.Now()
		if err != nil {
			return nil, err
		}
		after, err := w.look()
		if err != nil {
			return nil, err
		}
		if err := w.tell(after, before); err != nil {
			return nil, err
		}
		measurement, _ := v.(map[string]any)
		values := figures(measurement)
		every := w.args["every"].(float64)
		if gap := at - began - every; gap > late(every) {
			w.lost += gap
			began += gap
		}
		broken, code := judge(w.slo, values, measurement["no_data"], failed)
		broken, code = w.hold(before, after, at, began, broken, code)
		ends := at-start-w.lost >= w.during
		beside := w.held(measurement)
		if failed == nil {
			worse, is := w.beside(beside, ends)
			if broken = append(broken, worse...); is != "" && (len(broken) == len(worse) || code == effect.CodeNoData) {
				code = is
			}
		}
		gate := map[string]any{"env": w.args["env"], "measured": values, "slo": w.args["slo"], "broken": plain.ToAny(broken),
			"elapsed": min(at-start-w.lost, w.during), "during": w.during}
		if age, ok := measurement["age"]; ok {
			gate["age"] = age
		}
		if len(beside) > 0 {
			list := make([]any, len(beside))
			for i, c := range beside {
				list[i] = c.value()
			}
			gate["baseline"], gate["compared"] = w.args["baseline"], list
		}
		if after != (divided{}) {
			gate["traffic"] = after.String()
		}
		if len(w.warning) > 0 && failed == nil {
			beyond := w.warned(values, measurement["no_data"])
			if gate["warning"] = w.args["warning"]; len(beyond) > 0 {
				gate["warned"] = plain.ToAny(beyond)
			}
			if err := w.warn(beyond); err != nil {
				return nil, err
			}
		}
		if _, err := w.p.Perform(w.ctx, effect.OpGate, map[string]any{"values": gate}); err != nil {
			return nil, err
		}
		if len(broken) == 0 {
			w.bad = 0
		} else if w.bad++; w.bad > w.tolerate || code == effect.CodeInvalid {
			e := w.broke(broken, code)
			if failed != nil && code == effect.CodeNoData { // who could not be asked knows best
				e.Hint = effect.AsError(failed).Hint
			}
			return nil, e
		}
		// A bad window that was put up with is no end to a watch: whether it
		// was one of a kind shows the next.
		if ends && w.bad == 0 {
			return w.passed(values, n), nil
		}
		began, before = at, after
	}
}

// asks returns the arguments of a measurement that begins some seconds after the
// watch.
func (w *watcher) asks(since float64) map[string]any {
	args := map[string]any{"env": w.args["env"], "window": w.args["every"]}
	if own := ownOf(w.warning, w.slo); len(own) > 0 {
		args["metrics"] = own
	}
	if len(w.compared) > 0 {
		names := make([]string, len(w.compared))
		for i, t := range w.compared {
			names[i] = t.metric
		}
		args["baseline"], args["compare"], args["over"] = w.args["baseline"], plain.ToAny(names), since+w.args["every"].(float64)
	}
	return args
}

// ownOf returns the metrics of the configuration among those that thresholds bound,
// each with its threshold; the last list's, where several have one.
func ownOf(lists ...[]threshold) map[string]any {
	own := map[string]any{}
	for _, t := range slices.Concat(lists...) {
		if !slices.Contains(standard, t.metric) {
			own[t.metric] = t.text
		}
	}
	return own
}

// figures returns what was measured, by metric, those of the configuration
// among the others.
func figures(measurement map[string]any) map[string]any {
	values := map[string]any{}
	maps.Copy(values, plain.Table(measurement, "metrics"))
	for _, name := range standard {
		if x, ok := measurement[name]; ok {
			values[name] = x
		}
	}
	return values
}

// passed is what a watch returns after n measurements, the last of which had
// these figures.
func (w *watcher) passed(values map[string]any, n int) map[string]any {
	out, own := map[string]any{"measurements": float64(n)}, map[string]any{}
	for name, x := range values {
		if slices.Contains(standard, name) {
			out[name] = x
		} else {
			own[name] = x
		}
	}
	if len(own) > 0 {
		out["metrics"] = own
	}
	return out
}

// broke is the error of a watch that ends.
func (w *watcher) broke(broken []string, code effect.Code) *effect.Error {
	text := strings.Join(broken, ", ")
	if code == effect.CodeInvalid {
		return effect.Errorf(code, "%s broke its gate: %s", w.args["env"], text).
			WithHint("give the gate longer windows (every), four scrapes or more each; or watch for longer (during), if it compares")
	}
	if w.tolerate > 0 {
		text += fmt.Sprintf("; %v windows in a row were bad, tolerated were %v", w.bad, w.tolerate)
	}
	e := effect.Errorf(code, "%s broke its gate: %s", w.args["env"], text)
	if code == effect.CodeConflict {
		return e.WithHint(`find what changed it (a reload of the proxy, an agent check, somebody else) before traffic is set again; drift = "say" watches all the same`)
	}
	return e
}

// divided is how traffic is divided beside how the run set it; the zero value
// says that it is as set.
type divided struct {
	drift     string // it was set otherwise
	unsettled string // it does not show yet
	unread    string // it is not known
}

func (d divided) String() string {
	var parts []string
	for _, s := range []string{d.drift, d.unsettled, d.unread} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, "; ")
}

// look reads what the run has set. A read that fails is made once more.
func (w *watcher) look() (divided, error) {
	list, err := w.p.Deviations(w.ctx)
	if err != nil && !composite.Final(err) {
		if err := w.Sleep(rereadAfter, "what this run set could not be read: it is read again"); err != nil {
			return divided{}, err
		}
		list, err = w.p.Deviations(w.ctx)
	}
	if err != nil && composite.Final(err) {
		return divided{}, err
	}
	if err != nil {
		return divided{unread: "what this run set could not be read: " + effect.AsError(err).Message}, nil
	}
	var drift, unsettled []string
	for _, d := range list {
		if d.Drift != "" {
			drift = append(drift, d.Drift)
		}
		if d.Unsettled != "" {
			unsettled = append(unsettled, d.Unsettled)
		}
	}
	return divided{drift: strings.Join(drift, "; "), unsettled: strings.Join(unsettled, "; ")}, nil
}

// tell writes to the log what is new about traffic that does not show yet what
// is set, and drift that does not break the watch.
func (w *watcher) tell(now, before divided) error {
	level, text := "warn", ""
	switch {
	case now.drift != "" && w.quiet && now.drift != before.drift:
		text = now.drift
	case now.unsettled != "" && before.unsettled == "" && w.quiet:
		text = now.unsettled
	case now.unsettled != "" && before.unsettled == "":
		text = fmt.Sprintf("%s; the watch counts from when it does, for at most %s", now.unsettled, effect.FormatDuration(effect.Seconds(w.settle)))
	case now.unsettled == "" && before.unsettled != "" && now == divided{}:
		level, text = "info", "traffic is divided as this run set it"
	}
	if text == "" {
		return nil
	}
	_, err := w.p.Perform(w.ctx, effect.OpLog, map[string]any{"level": level, "text": text})
	return err
}

// hold adds to what is broken of a window what traffic is, and keeps a window
// that it did not fill from counting.
func (w *watcher) hold(before, after divided, at, began float64, broken []string, code effect.Code) ([]string, effect.Code) {
	if w.quiet {
		return broken, code
	}
	add := func(text string, is effect.Code) {
		if len(broken) == 0 || code == effect.CodeNoData {
			code = is
		}
		broken = append(broken, text)
	}
	switch {
	case after.drift != "":
		add(after.drift, effect.CodeConflict)
	case after.unread != "":
		add(after.unread, effect.CodeNoData)
	}
	if before.unsettled == "" && after.unsettled == "" {
		w.unsettled = 0
		return broken, code
	}
	w.lost += at - began
	if w.unsettled == 0 {
		w.unsettled = began
	}
	if after.unsettled == "" {
		w.unsettled = 0
	} else if at-w.unsettled >= w.settle {
		add(fmt.Sprintf("%s, for %s", after.unsettled, effect.FormatDuration(effect.Seconds(at-w.unsettled))), effect.CodeUnhealthy)
	}
	return broken, code
}

// hopeless reports whether an error of that code comes again with every
// measurement, so that it is none of the target's health.
func hopeless(code effect.Code) bool {
	switch code {
	case effect.CodeInvalid, effect.CodeNotFound, effect.CodeUnsupported:
		return true
	}
	return false
}
