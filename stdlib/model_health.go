package stdlib

import (
	"maps"
	"math"
	"sort"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// healthModel is a set of targets and what can be measured of them.
//
// A scenario says of a target what differs from a healthy one:
//
//	health = {
//	  green = { p99_latency = "300ms", error_rate = function(world) … end },
//	  blue  = { timeline = { { at = "10m", error_rate = "5%" }, { at = "20m", error_rate = 0 } } },
//	  red   = function(world) return { uptime = 0 } end,   -- nil: nothing can be measured
//	  alerts = { { name = "HighLatency", severity = "critical", from = "10m", till = "20m" } },
//	}
//
// State: { green = { healthy, p99_latency = 0.3, …, assumed = true, bad =
// "unhealthy" or "no data" }, alerts = { names } }.
type healthModel struct {
	envs   map[string]*healthEnv
	alerts []any
}

// healthEnv is one target.
type healthEnv struct {
	values   map[string]any // by metric: a number or a Func; "healthy": a bool or a Func
	whole    effect.Func    // returns such values, or nil; may be nil itself
	timeline []any          // of tables with at, in order
	assumed  bool
	checked  bool // a real check passed
	bad      string
}

// What explore makes of a target.
const (
	badHealth = "unhealthy"
	badSight  = "no data"
)

func newHealthModel() *healthModel { return &healthModel{envs: map[string]*healthEnv{}} }

// healthyValues returns what a healthy target measures.
func healthyValues() map[string]any {
	return map[string]any{"p50_latency": 0.01, "p95_latency": 0.02, "p99_latency": 0.05, "error_rate": 0.0,
		"throughput": 100.0, "uptime": 100.0, "samples": 1000.0}
}

// seenFields declares what a scenario, or a function of it, says of a target.
func seenFields() []effect.Field {
	return append(measured(), field("healthy", effect.Bool, "whether checks pass; by uptime if left out"))
}

// Load implements effect.Model.
func (h *healthModel) Load(state map[string]any) error {
	plain, wholes := map[string]any{}, map[string]effect.Func{}
	for name, v := range state {
		switch v := v.(type) {
		case effect.Func:
			wholes[name] = v
		case []any: // a timeline and nothing else
			if name == "alerts" {
				plain[name] = v
			} else {
				plain[name] = map[string]any{"timeline": v}
			}
		default:
			plain[name] = v
		}
	}
	alerts := objects("alerts", "alerts that fire", need("name", "the rule"), text("severity", "as the rule says"), text("env", "the target"),
		text("summary", "what it says"), field("from", effect.Duration, "when it begins to fire, after the start"),
		field("till", effect.Duration, "when it ends"))
	timeline := objects("timeline", "what is seen from a moment on", append(seenFields(),
		effect.Field{Name: "at", Type: effect.Duration, Required: true, Doc: "after the start of the simulation"})...)
	if _, isFunc := wholes["alerts"]; isFunc {
		return &effect.FieldError{Path: "alerts", Problem: "may not be a function", Hint: "write a list of alerts"}
	}
	target := &effect.Field{Type: effect.Object, Fields: append(seenFields(), timeline)}
	patterns := []string{"*.healthy"}
	for _, f := range measured() {
		patterns = append(patterns, "*."+f.Name)
	}
	s, err := loadState([]effect.Field{alerts}, target, plain, patterns...)
	if err != nil {
		return err
	}
	for name, f := range wholes {
		h.envs[name] = &healthEnv{values: map[string]any{}, whole: f}
	}
	for _, name := range sortedNames(s) {
		if name == "alerts" {
			h.alerts, _ = s[name].([]any)
			continue
		}
		e := &healthEnv{values: table(s, name)}
		e.timeline, _ = e.values["timeline"].([]any)
		delete(e.values, "timeline")
		sort.SliceStable(e.timeline, func(i, j int) bool {
			return num(e.timeline[i].(map[string]any), "at") < num(e.timeline[j].(map[string]any), "at")
		})
		h.envs[name] = e
	}
	return nil
}

// env returns a target; one that nobody declared is taken to be healthy.
func (h *healthModel) env(name string) *healthEnv {
	if h.envs[name] == nil {
		h.envs[name] = &healthEnv{values: map[string]any{}, assumed: true}
	}
	return h.envs[name]
}

// at returns what is seen of the target: its metrics, nil if there are none,
// and whether checks pass.
func (e *healthEnv) at(m effect.Moment) (values map[string]any, healthy bool, err *effect.Error) {
	said := map[string]any{}
	maps.Copy(said, e.values)
	for _, p := range e.timeline {
		point := p.(map[string]any)
		if m.Now.Sub(m.Start) < effect.Seconds(num(point, "at")) {
			break
		}
		for k, v := range point {
			if k != "at" {
				said[k] = v
			}
		}
	}
	nested := m.World == nil // functions are not called then, and what they would say is left out
	if e.whole != nil && nested {
		return nil, false, nil
	}
	if e.whole != nil {
		v, err := resolveAs(m, effect.Field{Name: "target", Type: effect.Object, Fields: seenFields()}, e.whole)
		if err != nil {
			return nil, false, err
		}
		if v == nil {
			return nil, false, nil
		}
		maps.Copy(said, v.(map[string]any))
	}
	values = healthyValues()
	var fields []effect.Field
	if len(said) > 0 {
		fields = seenFields()
	}
	for _, f := range fields {
		v, given := said[f.Name]
		if !given {
			continue
		}
		if _, isFunc := v.(effect.Func); isFunc && nested {
			delete(values, f.Name)
			continue
		}
		if v, err = resolveAs(m, f, v); err != nil {
			return nil, false, err
		}
		if values[f.Name] = v; v == nil {
			delete(values, f.Name) // the function says that it cannot be measured
		}
	}
	healthy, stated := values["healthy"].(bool)
	if !stated {
		uptime, told := values["uptime"].(float64)
		healthy = uptime > 0 || !told && nested
	}
	delete(values, "healthy")
	if e.bad == badHealth {
		values["p99_latency"], values["error_rate"], values["uptime"] = 10.0, 50.0, 0.0
		healthy = false
	}
	if e.bad == badSight {
		values = nil
	}
	return values, healthy, nil
}

// Do implements effect.Model.
func (h *healthModel) Do(m effect.Moment, op string, args map[string]any) (any, error) {
	if op == "alerts" {
		return h.firing(m, args), nil
	}
	name := str(args, "env")
	if op != "check" && op != "measure" && op != "load" {
		return nil, noOp("health", op)
	}
	e := h.env(name)
	values, healthy, err := e.at(m)
	if err != nil {
		return nil, err
	}
	if op == "check" {
		if !healthy {
			return nil, effect.Errorf(effect.CodeUnhealthy, "%s is not healthy in the simulated world, all tries in %s", name,
				effect.FormatDuration(effect.Seconds(num(args, "timeout")))).
				WithHint("see why %s does not answer as it should, or give it longer: timeout = \"1m\"", name)
		}
		return map[string]any{"healthy": true, "latency": num(values, "p50_latency"), "detail": "healthy in the simulated world"}, nil
	}
	if values == nil {
		return map[string]any{"samples": 0.0}, nil
	}
	if op == "load" {
		values["throughput"] = num(args, "rate")
		values["samples"] = math.Round(num(args, "rate") * num(args, "during"))
	}
	return values, nil
}

// firing returns the alerts of now, in the form of health.alerts.
func (h *healthModel) firing(m effect.Moment, args map[string]any) map[string]any {
	out := []any{}
	for _, v := range h.alerts {
		a := v.(map[string]any)
		since := m.Now.Sub(m.Start)
		till, ends := a["till"].(float64)
		if since < effect.Seconds(num(a, "from")) || ends && since >= effect.Seconds(till) ||
			args["env"] != nil && args["env"] != a["env"] || args["severity"] != nil && args["severity"] != a["severity"] {
			continue
		}
		shown := pick(a, "name", "severity", "env", "summary")
		shown["since"] = unix(m.Start.Add(effect.Seconds(num(a, "from"))))
		out = append(out, shown)
	}
	sort.SliceStable(out, func(i, j int) bool {
		a, b := out[i].(map[string]any), out[j].(map[string]any)
		if str(a, "severity") != str(b, "severity") {
			return str(a, "severity") < str(b, "severity")
		}
		return str(a, "name") < str(b, "name")
	})
	return map[string]any{"alerts": out, "count": float64(len(out))}
}

// State implements effect.Model.
func (h *healthModel) State(m effect.Moment) map[string]any {
	out := make(map[string]any, len(h.envs)+1)
	for name, e := range h.envs {
		values, healthy, err := e.at(m)
		if values == nil || err != nil {
			values = map[string]any{}
		}
		values["healthy"] = healthy
		if e.assumed {
			values["assumed"] = true
		}
		if e.bad != "" {
			values["bad"] = e.bad
		}
		out[name] = values
	}
	if len(h.alerts) > 0 {
		names := []any{}
		for _, a := range h.firing(m, nil)["alerts"].([]any) {
			names = append(names, str(a.(map[string]any), "name"))
		}
		out["alerts"] = names
	}
	return out
}

// Clone implements effect.Model. Values and timelines are never changed in
// place.
func (h *healthModel) Clone() effect.Model {
	c := newHealthModel()
	c.alerts = h.alerts
	for name, e := range h.envs {
		copied := *e
		c.envs[name] = &copied
	}
	return c
}

// Takes implements effect.Timed: measuring takes the window, a check that
// fails takes its timeout.
func (h *healthModel) Takes(op string, args map[string]any) time.Duration {
	switch op {
	case "measure":
		return effect.Seconds(num(args, "window"))
	case "load":
		return effect.Seconds(num(args, "during"))
	case "check":
		if e := h.envs[str(args, "env")]; e != nil && e.bad == badHealth {
			return effect.Seconds(num(args, "timeout"))
		}
	}
	return 20 * time.Millisecond
}

// Break implements effect.Breaker.
func (h *healthModel) Break(op string, args map[string]any) string { return h.spoil(args, badHealth) }

// Blind lets nothing be measured of the op's target from now on. It returns
// the target's name, or "" if there is none.
func (h *healthModel) Blind(op string, args map[string]any) string { return h.spoil(args, badSight) }

func (h *healthModel) spoil(args map[string]any, how string) string {
	name := str(args, "env")
	if name != "" {
		h.env(name).bad = how
	}
	return name
}

// Needs implements effect.Learner. A check tells of now only: once the
// simulated world is another one, the real one says nothing about it.
func (h *healthModel) Needs(m effect.Moment, op string, args map[string]any) []effect.Reading {
	if e := h.envs[str(args, "env")]; op != "check" || m.Dirty || e != nil && !e.assumed {
		return nil
	}
	return []effect.Reading{{Op: op, Args: args}}
}

// Learn implements effect.Learner.
func (h *healthModel) Learn(r effect.Reading, _ any) error {
	h.env(str(r.Args, "env")).checked = true
	return nil
}

// Assumes reports whether what the op tells rests on a target that nobody
// declared.
func (h *healthModel) Assumes(op string, args map[string]any) bool {
	if op == "alerts" {
		return h.alerts == nil
	}
	e := h.envs[str(args, "env")]
	return e == nil || e.assumed && !(op == "check" && e.checked)
}
