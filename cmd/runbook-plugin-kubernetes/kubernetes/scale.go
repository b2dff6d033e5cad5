package kubernetes

import (
	"context"
	"fmt"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// scale implements the op: the Deployment's size is set, and the pods awaited.
func (c *call) scale(ctx context.Context) (*standing, *effect.Error) {
	want := c.wanted()
	refused := func(why, hint string) *effect.Error {
		return effect.Errorf(effect.CodeConflict, "%s cannot be scaled to %d: %s; nothing changed", c, want, why).WithHint("%s", hint)
	}
	_, e := c.change(ctx, scaledBy, func(d *appsv1.Deployment) *effect.Error {
		now := replicas(d)
		switch stopped := d.Annotations[stoppedBy] != ""; {
		case now == 0 && d.Annotations[decommissionedBy] != "":
			return refused("it was decommissioned", "release a version first, with deploy.release")
		case now == 0 && d.Spec.Paused && !stopped:
			return refused("what is released there has not been activated", "call deploy.activate first")
		case now == 0 && d.Spec.Paused && want > 0:
			// The controller would start the pods that were made last, whatever served.
			there, e := c.hasSet(ctx, d)
			if e != nil {
				return e
			}
			if !there {
				return refused("a release waits there, and not what was stopped", "call deploy.activate, which starts it, or release the version of before again")
			}
		}
		if d.Annotations == nil {
			d.Annotations = map[string]string{}
		}
		switch {
		case want == 0 && now > 0:
			d.Annotations[replicasBefore], d.Annotations[stoppedBy] = strconv.Itoa(int(now)), c.req.Key
		case want > 0:
			delete(d.Annotations, replicasBefore)
			delete(d.Annotations, stoppedBy)
		}
		d.Spec.Replicas = &want
		return nil
	})
	if e != nil && e.Code == effect.CodeNotFound {
		e.Code = effect.CodeConflict // as of all that holds no release
	}
	if e != nil {
		return nil, e
	}
	return c.scaledTo(ctx)
}

func (c *call) wanted() int32 {
	n, _ := c.req.Args["instances"].(float64)
	return int32(n)
}

// hasSet reports whether there have been pods of the Deployment's template.
func (c *call) hasSet(ctx context.Context, d *appsv1.Deployment) (bool, *effect.Error) {
	sets, e := c.replicaSets(ctx, d)
	if e != nil {
		return false, e
	}
	for i := range sets {
		template := sets[i].Spec.Template.DeepCopy()
		delete(template.Labels, appsv1.DefaultDeploymentUniqueLabelKey)
		if apiequality.Semantic.DeepEqual(template, &d.Spec.Template) {
			return true, nil
		}
	}
	return false, nil
}

// scaledTo waits until as many pods are available as are wanted.
func (c *call) scaledTo(ctx context.Context) (*standing, *effect.Error) {
	want := c.wanted()
	var moved time.Time
	last := ""
	d, e := c.await(ctx, func(d *appsv1.Deployment) (bool, string, *effect.Error) {
		if d.ResourceVersion != last {
			last, moved = d.ResourceVersion, time.Now()
		}
		done := d.Status.ObservedGeneration >= d.Generation && d.Status.Replicas == want && d.Status.AvailableReplicas == want
		switch why := stuck(d); {
		case replicas(d) != want:
			return false, "", effect.Errorf(effect.CodeFailed, "%s: somebody has scaled it to %d meanwhile", c, replicas(d)).WithHint("find out who (an autoscaler?) and why")
		case why != "" && !done && time.Since(moved) > stale:
			return false, "", effect.Errorf(effect.CodeFailed, "%s: it does not get to %d pods: %s%s", c, want, why, c.troubles(ctx)).
				WithHint("see kubectl -n %s describe deployment %s", c.namespace, c.deployment)
		}
		return done, fmt.Sprintf("%d pods, %d available, wanted are %d", d.Status.Replicas, d.Status.AvailableReplicas, want), nil
	})
	if e != nil {
		return nil, e
	}
	return c.standing(ctx, d)
}
