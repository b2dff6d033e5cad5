// Package kubernetes carries the module deploy on Kubernetes: each environment
// is a Deployment, each job comes from a CronJob, and nodes are the cluster's own.
//
// # How the contract is kept
//
// What is released must not serve before it is activated. A release therefore
// pauses the Deployment's rollout in the same update that sets the image, so
// that the pods of before go on; activate resumes the rollout and waits for its
// end. This is Kubernetes' own: kubectl rollout pause and resume.
//
// # How it is known what happened
//
// Every write is one update of the Deployment, guarded by its resourceVersion
// and carrying the effect's key in an annotation: it happened as a whole or not
// at all, and the key tells which. An update whose answer was lost is asked
// after.
//
//   - settings.go  the configuration; place.go a Deployment in a cluster
//   - standing.go  what stands there
//   - change.go    the update; write.go and scale.go the writes
//   - rollout.go   waiting for a rollout, and why it does not come to its end
//   - job.go       jobs, made from CronJobs under a name that the key gives
//   - node.go      machines; drain.go what moves pods away from one
//   - failure.go   errors
package kubernetes

import (
	"context"
	"fmt"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	contract "github.com/q-ecosystem/runbook/stdlib/deploy"
)

// Backend deploys to clusters. New returns it; Configure makes it ready.
type Backend struct {
	settings *settings
	ops      map[string]effect.Op
}

// New returns a backend that is not configured yet.
func New() *Backend {
	b := &Backend{ops: map[string]effect.Op{}}
	for _, op := range contract.Module().Ops {
		b.ops[op.Name] = op
	}
	return b
}

// Describe implements plugins.Backend.
func (b *Backend) Describe() plugins.Description {
	return plugins.Description{
		Name: "kubernetes", Module: "deploy", Version: "1.0.0",
		Doc:    "Deploy to Kubernetes: each environment is a Deployment.",
		Ops:    contract.Module().Ops,
		Config: fields(),
	}
}

// Configure implements plugins.Backend. It reads kubeconfig; no cluster is asked.
func (b *Backend) Configure(_ context.Context, config map[string]any) error {
	s, err := newSettings(config)
	if err != nil {
		return err
	}
	b.settings = s
	return nil
}

// Health implements plugins.Backend: each cluster answers, and lets the
// Deployments of the namespace be read.
func (b *Backend) Health(ctx context.Context) error {
	if b.settings == nil {
		return errNotConfigured()
	}
	for _, name := range b.settings.clusterNames() {
		if e := b.settings.clusters[name].healthy(ctx); e != nil {
			return e
		}
	}
	return nil
}

// Invoke implements plugins.Backend.
func (b *Backend) Invoke(ctx context.Context, req plugins.Request) (any, error) {
	if b.settings == nil {
		return nil, errNotConfigured()
	}
	if _, known := b.ops[req.Op]; !known {
		return nil, effect.Errorf(effect.CodeUnsupported, "the kubernetes backend has no op called %q", req.Op).
			WithHint("it has the ops of the module deploy")
	}
	var value map[string]any
	var e *effect.Error
	switch req.Op {
	case "regions":
		value, e = b.regions(ctx, req)
	case "nodes", "cordon", "uncordon", "drain":
		value, e = b.onNode(ctx, req)
	case "job":
		value, e = b.onJob(ctx, req, (*job).run)
	default:
		value, e = b.at(ctx, req)
	}
	if e != nil {
		return nil, e
	}
	return value, nil
}

// at carries an op out at one place.
func (b *Backend) at(ctx context.Context, req plugins.Request) (map[string]any, *effect.Error) {
	p, e := b.settings.place(req.Args)
	if e != nil {
		return nil, e
	}
	do := (*call).status
	switch req.Op {
	case "release":
		do = (*call).release
	case "activate":
		do = (*call).activate
	case "decommission":
		do = (*call).decommission
	case "scale":
		do = (*call).scale
	}
	now, e := do(&call{place: p, req: req}, ctx)
	if e != nil {
		return nil, e
	}
	return now.value(p), nil
}

// Observe implements plugins.Observer.
func (b *Backend) Observe(ctx context.Context, req plugins.Request) (plugins.Observation, error) {
	if b.settings == nil {
		return plugins.Observation{}, errNotConfigured()
	}
	switch req.Op {
	case "cordon", "uncordon", "drain":
		return b.observeNode(ctx, req)
	case "job":
		return b.observeJob(ctx, req)
	}
	p, e := b.settings.place(req.Args)
	if e != nil {
		return plugins.Observation{}, e
	}
	c := &call{place: p, req: req}
	applied, now, e := c.observe(ctx)
	switch {
	case e != nil:
		return plugins.Observation{}, e
	case applied:
		return plugins.Observation{State: effect.Applied, Value: now.value(p)}, nil
	}
	return plugins.Observation{State: effect.NotApplied}, nil
}

// Preview implements plugins.Previewer: it names the cluster and the Deployment.
func (b *Backend) Preview(_ context.Context, req plugins.Request) (effect.Prediction, error) {
	if b.settings == nil {
		return effect.Prediction{}, errNotConfigured()
	}
	switch req.Op {
	case "nodes", "cordon", "uncordon", "drain":
		n, e := b.settings.node(req)
		if e != nil {
			return effect.Prediction{}, e
		}
		return effect.Prediction{Target: n.String(), To: req.Op}, nil
	case "job":
		j, e := b.settings.job(req)
		if e != nil {
			return effect.Prediction{}, e
		}
		return effect.Prediction{Target: j.String(), To: "run"}, nil
	}
	p, e := b.settings.place(req.Args)
	if e != nil {
		return effect.Prediction{}, e
	}
	to := req.Op
	if version, ok := req.Args["version"].(string); ok {
		to = fmt.Sprintf("%s %s", req.Op, version)
	}
	if n, ok := req.Args["instances"].(float64); ok {
		to = fmt.Sprintf("%g instances", n)
	}
	return effect.Prediction{Target: p.String(), To: to}, nil
}

func errNotConfigured() *effect.Error {
	return effect.Errorf(effect.CodeInternal, "the kubernetes backend is not configured")
}
