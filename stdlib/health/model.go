package health

import (
	"maps"
	"math"
	"sort"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/field"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// Model is a set of targets and what can be measured of them.
//
// A scenario says of a target what differs from a healthy one:
//
//	health = {
//	  green = { p99_latency = "300ms", error_rate = function(world) … end, metrics = { queue = 40 } },
//	  blue  = { timeline = { { at = "10m", error_rate = "5%" }, { at = "20m", error_rate = 0 } } },
//	  red   = function(world) return { uptime = 0 } end,   -- nil: nothing can be measured
//	  alerts = { { name = "HighLatency", severity = "critical", from = "10m", till = "20m" } },
//	}
//
// Metrics of the configuration are measured where it says them; of a target that
// is assumed to be well they are taken to keep the threshold that they are asked for.
//
// State: { green = { healthy, p99_latency = 0.3, …, metrics, assumed = true, bad =
// "unhealthy" or "no-data" }, alerts = { names }, silences = { id = { why, until } } },
// of those that the run made and that are on.
type Model struct {
	envs   map[string]*target
	alerts []any

	silences silences
}

// target is one target.
type target struct {
	values   map[string]any // by metric: a number or a Func; "healthy": a bool or a Func
	whole    effect.Func    // returns such values, or nil; may be nil itself
	timeline []any          // of tables with at, in order
	assumed  bool
	checked  bool   // a real check passed
	bad      string // the kind of its fault
}

// The kinds of faults that a target may have.
const (
	unhealthy = "unhealthy"
	noData    = "no-data"
)

// faults returns the module's fault kinds.
func faults() []effect.FaultKind {
	return []effect.FaultKind{
		{Name: unhealthy, Doc: "The target turns bad, and stays so until a rollback has put back what the run had changed there", Ops: []string{"check", "measure"}},
		{Name: noData, Doc: "The target cannot be measured any more, until a rollback has put back what the run had changed there", Ops: []string{"measure"}},
	}
}

// NewModel returns one in the state that holds where a scenario says nothing.
func NewModel() *Model { return &Model{envs: map[string]*target{}} }

// healthyValues returns what a healthy target measures.
func healthyValues() map[string]any {
	return map[string]any{"p50_latency": 0.01, "p95_latency": 0.02, "p99_latency": 0.05, "error_rate": 0.0,
		"throughput": 100.0, "uptime": 100.0, "burn_fast": 0.0, "burn_slow": 0.0, "samples": 1000.0}
}

// seenFields declares what a scenario, or a function of it, says of a target.
func seenFields() []effect.Field {
	return append(measured(), field.Of("healthy", effect.Bool, "whether checks pass; by uptime if left out"), own())
}

// scenario declares what a scenario says of the module: alerts, and targets by
// name.
func scenario() effect.ScenarioFields {
	s := targets()
	// A target may also be no more than its timeline, or one function for all
	// that is seen of it.
	s.Rest = &effect.Field{Type: effect.Any, Fields: s.Rest.Fields, Doc: "a target, by its name: a table of these, the list of its timeline alone, or a function that returns them"}
	s.Functions = append(s.Functions, "*")
	return s
}

// targets declares the same with each target written out.
func targets() effect.ScenarioFields {
	alerts := field.Objects("alerts", "alerts that fire", field.Need("name", "the rule"), field.Text("severity", "as the rule says"), field.Text("env", "the target"),
		field.Text("summary", "what it says"), field.Of("from", effect.Duration, "when it begins to fire, after the start"),
		field.Of("till", effect.Duration, "when it ends"))
	timeline := field.Objects("timeline", "what is seen from a moment on", append(seenFields(),
		effect.Field{Name: "at", Type: effect.Duration, Required: true, Doc: "after the start of the simulation"})...)
	s := effect.ScenarioFields{Fields: []effect.Field{alerts}, Functions: []string{"*.healthy", "*.metrics.*"},
		Rest: &effect.Field{Type: effect.Object, Fields: append(seenFields(), timeline), Doc: "a target"}}
	for _, f := range measured() {
		s.Functions = append(s.Functions, "*."+f.Name)
	}
	return s
}

// Load implements effect.Model.
func (h *Model) Load(state map[string]any) error {
	said, wholes := map[string]any{}, map[string]effect.Func{}
	for name, v := range state {
		switch v := v.(type) {
		case effect.Func:
			wholes[name] = v
		case []any: // a timeline and nothing else
			if name == "alerts" {
				said[name] = v
			} else {
				said[name] = map[string]any{"timeline": v}
			}
		default:
			said[name] = v
		}
	}
	if _, isFunc := wholes["alerts"]; isFunc {
		return &effect.FieldError{Path: "alerts", Problem: "may not be a function", Hint: "write a list of alerts"}
	}
	s, err := targets().Check(said)
	if err != nil {
		return err
	}
	for name, f := range wholes {
		h.envs[name] = &target{values: map[string]any{}, whole: f}
	}
	for _, name := range plain.SortedNames(s) {
		if name == "alerts" {
			h.alerts, _ = s[name].([]any)
			continue
		}
		e := &target{values: plain.Table(s, name)}
		if was := h.envs[name]; was != nil && was.whole == nil {
			e = was.with(plain.Table(s, name))
		}
		e.timeline, _ = e.values["timeline"].([]any)
		delete(e.values, "timeline")
		sort.SliceStable(e.timeline, func(i, j int) bool {
			return plain.Num(e.timeline[i].(map[string]any), "at") < plain.Num(e.timeline[j].(map[string]any), "at")
		})
		h.envs[name] = e
	}
	return nil
}

// with returns the target with what is said of it anew: a command's effects may
// name one thing of it.
func (e *target) with(said map[string]any) *target {
	c := &target{values: maps.Clone(e.values)}
	maps.Copy(c.values, said)
	if _, anew := said["healthy"]; !anew {
		c.bad = e.bad
	}
	if c.values["timeline"] != nil {
		return c
	}
	var timeline []any
	for _, p := range e.timeline { // what is said now holds from now on
		point := maps.Clone(p.(map[string]any))
		for name := range said {
			delete(point, name)
		}
		timeline = append(timeline, point)
	}
	c.values["timeline"] = timeline
	return c
}

// env returns a target; one that nobody declared is taken to be healthy.
func (h *Model) env(name string) *target {
	if h.envs[name] == nil {
		h.envs[name] = &target{values: map[string]any{}, assumed: true}
	}
	return h.envs[name]
}

// at returns what is seen of the target: its metrics, nil if there are none,
// and whether checks pass.
func (e *target) at(m effect.Moment) (values map[string]any, healthy bool, err *effect.Error) {
	said := map[string]any{}
	maps.Copy(said, e.values)
	for _, p := range e.timeline {
		point := p.(map[string]any)
		if m.Now.Sub(m.Start) < effect.Seconds(plain.Num(point, "at")) {
			break
		}
		said = saidToo(said, point)
	}
	nested := m.World == nil // functions are not called then, and what they would say is left out
	if e.whole != nil && nested {
		return nil, false, nil
	}
	if e.whole != nil {
		v, err := model.ResolveAs(m, effect.Field{Name: "target", Type: effect.Object, Fields: seenFields()}, e.whole)
		if err != nil {
			return nil, false, err
		}
		if v == nil {
			return nil, false, nil
		}
		said = saidToo(said, v.(map[string]any))
	}
	values = healthyValues()
	own, err := ownAt(m, plain.Table(said, "metrics"))
	if err != nil {
		return nil, false, err
	}
	if len(own) > 0 {
		values["metrics"] = own
	}
	delete(said, "metrics")
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
		if v, err = model.ResolveAs(m, f, v); err != nil {
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
	if e.bad == unhealthy {
		values["p99_latency"], values["error_rate"], values["uptime"] = 10.0, 50.0, 0.0
		values["burn_fast"], values["burn_slow"] = 500.0, 500.0
		healthy = false
	}
	if e.bad == noData {
		values = nil
	}
	return values, healthy, nil
}

// Do implements effect.Model.
func (h *Model) Do(m effect.Moment, op string, args map[string]any) (any, error) {
	switch op {
	case "silence", "unsilence", "silences":
		return h.silences.do(m, op, args)
	}
	if op == "alerts" {
		if name := plain.Str(args, "env"); name != "" {
			if err := h.declares(m, name); err != nil {
				return nil, err
			}
		}
		return h.firing(m, args), nil
	}
	name := plain.Str(args, "env")
	if op != "check" && op != "measure" && op != "load" {
		return nil, model.NoOp("health", op)
	}
	if err := h.declares(m, name); err != nil {
		return nil, err
	}
	e := h.env(name)
	values, healthy, err := e.at(m)
	if err != nil {
		return nil, err
	}
	if absent(m, name) && values != nil {
		values = map[string]any{"uptime": 0.0, "error_rate": 100.0, "throughput": 0.0, "samples": values["samples"]}
	}
	if op == "check" {
		if absent(m, name) {
			return nil, effect.Errorf(effect.CodeUnhealthy, "%s is not healthy in the simulated world: nothing is deployed there", name).
				WithHint("deploy to %s first, or leave it out", name)
		}
		if !healthy {
			return nil, effect.Errorf(effect.CodeUnhealthy, "%s is not healthy in the simulated world, all tries in %s", name,
				effect.FormatDuration(effect.Seconds(plain.Num(args, "timeout")))).
				WithHint("see why %s does not answer as it should, or give it longer: timeout = \"1m\"", name)
		}
		return map[string]any{"healthy": true, "latency": plain.Num(values, "p50_latency"), "detail": "healthy in the simulated world"}, nil
	}
	if values == nil {
		return map[string]any{"samples": 0.0}, nil
	}
	if baseline := plain.Str(args, "baseline"); op == "measure" && baseline != "" {
		if values["compared"], err = h.sample(m, args); err != nil {
			return nil, err
		}
	}
	asked := plain.Table(args, "metrics")
	if op == "measure" && len(asked) > 0 {
		h.measureOwn(name, asked, values, !absent(m, name))
	} else {
		delete(values, "metrics")
	}
	if op == "load" { // which measures the requests of its own
		delete(values, "burn_fast")
		delete(values, "burn_slow")
		values["throughput"] = plain.Num(args, "rate")
		values["samples"] = math.Round(plain.Num(args, "rate") * plain.Num(args, "during"))
	}
	return values, nil
}

// absent reports whether the module deploy knows the target, and that nothing
// runs there: nobody answers then, whatever was said of it before.
func absent(m effect.Moment, name string) bool {
	if m.World == nil {
		return false
	}
	at := plain.Table(plain.Table(m.World("deploy"), "envs"), name)
	return plain.Str(at, "state") == "absent"
}

// declares refuses a target that nobody has heard of, as soon as somebody said
// what targets there are: it is misspelt, or forgotten in the scenario.
func (h *Model) declares(m effect.Moment, name string) *effect.Error {
	known, said := map[string]bool{}, false
	for env, e := range h.envs {
		if !e.assumed || e.checked {
			known[env] = true
		}
		said = said || !e.assumed
	}
	for _, a := range h.alerts {
		if env := plain.Str(a.(map[string]any), "env"); env != "" {
			known[env], said = true, true
		}
	}
	if !said || known[name] {
		return nil
	}
	if m.World != nil { // what others call so is there, too
		for module, tables := range map[string][]string{"traffic": {"weights", "servers"}, "deploy": {"envs", "regions"}, "db": {"nodes"}} {
			for _, table := range tables {
				for env := range plain.Table(m.World(module), table) {
					known[env] = true
				}
			}
		}
	}
	if known[name] {
		return nil
	}
	names := plain.SortedNames(known)
	e := model.CannotTell("health = { [\""+name+"\"] = {} }", "nothing is known of the target %q; known: %s", name, strings.Join(names, ", "))
	if near := effect.DidYouMean(name, names); near != "" {
		e.Hint = near + " " + e.Hint
	}
	return e
}

// firing returns the alerts of now, in the form of health.alerts.
func (h *Model) firing(m effect.Moment, args map[string]any) map[string]any {
	out := []any{}
	for _, v := range h.alerts {
		a := v.(map[string]any)
		since := m.Now.Sub(m.Start)
		till, ends := a["till"].(float64)
		if since < effect.Seconds(plain.Num(a, "from")) || ends && since >= effect.Seconds(till) ||
			args["env"] != nil && args["env"] != a["env"] || args["severity"] != nil && args["severity"] != a["severity"] {
			continue
		}
		shown := plain.Pick(a, "name", "severity", "env", "summary")
		shown["since"] = plain.Unix(m.Start.Add(effect.Seconds(plain.Num(a, "from"))))
		if h.silences.cover(m.Now, a) {
			shown["silenced"] = true
		}
		out = append(out, shown)
	}
	sort.SliceStable(out, func(i, j int) bool {
		a, b := out[i].(map[string]any), out[j].(map[string]any)
		if plain.Str(a, "severity") != plain.Str(b, "severity") {
			return plain.Str(a, "severity") < plain.Str(b, "severity")
		}
		return plain.Str(a, "name") < plain.Str(b, "name")
	})
	return map[string]any{"alerts": out, "count": float64(len(out))}
}

// State implements effect.Model.
func (h *Model) State(m effect.Moment) map[string]any {
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
			names = append(names, plain.Str(a.(map[string]any), "name"))
		}
		out["alerts"] = names
	}
	if on := h.silences.state(m.Now); len(on) > 0 {
		out["silences"] = on
	}
	return out
}

// Clone implements effect.Model. Values and timelines are never changed in
// place.
func (h *Model) Clone() effect.Model {
	c := NewModel()
	c.alerts, c.silences = h.alerts, h.silences.clone()
	for name, e := range h.envs {
		copied := *e
		c.envs[name] = &copied
	}
	return c
}

// Takes implements effect.Timed: measuring takes the window, a check that
// fails takes its timeout.
func (h *Model) Takes(op string, args map[string]any) time.Duration {
	switch op {
	case "measure":
		return effect.Seconds(plain.Num(args, "window"))
	case "load":
		return effect.Seconds(plain.Num(args, "during"))
	case "check":
		if e := h.envs[plain.Str(args, "env")]; e != nil && e.bad == unhealthy {
			return effect.Seconds(plain.Num(args, "timeout"))
		}
	}
	return 20 * time.Millisecond
}

// Break implements effect.Breaker.
func (h *Model) Break(kind, _ string, args map[string]any) string {
	name := plain.Str(args, "env")
	if name != "" {
		h.env(name).bad = kind
	}
	return name
}

// Mend implements effect.Mender.
func (h *Model) Mend(part string) { h.env(part).bad = "" }

// Blames implements effect.Mender: what takes load off a server does not make it ill,
// nor does what people are told of it.
func (h *Model) Blames(part string, c effect.Change) bool {
	n := len(c.Path)
	if c.Module != "traffic" || n < 2 {
		return c.Module != "notify"
	}
	from, _ := c.From.(float64)
	to, less := c.To.(float64)
	switch {
	case c.Path[n-1] == "status":
		return c.Path[n-2] != part || c.To != "drain"
	case c.Path[n-2] == "weights":
		return c.Path[n-1] != part || !less || to >= from
	}
	return true
}

// Needs implements effect.Learner. A check tells of now only: once the
// simulated world is another one, the real one says nothing about it.
func (h *Model) Needs(m effect.Moment, op string, args map[string]any) []effect.Reading {
	if op == "silences" || op == "unsilence" {
		return []effect.Reading{{Op: "silences", Args: map[string]any{}}}
	}
	if e := h.envs[plain.Str(args, "env")]; op != "check" || m.Dirty || e != nil && !e.assumed {
		return nil
	}
	return []effect.Reading{{Op: op, Args: args}}
}

// Learn implements effect.Learner.
func (h *Model) Learn(r effect.Reading, value any) error {
	if r.Op == "silences" {
		h.silences.learn(value)
		return nil
	}
	h.env(plain.Str(r.Args, "env")).checked = true
	return nil
}

// Assumes implements effect.Assumer: what the op tells may rest on a target that
// nobody declared.
func (h *Model) Assumes(op string, args map[string]any) string {
	switch op {
	case "silence":
		return ""
	case "unsilence", "silences":
		return model.Assuming(!h.silences.learned, "which silences are on")
	case "alerts":
		return model.Assuming(h.alerts == nil, "which alerts fire")
	}
	e := h.envs[plain.Str(args, "env")]
	return model.Assuming(e == nil || e.assumed && !(op == "check" && e.checked), "health of "+plain.Str(args, "env"))
}
