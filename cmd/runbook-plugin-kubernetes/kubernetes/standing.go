package kubernetes

import (
	"cmp"
	"context"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

// The annotations of a Deployment. The keys are those of the effects that made
// the last update of their kind.
const (
	releasedBy       = "runbook/released-by"
	activatedBy      = "runbook/activated-by"
	decommissionedBy = "runbook/decommissioned-by"
	previousVersion  = "runbook/previous-version"
	replicasBefore   = "runbook/replicas" // of one that was decommissioned, or scaled to none
	scaledBy         = "runbook/scaled-by"
	stoppedBy        = "runbook/stopped-by" // it was scaled to none
)

// standing is what stands at a place.
type standing struct {
	version, serving, previous, state string
	instances                         int32
}

// status implements the op.
func (c *call) status(ctx context.Context) (*standing, *effect.Error) {
	d, e := c.get(ctx)
	if e != nil {
		return nil, e
	}
	return c.standing(ctx, d)
}

// standing reads what a Deployment, which may be nil, and its ReplicaSets tell.
func (p *place) standing(ctx context.Context, d *appsv1.Deployment) (*standing, *effect.Error) {
	if d == nil {
		return &standing{state: "absent"}, nil
	}
	s := &standing{previous: d.Annotations[previousVersion], instances: d.Status.ReadyReplicas}
	if d.Annotations[decommissionedBy] != "" && replicas(d) == 0 {
		s.state = "absent"
		return s, nil
	}
	c, e := p.container(&d.Spec.Template.Spec)
	if e != nil {
		return nil, e
	}
	s.version = p.settings.version(c.Image)
	if s.serving, e = p.servingVersion(ctx, d); e != nil {
		return nil, e
	}
	switch {
	case complete(d):
		s.state, s.serving = "active", s.version
	case !d.Spec.Paused && stuck(d) != "":
		s.state = "failed"
	default:
		s.state = "released"
		if s.serving == s.version { // of other settings, or in part
			s.serving = ""
		}
	}
	return s, nil
}

// complete reports whether the controller has seen the last update, all pods are
// of its template, and they are available.
func complete(d *appsv1.Deployment) bool {
	want := replicas(d)
	return want > 0 && d.Status.ObservedGeneration >= d.Generation && d.Status.UpdatedReplicas == want && d.Status.Replicas == want && d.Status.AvailableReplicas == want
}

// stuck says why the controller gave up on a rollout; "" if it did not.
func stuck(d *appsv1.Deployment) string {
	if d.Status.ObservedGeneration < d.Generation {
		return ""
	}
	for _, c := range d.Status.Conditions {
		if c.Type == appsv1.DeploymentProgressing && c.Status == corev1.ConditionFalse {
			return cmp.Or(c.Message, c.Reason)
		}
	}
	return ""
}

func replicas(d *appsv1.Deployment) int32 {
	if d.Spec.Replicas == nil {
		return 1
	}
	return *d.Spec.Replicas
}

// servingVersion returns the version of the pods that are ready; "" if there are
// none, or of several versions.
func (p *place) servingVersion(ctx context.Context, d *appsv1.Deployment) (string, *effect.Error) {
	sets, e := p.replicaSets(ctx, d)
	if e != nil {
		return "", e
	}
	var versions []string
	for i := range sets {
		if sets[i].Status.ReadyReplicas == 0 {
			continue
		}
		c, e := p.container(&sets[i].Spec.Template.Spec)
		if e != nil {
			return "", e
		}
		versions = append(versions, p.settings.version(c.Image))
	}
	slices.Sort(versions)
	if versions = slices.Compact(versions); len(versions) == 1 {
		return versions[0], nil
	}
	return "", nil
}

// replicaSets returns those of a Deployment.
func (p *place) replicaSets(ctx context.Context, d *appsv1.Deployment) ([]appsv1.ReplicaSet, *effect.Error) {
	list, err := p.client.AppsV1().ReplicaSets(p.namespace).List(ctx, metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(d.Spec.Selector)})
	if err != nil {
		return nil, p.failure(ctx, "listing its ReplicaSets", err)
	}
	return slices.DeleteFunc(list.Items, func(rs appsv1.ReplicaSet) bool { return !metav1.IsControlledBy(&rs, d) }), nil
}

// value returns what deploy.status returns.
func (s *standing) value(p *place) map[string]any {
	v := map[string]any{"state": s.state, "instances": float64(s.instances)}
	for name, text := range map[string]string{"version": s.version, "serving": s.serving, "previous": s.previous, "env": p.env, "region": p.region} {
		if text != "" {
			v[name] = text
		}
	}
	return v
}

// regions implements the op: those of the configuration.
func (b *Backend) regions(ctx context.Context, req plugins.Request) (map[string]any, *effect.Error) {
	list := []any{}
	for _, name := range b.settings.clusterNames() {
		if name == "" {
			continue
		}
		p, e := b.settings.place(map[string]any{"env": req.Args["env"], "region": name})
		if e != nil {
			return nil, e
		}
		s, e := (&call{place: p, req: req}).status(ctx)
		if e != nil {
			return nil, e
		}
		one := map[string]any{"name": name, "active": s.serving != "", "state": s.state}
		for key, text := range map[string]string{"version": s.version, "serving": s.serving} {
			if text != "" {
				one[key] = text
			}
		}
		list = append(list, one)
	}
	slices.SortFunc(list, func(a, b any) int {
		return strings.Compare(a.(map[string]any)["name"].(string), b.(map[string]any)["name"].(string))
	})
	return map[string]any{"regions": list}, nil
}
