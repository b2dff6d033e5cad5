package hosts

import (
	"fmt"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// beside matches services that wait for what is not there yet, or have nothing to do
// with it.
var beside = lazyregexp.New(`(?i)pgbouncer|pgpool|proxysql|haproxy|nginx|keepalived|exporter|agent|monitor|prometheus|promtail|beat$|telegraf|collectd|cron|timer|ssh|log|consul|envoy`)

// startedBefore finds a service that a run starts again while a store which it had
// stopped as well is still away, and starts only then.
func startedBefore(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusSucceeded {
		return ""
	}
	stopped := map[string]bool{}             // units that the run stopped, each on its host
	early := map[string]*effect.Occurrence{} // by store: what was started before it
	for _, e := range v.Past() {
		if e.Module != "hosts" || e.Name != "service" || !e.Wrote() {
			continue
		}
		unit := strings.TrimSuffix(unitName(plain.Str(e.Args, "name")), ".service")
		store := agreeing.MatchString(unit)
		for _, host := range touched(e) {
			at := unit + " on " + host
			switch {
			case e.Args["action"] == "stop":
				stopped[at] = true
			case !stopped[at]:
			case store && early[at] != nil:
				return fmt.Sprintf("%s is started before %s, which the run had stopped and %s starts: what needs it finds nothing there, and fails or gives up; start stores first, and stop them last", early[at], at, e)
			case !store && !beside.MatchString(unit):
				for other := range stopped {
					if name, _, _ := strings.Cut(other, " "); stopped[other] && agreeing.MatchString(name) {
						early[other] = &e
					}
				}
				fallthrough
			default:
				stopped[at] = false
			}
		}
	}
	return ""
}
