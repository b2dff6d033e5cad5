package importer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	"github.com/q-ecosystem/runbook/stdlib/health"
)

// span is a time in words, as two groups: how many, and of what.
const span = `(\d+(?:\.\d+)?)\s*-?\s*(seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|s|m|h|d)\b`

// threshold is a bound on a metric that health knows, as slo takes it.
type threshold struct{ metric, bound string }

var (
	// What one is told to do: "backups are on hold for 30 days" tells nobody to wait.
	wait = lazyregexp.New(`(?i)(?:^|[.:;,!(–—-]\s*|\b(?:also|and|first|just|must|now|or|please|should|then|to|will|you)\s+)` +
		`((?:wait|sleep|pause|hold)\b[^.;]*?\b` + span + `(?:\s*(?:,|and)?\s*` + span + `)?)`)
	// A wait for something to happen is no sleep, however long it may take.
	conditional = lazyregexp.New(`(?i)\b(?:until|unless|up to|at most|no (?:more|longer) than|within|till)\b`)
	not         = lazyregexp.New(`(?i)\b(?:not|never|don't|without)\s+$`)
	compared    = lazyregexp.New(`(?i)([A-Za-z][A-Za-z0-9_ ]*?)\s*(<=|>=|≤|≥|<|>)\s*(\d+(?:\.\d+)?)\s*(ms|s|%)`)
	bare        = lazyregexp.New(`(?:<=|>=|≤|≥|<|>)\s*\d`)
	uptimeOf    = lazyregexp.New(`(?i)(\d+(?:\.\d+)?)%\s+(?:uptime|availability)`)
)

// waitOf returns how long a text says to wait; "" if it does not.
func waitOf(text string) string {
	m := wait.FindStringSubmatch(text)
	if m == nil || conditional.MatchString(m[1]) || not.MatchString(text[:strings.Index(text, m[1])]) {
		return ""
	}
	seconds := 0.0
	for i := 2; i < len(m) && m[i] != ""; i += 2 {
		n, _ := strconv.ParseFloat(m[i], 64)
		seconds += n * inSeconds[strings.ToLower(m[i+1][:1])]
	}
	return effect.FormatDuration(effect.Seconds(seconds))
}

// inSeconds are units of time by their first letters.
var inSeconds = map[string]float64{"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}

// thresholdsOf returns the bounds on metrics that a text states, as they have to
// hold, and what it compares otherwise: metrics that nobody measures here, numbers
// without a unit. What an alert fires on is turned round: latency and errors have to
// stay below, uptime above. A metric that comes again (a warning after what is
// critical) begins another gate.
func thresholdsOf(text string) (gates [][]threshold, unknown []string) {
	add := func(metric, bound string) {
		last := len(gates) - 1
		if last < 0 || slices.ContainsFunc(gates[last], func(t threshold) bool { return t.metric == metric && t.bound != bound }) {
			gates, last = append(gates, nil), last+1
		}
		if t := (threshold{metric, bound}); !slices.Contains(gates[last], t) {
			gates[last] = append(gates[last], t)
		}
	}
	if more := len(bare.FindAllString(text, -1)) - len(compared.FindAllString(text, -1)); more > 0 {
		unknown = append(unknown, fmt.Sprintf("%d bounds on nothing that is named before them", more))
	}
	for _, m := range compared.FindAllStringSubmatch(text, -1) {
		metric := metricOf(m[1])
		op := strings.NewReplacer("≤", "<=", "≥", ">=").Replace(m[2])
		above := metric == "uptime" || metric == "throughput"
		switch {
		case above && op[0] == '<':
			op = map[string]string{"<": ">=", "<=": ">"}[op]
		case !above && op[0] == '>':
			op = map[string]string{">": "<=", ">=": "<"}[op]
		}
		bound := op + " " + m[3] + m[4]
		// Of a metric of the team's own nobody here can tell whether much of it is good.
		if _, _, ok := health.Bound(metric, bound); !ok || !slices.Contains(health.Metrics(), metric) {
			unknown = append(unknown, strings.TrimSpace(m[0]))
			continue
		}
		add(metric, bound)
	}
	if m := uptimeOf.FindStringSubmatch(text); m != nil {
		add("uptime", ">= "+m[1]+"%")
	}
	return gates, unknown
}

// metricOf is what health calls a metric that a text names.
func metricOf(words string) string {
	fields := strings.Fields(strings.ToLower(strings.ReplaceAll(words, "_", " ")))
	name := strings.Join(fields, "_")
	for _, p := range []string{"p50", "p95", "p99"} {
		if len(fields) > 0 && (fields[len(fields)-1] == p || strings.HasSuffix(name, p+"_latency")) {
			return p + "_latency"
		}
	}
	for _, known := range []string{"error_rate", "uptime", "throughput"} {
		if strings.HasSuffix(name, known) {
			return known
		}
	}
	return name
}
