package deploy

import (
	"maps"
	"slices"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/field"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// Model is what is released where.
//
//	deploy = {
//	  envs    = { blue = { version = "v1.0.0", state = "active" } },
//	  regions = { eu = { version = "v1.0.0", state = "active" }, us = { envs = { blue = { … } } } },
//	  versions = { "v1.0.0", "v1.3.0" }, -- that can be released; any if left out
//	  refuses = { "v1.3.0" },            -- of these, that do not start
//	  takes   = { release = "10m" },
//	  nodes   = { ["node-1"] = { runs = { blue = 2 } }, ["node-2"] = { runs = { blue = 1 } } },
//	  least   = { blue = 1 },           -- instances that a drain has to leave
//	  jobs    = { migrate = {}, broken = { fails = true } }, -- any, and well, if left out
//	}
//
// What was released beside a version that serves takes its place when it is
// activated, not before. A place with hosts = { ["web-1"] = { version = … } }
// is what these are together.
//
// State: { envs = { blue = { version, previous, serving, state, instances } },
// regions = { eu = { the same, envs, nodes } }, nodes = { ["node-1"] = { state,
// instances } }, jobs = { migrate = { runs } }, assumed = true }.
type Model struct {
	places   map[place]release
	versions []string // nil for any
	refuses  []string
	takes    map[string]any // never changed in place
	declared bool
	nodes    map[nodeAt]node
	least    map[string]any // by environment; never changed in place
	jobs     map[string]any // that there are; nil for any
	ran      map[string]int // jobs that came to a good end, by name
}

// place is an environment in a region; either may be "".
type place struct{ region, env string }

// release is what stands at a place.
type release struct {
	version, previous string
	serving           string // which may be another version, and is "" where nobody knows which
	state             string
	instances         float64
	stopped           *stopped        // what was scaled to none; nil where nothing was
	assumed           bool            // nobody declared it before it was changed
	hosts             map[string]host // nil where it is not known to be on several
}

// NewModel returns one in the state that holds where a scenario says nothing.
func NewModel() *Model {
	return &Model{places: map[place]release{}, nodes: map[nodeAt]node{}, ran: map[string]int{}}
}

func releaseFields() []effect.Field {
	hosts := effect.Field{Name: "hosts", Type: effect.Map, Doc: "each of its hosts, by name, where there are several", Elem: &effect.Field{Type: effect.Object, Fields: hostFields()}}
	return append(hostFields(), hosts)
}

func hostFields() []effect.Field {
	return []effect.Field{field.Text("version", "the version there"), field.Text("previous", "the version before"),
		field.Text("serving", "the version that serves, where it is another one"), field.Choice("state", "how far it is; mixed where its hosts hold different versions", false, "absent", "released", "active", "failed", "mixed"),
		field.Of("instances", effect.Int, "how many instances run")}
}

// scenario declares what a scenario says of the module.
func scenario() effect.ScenarioFields {
	envs := effect.Field{Name: "envs", Type: effect.Map, Doc: "environments, by name", Elem: &effect.Field{Type: effect.Object, Fields: releaseFields()}}
	return effect.ScenarioFields{Fields: []effect.Field{envs,
		{Name: "regions", Type: effect.Map, Doc: "regions, by name", Elem: &effect.Field{Type: effect.Object, Fields: append(releaseFields(), envs, nodesField())}},
		nodesField(),
		{Name: "least", Type: effect.Map, Elem: &effect.Field{Type: effect.Int, Min: effect.Bound(0)}, Doc: "how many instances of an environment a drain has to leave running: { blue = 1 }"},
		jobsField(),
		field.Texts("versions", "versions that there are; any if left out"),
		field.Texts("refuses", "versions that do not start"),
		{Name: "takes", Type: effect.Map, Elem: &effect.Field{Type: effect.Duration}, Doc: "how long ops take: { release = \"10m\" }"},
	}}
}

// Load implements effect.Model.
func (d *Model) Load(state map[string]any) error {
	s, err := scenario().Check(state)
	if err != nil {
		return err
	}
	load := func(region string, of map[string]any) {
		for env := range of {
			d.say(place{region, env}, plain.Table(of, env))
		}
	}
	load("", plain.Table(s, "envs"))
	d.sayNodes("", plain.Table(s, "nodes"))
	for name := range plain.Table(s, "regions") {
		region := plain.Table(plain.Table(s, "regions"), name)
		d.say(place{name, ""}, region)
		load(name, plain.Table(region, "envs"))
		d.sayNodes(name, plain.Table(region, "nodes"))
	}
	if s["least"] != nil {
		d.least = plain.Table(s, "least")
	}
	if s["jobs"] != nil {
		d.jobs = plain.Table(s, "jobs")
	}
	if s["versions"] != nil {
		d.versions = plain.List(s["versions"])
	}
	if s["refuses"] != nil {
		d.refuses = plain.List(s["refuses"])
	}
	if s["takes"] != nil {
		d.takes = plain.Table(s, "takes")
	}
	return nil
}

// say declares what stands at a place. Of one that is known already it is as it was
// what is not said: a command's effects may name one thing of it.
func (d *Model) say(at place, of map[string]any) {
	d.declared = true
	was, known := d.places[at]
	if !known {
		d.places[at] = releaseOf(of)
		return
	}
	whole := map[string]any{"version": was.version, "previous": was.previous, "serving": was.serving, "state": was.state, "instances": was.instances}
	maps.Copy(whole, of)
	if of["serving"] != nil && of["state"] == nil { // it tells the state
		delete(whole, "state")
	}
	if was.state == "absent" && of["version"] != nil && of["state"] == nil {
		delete(whole, "state")
		delete(whole, "instances")
	}
	d.places[at] = releaseOf(whole)
}

// releaseOf reads a release as scenarios and backends tell it.
func releaseOf(of map[string]any) release {
	r := release{version: plain.Str(of, "version"), previous: plain.Str(of, "previous"), serving: plain.Str(of, "serving"),
		state: plain.Str(of, "state"), instances: plain.Num(of, "instances")}
	if hosts := plain.Table(of, "hosts"); len(hosts) > 0 {
		return together(hostsOf(hosts), false)
	}
	switch {
	case r.state != "":
	case r.version == "":
		r.state = "absent"
	case r.version == r.serving:
		r.state = "active"
	default:
		r.state = "released"
	}
	switch { // the state counts where both do not agree
	case r.state == "active":
		r.serving = r.version
	case r.state == "absent" || r.serving == r.version:
		r.serving = ""
	}
	if _, said := of["instances"]; !said && r.state != "absent" {
		r.instances = 1
	}
	if r.instances == 0 && r.state == "released" && r.serving == "" {
		r.stopped = &stopped{version: r.version, instances: 1}
	}
	return r
}

// Do implements effect.Model.
func (d *Model) Do(m effect.Moment, op string, args map[string]any) (any, error) {
	at := place{plain.Str(args, "region"), plain.Str(args, "env")}
	switch op {
	case "nodes", "cordon", "uncordon", "drain":
		return d.doNode(op, at.region, plain.Str(args, "node"))
	case "job":
		return d.run(at, plain.Str(args, "name"))
	}
	r, known := d.places[at]
	if !known {
		r = release{state: "absent", assumed: !d.declared}
	}
	if op != "regions" && !known && d.declared {
		if err := d.misspelt(m, at); err != nil {
			return nil, err
		}
	}
	switch op {
	case "regions":
		return d.regions(at.env)
	case "status":
		if r.assumed && !known {
			return nil, model.CannotTell(`deploy = { envs = { blue = { version = "v1.0.0", state = "active" } } }`, "nothing is known of %s", at)
		}
		return r.told(at), nil
	case "release":
		version := plain.Str(args, "version")
		if d.versions != nil && !slices.Contains(d.versions, version) {
			return nil, effect.Errorf(effect.CodeNotFound, "there is no version %s that could be released at %s; nothing changed", version, at).
				WithHint("build it first, or release one that there is")
		}
		if slices.Contains(d.refuses, version) {
			return nil, effect.Errorf(effect.CodeFailed, "%s does not start at %s; what ran before goes on", version, at).WithHint("see its log, or release another version")
		}
		r = r.change(func(r *release) {
			if r.version != version {
				r.previous, r.version = r.version, version
			}
			if r.state = "released"; version == r.serving {
				r.state = "active"
			}
			if r.stopped == nil {
				r.instances = max(r.instances, 1)
			}
		})
	case "activate":
		if r.state != "released" && r.state != "active" && !r.assumed {
			return nil, effect.Errorf(effect.CodeConflict, "nothing that could be activated is released at %s: it is %s; nothing changed", at, r.state).
				WithHint("release a version first, with deploy.release")
		}
		r = r.change(func(r *release) { r.start() })
	case "decommission":
		if r.state != "absent" || r.assumed {
			r = r.change(func(r *release) {
				if r.state != "absent" || r.assumed {
					*r = release{previous: r.version, state: "absent", assumed: r.assumed}
				}
			})
		}
	case "scale":
		var err *effect.Error
		if r, err = r.scaled(at, plain.Num(args, "instances")); err != nil {
			return nil, err
		}
	default:
		return nil, model.NoOp("deploy", op)
	}
	d.places[at] = d.placed(at, r)
	return d.places[at].told(at), nil
}

func (d *Model) regions(env string) (any, error) {
	byName := map[string]release{}
	for at, r := range d.places {
		if at.region != "" && (env == "" && at.env == "" || env != "" && at.env == env) {
			byName[at.region] = r
		}
	}
	if len(byName) == 0 && !d.declared {
		return nil, model.CannotTell(`deploy = { regions = { eu = { version = "v1.0.0", state = "active" }, us = { version = "v1.0.0" } } }`, "nothing is known of regions")
	}
	out := []any{}
	for _, name := range plain.SortedNames(byName) {
		r := byName[name]
		told := map[string]any{"name": name, "active": r.serves(), "state": r.state}
		if r.version != "" {
			told["version"] = r.version
		}
		if r.serving != "" {
			told["serving"] = r.serving
		}
		out = append(out, told)
	}
	return map[string]any{"regions": out}, nil
}

// told returns the release in the form of deploy.status.
func (r release) told(at place) map[string]any {
	out := r.shown()
	if r.hosts != nil {
		out["hosts"] = toldHosts(r.hosts)
	}
	if at.env != "" {
		out["env"] = at.env
	}
	if at.region != "" {
		out["region"] = at.region
	}
	return out
}

// serves reports whether any version does.
func (r release) serves() bool { return r.serving != "" || r.state == "active" }

func (r release) shown() map[string]any {
	out := map[string]any{"state": r.state, "instances": r.instances}
	if r.version != "" {
		out["version"] = r.version
	}
	if r.previous != "" {
		out["previous"] = r.previous
	}
	if r.serving != "" {
		out["serving"] = r.serving
	}
	return out
}

// String names the place for people.
func (p place) String() string {
	switch {
	case p.env == "" && p.region == "":
		return "the configured environment"
	case p.env == "":
		return "region " + p.region
	case p.region == "":
		return "environment " + p.env
	}
	return "environment " + p.env + " of region " + p.region
}

// State implements effect.Model.
func (d *Model) State(effect.Moment) map[string]any {
	out := map[string]any{}
	for at, r := range d.places {
		under := out
		if at.region != "" {
			regions := plain.Table(out, "regions")
			out["regions"] = regions
			under = plain.Table(regions, at.region)
			regions[at.region] = under
		}
		if at.env == "" && at.region != "" {
			maps.Copy(under, r.shown())
		} else {
			envs := plain.Table(under, "envs")
			envs[at.env] = r.shown()
			under["envs"] = envs
		}
		if r.assumed {
			out["assumed"] = true
		}
	}
	d.stateOfNodes(out)
	if len(d.ran) > 0 {
		jobs := map[string]any{}
		for name, n := range d.ran {
			jobs[name] = map[string]any{"runs": float64(n)}
		}
		out["jobs"] = jobs
	}
	return out
}

// Clone implements effect.Model.
func (d *Model) Clone() effect.Model {
	c := *d
	c.places, c.nodes, c.ran = maps.Clone(d.places), maps.Clone(d.nodes), maps.Clone(d.ran)
	return &c
}

// Takes implements effect.Timed.
func (d *Model) Takes(op string, args map[string]any) time.Duration {
	if s, ok := plain.Table(d.jobs, plain.Str(args, "name"))["takes"].(float64); ok && op == "job" {
		return effect.Seconds(s)
	}
	if s, ok := d.takes[op].(float64); ok {
		return effect.Seconds(s)
	}
	switch op {
	case "release":
		return 2 * time.Minute
	case "activate", "scale":
		return 30 * time.Second
	case "decommission", "job":
		return time.Minute
	case "drain":
		return 2 * time.Minute
	}
	return 20 * time.Millisecond
}

// Needs implements effect.Learner.
func (d *Model) Needs(_ effect.Moment, op string, args map[string]any) []effect.Reading {
	switch op {
	case "job":
		return nil
	case "nodes", "cordon", "uncordon", "drain":
		if d.knowsNodes(plain.Str(args, "region")) {
			return nil
		}
		return []effect.Reading{{Op: "nodes", Args: plain.Pick(args, "region")}}
	}
	if op == "regions" {
		if d.declared {
			return nil
		}
		return []effect.Reading{{Op: "regions", Args: plain.Pick(args, "env")}}
	}
	if _, known := d.places[place{plain.Str(args, "region"), plain.Str(args, "env")}]; known {
		return nil
	}
	return []effect.Reading{{Op: "status", Args: plain.Pick(args, "region", "env")}}
}

// Learn implements effect.Learner.
func (d *Model) Learn(r effect.Reading, value any) error {
	got, _ := value.(map[string]any)
	if r.Op == "nodes" {
		d.learnNodes(plain.Str(r.Args, "region"), got)
		return nil
	}
	if r.Op == "status" {
		d.places[place{plain.Str(r.Args, "region"), plain.Str(r.Args, "env")}] = releaseOf(got)
		return nil
	}
	regions, _ := got["regions"].([]any)
	for _, v := range regions {
		region, _ := v.(map[string]any)
		at := place{plain.Str(region, "name"), plain.Str(r.Args, "env")}
		if _, known := d.places[at]; !known {
			d.places[at] = releaseOf(region)
		}
	}
	return nil
}

// Assumes implements effect.Assumer: what the op tells may rest on a place that
// nobody declared.
func (d *Model) Assumes(op string, args map[string]any) string {
	switch op {
	case "job":
		return model.Assuming(d.jobs == nil, "the result of the job "+plain.Str(args, "name"))
	case "nodes", "cordon", "uncordon", "drain":
		return model.Assuming(d.assumesNode(plain.Str(args, "region"), plain.Str(args, "node")), "node "+plain.Str(args, "node"))
	}
	r, known := d.places[place{plain.Str(args, "region"), plain.Str(args, "env")}]
	return model.Assuming(!known && !d.declared || r.assumed, model.Whole("deploy", plain.Str(args, "env")))
}
