package health

import (
	"maps"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// saidToo returns what is said of a target with what is said of it further; of
// metrics of the configuration each counts for itself.
func saidToo(said, more map[string]any) map[string]any {
	out := maps.Clone(said)
	for k, v := range more {
		switch k {
		case "at":
		case "metrics":
			both := maps.Clone(plain.Table(said, k))
			maps.Copy(both, plain.Table(more, k))
			out[k] = both
		default:
			out[k] = v
		}
	}
	return out
}

// ownAt returns what metrics of the configuration are now, as the scenario says.
func ownAt(m effect.Moment, said map[string]any) (map[string]any, *effect.Error) {
	values := map[string]any{}
	for name, v := range said {
		if _, isFunc := v.(effect.Func); isFunc && m.World == nil {
			continue
		}
		v, err := model.ResolveAs(m, effect.Field{Name: name, Type: effect.Number}, v)
		if err != nil {
			return nil, err
		}
		if v != nil { // nil: it cannot be measured
			values[name] = v
		}
	}
	return values, nil
}

// measureOwn puts what is asked for of the metrics of the configuration into
// what is measured of a target, with a reason for those that the scenario does
// not say. Of a target that is there and assumed to be well they are as asked for.
func (h *Model) measureOwn(env string, asked, values map[string]any, there bool) {
	e := h.env(env)
	said, out := plain.Table(values, "metrics"), map[string]any{}
	var gaps []any
	for _, name := range plain.SortedNames(asked) {
		t, err := readThreshold(name, plain.Str(asked, name))
		switch x, has := said[name]; {
		case e.bad == unhealthy && err == nil:
			out[name] = t.kept(false)
		case has:
			out[name] = x
		case e.assumed && there && err == nil:
			out[name] = t.kept(true)
		default:
			gaps = append(gaps, map[string]any{"metric": name, "why": unsaid(env, name, plain.SortedNames(said))})
		}
	}
	if values["metrics"] = out; len(out) == 0 {
		delete(values, "metrics")
	}
	if len(gaps) > 0 {
		values["no_data"] = gaps
	}
}

// unsaid says what a scenario has to say for a metric to be measured.
func unsaid(env, name string, said []string) string {
	why := "the scenario does not say it: health = { " + env + " = { metrics = { " + name + " = 0 } } }"
	if near, ok := effect.Nearest(name, said); ok && !slices.Contains(said, name) {
		why += "; it says " + near
	}
	return why
}
