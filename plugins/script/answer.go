package script

import (
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/output"
)

// headSize is how much of an answer that cannot be used is shown, in
// characters.
const headSize = 200

// standing is what status tells of a place.
type standing struct {
	told    map[string]any // as deploy.status returns it
	version string
	serving string
	state   string
	pending string // the version that is under way; "" if none is
	key     string // of the effect that released the version; "" if it is not told
}

// statusFields are what status may answer: what deploy.status returns, and what
// this package alone reads.
func (c *call) statusFields() []effect.Field {
	return append(slices.Clone(c.b.ops["status"].Returns), effect.Field{Name: "pending", Type: effect.String}, effect.Field{Name: "key", Type: effect.String})
}

// answered reports whether the program wrote anything to its standard output.
func (r *reply) answered() bool {
	text, cut := r.out.Stream(output.Stdout).Text()
	return cut || strings.TrimSpace(text) != ""
}

// status reads the answer as what stands at the call's place.
func (r *reply) status() (*standing, *effect.Error) {
	told, e := r.fields(r.call.statusFields())
	if e != nil {
		return nil, e
	}
	text := func(name string) string { s, _ := told[name].(string); return s }
	s := &standing{told: told, version: text("version"), serving: text("serving"), state: text("state"), pending: text("pending"), key: text("key")}
	if s.state == "active" && s.serving == "" {
		s.serving = s.version
		told["serving"] = s.version
	}
	problem := ""
	switch {
	case s.state == "":
		problem = "state is missing: one of absent, released, active and failed"
	case s.state == "absent" && s.version != "":
		problem = fmt.Sprintf("state is absent, and version %s", s.version)
	case s.state != "absent" && s.state != mixed && s.version == "":
		problem = fmt.Sprintf("state is %s, and version is missing", s.state)
	case s.state == "active" && s.serving != s.version:
		problem = fmt.Sprintf("version %s is active, and %s serves", s.version, s.serving)
	case s.state == "released" && s.serving == s.version:
		problem = fmt.Sprintf("version %s serves, and its state is released, not active", s.version)
	case text("env") != "" && text("env") != r.call.env:
		problem = fmt.Sprintf("env is %s, asked for was %s", text("env"), orNone(r.call.env))
	case text("region") != "" && text("region") != r.call.region:
		problem = fmt.Sprintf("region is %s, asked for was %s", text("region"), orNone(r.call.region))
	}
	if problem != "" {
		return nil, r.rubbish(problem)
	}
	return s, nil
}

// value returns what deploy.status returns of the place.
func (s *standing) value(c *call) map[string]any {
	out := map[string]any{}
	for _, f := range c.b.ops["status"].Returns {
		if v, told := s.told[f.Name]; told {
			out[f.Name] = v
		}
	}
	for name, value := range map[string]string{"env": c.env, "region": c.region} {
		if value != "" {
			out[name] = value
		}
	}
	return out
}

// regions reads the answer as what deploy.regions returns.
func (r *reply) regions() (map[string]any, *effect.Error) {
	told, e := r.fields(r.call.op.Returns)
	if e != nil {
		return nil, e
	}
	list, given := told["regions"].([]any)
	if !given {
		return nil, r.rubbish("regions is missing: a list")
	}
	seen := map[string]bool{}
	for _, v := range list {
		region, _ := v.(map[string]any)
		name, _ := region["name"].(string)
		state, _ := region["state"].(string)
		serving, _ := region["serving"].(string)
		switch {
		case name == "":
			return nil, r.rubbish("a region has no name")
		case seen[name]:
			return nil, r.rubbish("region " + name + " is there twice")
		}
		seen[name] = true
		if version, ok := region["version"].(string); ok && state == "active" && serving == "" {
			region["serving"], serving = version, version
		}
		if _, said := region["active"]; !said {
			region["active"] = state == "active" || serving != ""
		}
	}
	slices.SortFunc(list, func(a, b any) int {
		return strings.Compare(a.(map[string]any)["name"].(string), b.(map[string]any)["name"].(string))
	})
	return map[string]any{"regions": list}, nil
}

// fields reads the answer and holds it against declarations. Empty texts and
// null count as left out: in a shell it is easier to write them.
func (r *reply) fields(fields []effect.Field) (map[string]any, *effect.Error) {
	value, err := r.out.JSON()
	if err != nil {
		return nil, r.rubbish(r.program.Scrub.Text(err.Error()))
	}
	clean, _ := r.program.Scrub.Value(value)
	object, ok := withoutEmpty(clean).(map[string]any)
	if !ok {
		return nil, r.rubbish("it is no object")
	}
	checked, err := effect.CheckFields(fields, nil, object)
	if err != nil {
		return nil, r.rubbish(r.program.Scrub.Text(err.Error()))
	}
	return checked, nil
}

func withoutEmpty(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, e := range v {
			if e = withoutEmpty(e); e == nil || e == "" {
				delete(v, name)
			}
		}
	case []any:
		for i := range v {
			v[i] = withoutEmpty(v[i])
		}
	}
	return v
}

// rubbish is the error of an answer that cannot be used. Of a write nobody
// knows then what it did.
func (r *reply) rubbish(why string) *effect.Error {
	head := "it wrote nothing there"
	if r.answered() {
		head = fmt.Sprintf("it begins with %q", r.out.Head(headSize))
	}
	const form = "%s ended with exit code 0 after %s, and its standard output is no answer that can be used: %s; %s"
	code := effect.CodeFailed
	if r.writes() {
		code = effect.CodeUnknown
	}
	return effect.Errorf(code, form, r, r.took(), why, head).
		WithHint("let it write one JSON object to standard output, and everything else to standard error")
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
