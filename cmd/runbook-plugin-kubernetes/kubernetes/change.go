package kubernetes

import (
	"context"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// change updates the Deployment as edit says, under the effect's key. Who else
// updates it meanwhile makes it begin anew with what is there then. edit may
// refuse.
func (c *call) change(ctx context.Context, mark string, edit func(d *appsv1.Deployment) *effect.Error) (*appsv1.Deployment, *effect.Error) {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		d, e := c.there(ctx)
		if e != nil {
			return nil, e
		}
		if e := edit(d); e != nil {
			return nil, e
		}
		if d.Annotations == nil {
			d.Annotations = map[string]string{}
		}
		d.Annotations[mark] = c.req.Key
		sent := d.ResourceVersion
		d, err := c.client.AppsV1().Deployments(c.namespace).Update(ctx, d, metav1.UpdateOptions{FieldManager: "runbook"})
		switch {
		case err == nil:
			return d, nil
		case apierrors.IsConflict(err):
			if !pause(ctx, wait) {
				return nil, effect.Errorf(effect.CodeConflict, "%s was changed by others again and again, until the call's time was up; nothing was changed by it", c).
					WithHint("see who does (kubectl get deployment -o yaml --show-managed-fields), and try again")
			}
			continue
		case certain(err):
			return nil, c.failure(ctx, "updating it", err)
		}
		return c.asked(ctx, mark, sent, err)
	}
}

// asked finds out whether an update was made whose answer was lost.
func (c *call) asked(ctx context.Context, mark, sent string, lost error) (*appsv1.Deployment, *effect.Error) {
	d, e := c.get(ctx)
	if e == nil && d != nil && d.Annotations[mark] == c.req.Key {
		return d, nil
	}
	// One that is still on its way fails if the Deployment has changed since; if
	// it has not, it may yet be made.
	if e == nil && (d == nil || d.ResourceVersion != sent) {
		return nil, effect.Errorf(effect.CodeUnavailable, "%s: the update got no answer (%v), and was not made", c, lost).WithHint("try it again")
	}
	return nil, effect.Errorf(effect.CodeUnknown, "%s: the update got no answer, and may be made yet: %v", c, lost).
		WithHint("a resume asks the cluster; or look there: kubectl -n %s get deployment %s -o yaml", c.namespace, c.deployment)
}

// pause waits, and reports whether there is time left.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
