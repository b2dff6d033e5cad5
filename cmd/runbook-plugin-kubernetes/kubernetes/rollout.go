package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

const (
	// every is how often a Deployment is looked at while something is awaited.
	every = 500 * time.Millisecond
	// stale is for how long nothing moves in a rollout that is taken for stuck.
	stale = 5 * time.Second
	// margin is kept free before the call's own deadline, to say how far it came.
	margin = 3 * time.Second
)

// withMargin ends a wait before the call's own end, so that there is time left to say
// how far it came.
func withMargin(ctx context.Context) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		return context.WithDeadline(ctx, deadline.Add(-margin))
	}
	return context.WithCancel(ctx)
}

// await looks at the Deployment until done says so, and tells progress. done
// returns how far it is, for people, and fails to end the wait.
func (c *call) await(ctx context.Context, done func(d *appsv1.Deployment) (bool, string, *effect.Error)) (*appsv1.Deployment, *effect.Error) {
	waits, cancel := withMargin(ctx)
	defer cancel()
	told := ""
	for {
		d, e := c.there(ctx)
		if e != nil && (e.Code != effect.CodeUnavailable || waits.Err() != nil) { // an API server may be away for a while
			return nil, e
		}
		if e == nil {
			ok, how, e := done(d)
			if ok || e != nil {
				return d, e
			}
			if how != told && c.req.Progress != nil {
				c.req.Progress(how)
			}
			told = how
		}
		if !pause(waits, every) {
			if errors.Is(ctx.Err(), context.Canceled) {
				return nil, effect.Errorf(effect.CodeUnknown, "%s: the call was canceled while the update was being rolled out: %s", c, told).
					WithHint("a resume waits for the rollout")
			}
			return nil, effect.Errorf(effect.CodeUnknown, "%s: the time was up, and the cluster is still at it: %s%s", c, told, c.troubles(ctx)).
				WithHint("the cluster goes on; a resume waits for it. kubectl -n %s rollout status deployment %s", c.namespace, c.deployment)
		}
	}
}

// rolledOut waits until all pods are of the last template, and available. What
// the controller says of a rollout that is stuck may be of the one before, until
// something moves.
func (c *call) rolledOut(ctx context.Context) (*standing, *effect.Error) {
	var moved time.Time
	last := ""
	d, e := c.await(ctx, func(d *appsv1.Deployment) (bool, string, *effect.Error) {
		if d.ResourceVersion != last {
			last, moved = d.ResourceVersion, time.Now()
		}
		if why := stuck(d); why != "" && !complete(d) && time.Since(moved) > stale {
			return false, "", effect.Errorf(effect.CodeFailed, "%s: the rollout does not get on: %s%s", c, why, c.troubles(ctx)).
				WithHint("what served before goes on in part; release and activate the version of before, or see kubectl -n %s describe deployment %s", c.namespace, c.deployment)
		}
		if d.Spec.Paused {
			return false, "", effect.Errorf(effect.CodeFailed, "%s: somebody has paused the rollout meanwhile", c).
				WithHint("find out who and why; deploy.activate resumes it")
		}
		return complete(d), fmt.Sprintf("%d of %d pods updated, %d available, %d of before left", d.Status.UpdatedReplicas, replicas(d), d.Status.AvailableReplicas, d.Status.Replicas-d.Status.UpdatedReplicas), nil
	})
	if e != nil {
		return nil, e
	}
	return c.standing(ctx, d)
}

// emptied waits until no pod is left.
func (c *call) emptied(ctx context.Context) (*standing, *effect.Error) {
	d, e := c.await(ctx, func(d *appsv1.Deployment) (bool, string, *effect.Error) {
		if replicas(d) > 0 {
			return false, "", effect.Errorf(effect.CodeFailed, "%s: somebody has scaled it up again meanwhile", c).WithHint("find out who (an autoscaler?) and why")
		}
		return d.Status.ObservedGeneration >= d.Generation && d.Status.Replicas == 0, fmt.Sprintf("%d pods left", d.Status.Replicas), nil
	})
	if e != nil {
		return nil, e
	}
	return c.standing(ctx, d)
}

// seen waits until the controller has taken note of an update.
func (c *call) seen(ctx context.Context, update *appsv1.Deployment) (*standing, *effect.Error) {
	d, e := c.await(ctx, func(d *appsv1.Deployment) (bool, string, *effect.Error) {
		return d.Status.ObservedGeneration >= update.Generation, "the deployment controller has not taken note yet", nil
	})
	if e != nil {
		return nil, e
	}
	return c.standing(ctx, d)
}

// troubles says what keeps pods from being ready, as far as it is told.
func (c *call) troubles(ctx context.Context) string {
	d, e := c.get(ctx)
	if e != nil || d == nil {
		return ""
	}
	list, err := c.client.CoreV1().Pods(c.namespace).List(ctx, metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(d.Spec.Selector)})
	if err != nil {
		return ""
	}
	var lines []string
	for i := range list.Items {
		if why := trouble(&list.Items[i]); why != "" {
			lines = append(lines, "pod "+list.Items[i].Name+": "+why)
		}
	}
	slices.Sort(lines)
	const most = 5
	if len(lines) > most {
		lines = append(lines[:most], fmt.Sprintf("and %d more", len(lines)-most))
	}
	if len(lines) == 0 {
		return ""
	}
	return "\n" + strings.Join(lines, "\n")
}

// trouble says why a pod is not ready: what its containers wait for, or what
// keeps it from being scheduled.
func trouble(p *corev1.Pod) string {
	for _, s := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		switch {
		case s.State.Waiting != nil && s.State.Waiting.Reason != "ContainerCreating" && s.State.Waiting.Reason != "PodInitializing":
			return strings.TrimSuffix(s.Name+": "+s.State.Waiting.Reason+": "+s.State.Waiting.Message, ": ")
		case s.State.Terminated != nil && s.State.Terminated.ExitCode != 0:
			return fmt.Sprintf("%s: ended with exit code %d (%s)", s.Name, s.State.Terminated.ExitCode, s.State.Terminated.Reason)
		}
	}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return c.Reason + ": " + c.Message
		}
	}
	return ""
}
