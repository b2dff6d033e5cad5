package traffic

import (
	"fmt"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// noneWhileAlerted finds traffic that is moved to a server of which the run has
// just read that an alert fires.
func noneWhileAlerted(v *effect.View, e effect.Occurrence) string {
	if !wrote(e) || !e.Wrote() {
		return ""
	}
	fires, read := alerts(v)
	got := grown(e)
	for _, server := range plain.SortedNames(got) {
		if alert := fires[server]; alert != "" {
			return fmt.Sprintf("%s moved traffic to %s, and %s had read that %s fires there: let any alert decide", e, server, read, alert)
		}
	}
	return ""
}

// succeededAlerted finds runs that succeed with more traffic on such a server.
func succeededAlerted(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusSucceeded {
		return ""
	}
	fires, read := alerts(v)
	pools, before := poolShares(v.State("traffic")), poolShares(v.Begin("traffic"))
	for _, pool := range plain.SortedNames(pools) {
		for _, server := range plain.SortedNames(pools[pool]) {
			if alert := fires[server]; alert != "" && pools[pool][server] > before[pool][server] {
				return fmt.Sprintf("the run succeeded with %.4g%% of the traffic on %s, and %s had read that %s fires there: let any alert decide", pools[pool][server], server, read, alert)
			}
		}
	}
	return ""
}

// alerts returns what fires by the last reading of alerts, by what it is about,
// and that reading.
func alerts(v *effect.View) (map[string]string, effect.Occurrence) {
	past := v.Past()
	for i := len(past) - 1; i >= 0; i-- {
		e := past[i]
		if e.Module != "health" || e.Name != "alerts" || e.Err != nil {
			continue
		}
		fires := map[string]string{}
		value, _ := e.Value.(map[string]any)
		list, _ := value["alerts"].([]any)
		for _, a := range list {
			if alert, _ := a.(map[string]any); plain.Str(alert, "severity") == "critical" {
				fires[plain.Str(alert, "env")] = plain.Str(alert, "name")
			}
		}
		delete(fires, "")
		return fires, e
	}
	return nil, effect.Occurrence{}
}
