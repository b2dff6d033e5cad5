package importer

import (
	"regexp"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/stdlib/health"
)

// threshold is a bound on a metric that health knows, as slo takes it.
type threshold struct{ metric, bound string }

var (
	wait = regexp.MustCompile(`(?i)\b(?:wait|sleep|pause|hold)\b[^.;]*?\b(\d+)\s*-?\s*(seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|s|m|h|d)\b`)
	// A wait for something to happen is no sleep, however long it may take.
	conditional = regexp.MustCompile(`(?i)\b(?:until|unless|up to|at most|no (?:more|longer) than|within|till)\b`)
	not         = regexp.MustCompile(`(?i)\b(?:not|never|don't|without)\s+$`)
	compared    = regexp.MustCompile(`(?i)([A-Za-z][A-Za-z0-9_ ]*?)\s*(<=|>=|≤|≥|<|>)\s*(\d+(?:\.\d+)?)\s*(ms|s|%)`)
	uptimeOf    = regexp.MustCompile(`(?i)(\d+(?:\.\d+)?)%\s+(?:uptime|availability)`)
)

// waitOf returns how long a text says to wait; "" if it does not.
func waitOf(text string) string {
	m := wait.FindStringSubmatch(text)
	if m == nil || conditional.MatchString(m[0]) || not.MatchString(text[:strings.Index(text, m[0])]) {
		return ""
	}
	return m[1] + strings.ToLower(m[2][:1])
}

// thresholdsOf returns the bounds on metrics that a text states, as they have to
// hold, and those on metrics that nobody measures here. What an alert fires on is
// turned round: latency and errors have to stay below, uptime above.
func thresholdsOf(text string) (list []threshold, unknown []string) {
	seen := map[string]bool{}
	add := func(metric, bound string) {
		if !seen[metric] { // the first, which is the strictest or the most urgent, stands
			seen[metric] = true
			list = append(list, threshold{metric, bound})
		}
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
	return list, unknown
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
