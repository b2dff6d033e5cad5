package script

import (
	"context"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

// jobStatus is the word by which a program is asked what has become of the job of an
// effect, by its key. No op asks so: recovery does.
const jobStatus = "job_status"

// jobEnd is what job_status tells.
type jobEnd struct {
	state   string // absent, running, done or failed
	message string // why it failed
	value   map[string]any
}

// runJob runs the job, unless an earlier attempt of the effect has. The end of its
// program is that of the job.
func (c *call) runJob(ctx context.Context) (map[string]any, *effect.Error) {
	if c.req.Attempt > 1 && c.writes() {
		was, e := c.jobEnded(ctx, ctx)
		switch {
		case e != nil && e.Code == effect.CodeUnsupported: // somebody has said that it did not run
		case e != nil:
			return nil, e
		case was.state == "done":
			return was.value, nil
		case was.state == "failed":
			return nil, effect.Errorf(effect.CodeFailed, "the job %s has failed at an earlier attempt, and was not run again: job_status tells %q", c.job, orNone(was.message)).
				WithHint("see what it did, mend it, and run it by a new effect")
		}
	}
	r, e := c.ask(ctx, "job", c.req.Progress)
	if e != nil {
		return nil, e
	}
	if e := r.failure(); e != nil {
		return nil, e
	}
	value := map[string]any{}
	if r.answered() { // it need not
		if value, e = r.fields(c.op.Returns); e != nil {
			return nil, e
		}
	}
	return c.jobValue(value), nil
}

// jobValue returns what deploy.job returns.
func (c *call) jobValue(told map[string]any) map[string]any {
	out := map[string]any{}
	for name, value := range map[string]any{"id": told["id"], "log": told["log"], "env": c.env, "region": c.region} {
		if value != nil && value != "" {
			out[name] = value
		}
	}
	return out
}

// jobEnded asks what has become of the job until it has ended.
func (c *call) jobEnded(ctx, waits context.Context) (*jobEnd, *effect.Error) {
	text := func(name string) effect.Field { return effect.Field{Name: name, Type: effect.String} }
	fields := []effect.Field{{Name: "state", Type: effect.Enum, Enum: []string{"absent", "running", "done", "failed"}, Required: true}, text("id"), text("log"), text("message")}
	for {
		r, e := c.ask(ctx, jobStatus, nil)
		if e == nil {
			e = r.failure()
		}
		if e != nil {
			return nil, e
		}
		told, e := r.fields(fields)
		if e != nil {
			return nil, e
		}
		end := &jobEnd{value: c.jobValue(told)}
		end.state, _ = told["state"].(string)
		if end.message, _ = told["message"].(string); end.state != "running" {
			return end, nil
		}
		select {
		case <-time.After(pendingEvery):
		case <-waits.Done():
			return nil, effect.Errorf(effect.CodeUnknown, "job_status tells%s that it is still running", c.place("of")).
				WithHint("wait for its end, then resume the run")
		}
	}
}

// observeJob asks job_status. One that failed was not carried out, and is asked for
// once more, which does not run it again but tells so.
func (c *call) observeJob(ctx, waits context.Context) (plugins.Observation, error) {
	end, e := c.jobEnded(ctx, waits)
	switch {
	case e != nil && e.Code == effect.CodeUnsupported:
		return plugins.Observation{}, effect.Errorf(effect.CodeUnknown, "nobody can say whether the job %s ran: %s", c.job, e.Message).
			WithHint("look for what the job was to do, then say what happened; a program that knows the word %s would tell", jobStatus)
	case e != nil:
		return plugins.Observation{}, e
	case end.state == "done":
		return plugins.Observation{State: effect.Applied, Value: end.value}, nil
	}
	return plugins.Observation{State: effect.NotApplied}, nil
}
