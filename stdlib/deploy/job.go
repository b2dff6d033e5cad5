package deploy

import (
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/field"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// jobOp declares the op. What a job does only its caller can say, so that the class
// is an argument, as that of exec.run.
func jobOp(env, region effect.Field) effect.Op {
	return effect.Op{Module: "deploy", Name: "job", Doc: "Run a job once, and wait for its end; one that fails is an error",
		ClassArg: "class", Recovery: effect.Observe,
		Args: []effect.Field{field.Need("name", "which job, as the configuration or the system calls it"),
			field.Text("version", "of which version; what the system has for the job if left out"),
			{Name: "set", Type: effect.Map, Elem: &effect.Field{Type: effect.String}, Doc: "settings of this run"},
			field.Choice("class", "what it may do to the world; irreversible if left out", false, "read", "write", "irreversible"),
			field.Timeout("1h"), env, region},
		Returns: []effect.Field{field.Text("env", "the environment"), field.Text("region", "the region"),
			field.Text("id", "what the system calls this run of it"), field.Text("log", "the last lines that it wrote, where they can be had")}}
}

func jobsField() effect.Field {
	return effect.Field{Name: "jobs", Type: effect.Map, Doc: "jobs that there are, by name; any if left out", Elem: &effect.Field{Type: effect.Object, Fields: []effect.Field{
		field.Of("fails", effect.Bool, "whether it fails"), field.Of("takes", effect.Duration, "how long it takes")}}}
}

// run implements the op job.
func (d *Model) run(at place, name string) (any, error) {
	if _, known := d.jobs[name]; d.jobs != nil && !known {
		return nil, model.NotFound("job", name, plain.SortedNames(d.jobs))
	}
	if plain.Table(d.jobs, name)["fails"] == true {
		return nil, effect.Errorf(effect.CodeFailed, "the job %s failed", name).WithHint("see what it wrote, mend it, and run it again")
	}
	d.ran[name]++
	out := map[string]any{"id": name}
	for key, text := range map[string]string{"env": at.env, "region": at.region} {
		if text != "" {
			out[key] = text
		}
	}
	return out, nil
}
