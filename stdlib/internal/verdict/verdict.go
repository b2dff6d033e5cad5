// Package verdict tells from what a scenario declares of the health of a target
// whether anybody would put up with it.
package verdict

import (
	"fmt"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// What is too much of what a scenario declares of a target, where nobody says
// what people put up with: it is more than that, and far more than it was.
const (
	manyErrors = 2.0 // percent of the requests
	longWait   = 0.5 // seconds, of the slowest in a hundred
	farLonger  = 5.0 // times as long as it was
	fewUp      = 95.0
)

// Unwell says in words what is wrong with a target, as the scenario declares
// its health; was is how it was when the run began.
func Unwell(is, was map[string]any) string {
	if is["assumed"] == true || is["bad"] != nil {
		return ""
	}
	value := func(of map[string]any, name string, none float64) float64 {
		if v, ok := of[name].(float64); ok {
			return v
		}
		return none
	}
	rate, before := value(is, "error_rate", 0), value(was, "error_rate", 0)
	p99, shorter := value(is, "p99_latency", 0), value(was, "p99_latency", 0)
	uptime := value(is, "uptime", 100)
	switch {
	case is["healthy"] == false:
		return "it is not healthy"
	case rate >= manyErrors && rate > before+manyErrors:
		return fmt.Sprintf("%.4g%% of its requests fail", rate)
	case p99 >= longWait && p99 > farLonger*shorter && shorter > 0:
		return "its slowest requests take " + effect.FormatDuration(effect.Seconds(p99))
	case uptime < fewUp && uptime < value(was, "uptime", 100):
		return fmt.Sprintf("it is up %.4g%% of the time", uptime)
	}
	return ""
}

// ahead is how long after its end a run answers for what it brought into service.
const ahead = time.Hour

// Turns says when after the end of a run, and in what way, a target that is well
// will not be any more by what the scenario declares; "" if it stays well, or is
// not well now.
func Turns(v *effect.View, name string) (in time.Duration, why string) {
	is, was := plain.Table(v.State("health"), name), plain.Table(v.Begin("health"), name)
	if v.Later == nil || len(is) == 0 || is["assumed"] == true || Unwell(is, was) != "" {
		return 0, ""
	}
	for in = time.Minute; in <= ahead; in += time.Minute {
		if why := Unwell(plain.Table(v.Later("health", in), name), was); why != "" {
			return in, why
		}
	}
	return 0, ""
}

// Made says in what way a target is not well by what the run did, and not by the
// time that has passed; "" if it is well, or nobody can tell.
func Made(v *effect.View, name string) string {
	if v.Untouched == nil {
		return ""
	}
	was := plain.Table(v.Begin("health"), name)
	why := Unwell(plain.Table(v.State("health"), name), was)
	if why == "" || Unwell(plain.Table(v.Untouched("health"), name), was) != "" {
		return ""
	}
	return why
}

// Recovers reports whether a target that is not well will be by the time alone, as
// the scenario declares it: it starts, and nothing more is to be done.
func Recovers(v *effect.View, name string) bool {
	if v.Later == nil {
		return false
	}
	was := plain.Table(v.Begin("health"), name)
	for _, in := range []time.Duration{10 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, ahead} {
		if Unwell(plain.Table(v.Later("health", in), name), was) == "" {
			return true
		}
	}
	return false
}
