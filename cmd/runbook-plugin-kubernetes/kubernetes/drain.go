package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// evictEvery is how often what is held up is asked for again.
const evictEvery = time.Second

// drain asks for each pod's eviction, which keeps to PodDisruptionBudgets, until
// none is left.
func (n *machine) drain(ctx context.Context) *effect.Error {
	waits := ctx
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		waits, cancel = context.WithDeadline(ctx, deadline.Add(-margin))
		defer cancel()
	}
	first, told := true, ""
	var left []string // for people
	for {
		pods, e := n.toMove(ctx)
		switch {
		case e != nil && (first || e.Code != effect.CodeUnavailable || waits.Err() != nil): // an API server may be away for a while
			return e
		case e == nil && len(pods) == 0:
			return nil
		case e == nil && first:
			if e := n.lossless(pods); e != nil {
				return e
			}
		}
		if e == nil {
			first = false
			if left, e = n.evict(ctx, pods); e != nil {
				return e
			}
		}
		if now := summary(left); now != told && n.req.Progress != nil {
			n.req.Progress(now)
			told = now
		}
		if !pause(waits, evictEvery) {
			code := effect.CodeFailed
			if errors.Is(ctx.Err(), context.Canceled) {
				code = effect.CodeUnknown
			}
			e := effect.Errorf(code, "%s: the time was up, and %d pods are left there:\n%s", n, len(left), strings.Join(most(left), "\n")).
				WithHint("it stays cordoned. Let what a budget holds up run elsewhere first (deploy.scale), then drain it again; or call deploy.uncordon")
			e.Retryable = true
			return e
		}
	}
}

// toMove returns the pods that are left on the node, which has to be cordoned.
func (n *machine) toMove(ctx context.Context) ([]corev1.Pod, *effect.Error) {
	node, e := n.get(ctx)
	if e != nil {
		return nil, e
	}
	if !node.Spec.Unschedulable {
		return nil, effect.Errorf(effect.CodeConflict, "%s is open, so that pods would come back to it while it is drained", n).
			WithHint("call deploy.cordon { node = %q } first, with an on_rollback that calls deploy.uncordon", n.node)
	}
	return n.movable(ctx)
}

// lossless refuses pods that an eviction would end for good, unless the call
// allows it.
func (n *machine) lossless(pods []corev1.Pod) *effect.Error {
	if n.req.Args["lossy"] == true {
		return nil
	}
	var lost []string
	for i := range pods {
		p := &pods[i]
		if p.DeletionTimestamp != nil {
			continue
		}
		if metav1.GetControllerOf(p) == nil {
			lost = append(lost, fmt.Sprintf("pod %s/%s: nothing starts it again elsewhere", p.Namespace, p.Name))
			continue
		}
		for _, v := range p.Spec.Volumes {
			if v.EmptyDir != nil {
				lost = append(lost, fmt.Sprintf("pod %s/%s: it keeps data on the node (emptyDir %s)", p.Namespace, p.Name, v.Name))
				break
			}
		}
	}
	if len(lost) == 0 {
		return nil
	}
	slices.Sort(lost)
	return effect.Errorf(effect.CodeConflict, "%s: %d pods would lose something; nothing changed:\n%s", n, len(lost), strings.Join(most(lost), "\n")).
		WithHint("see to them first, or write lossy = true if that may be lost")
}

// evict asks for the eviction of each pod that does not end already, and says of
// each why it is still there. What the cluster will never do is an error.
func (n *machine) evict(ctx context.Context, pods []corev1.Pod) ([]string, *effect.Error) {
	var left []string
	for i := range pods {
		p := &pods[i]
		why := "ends"
		if p.DeletionTimestamp == nil {
			err := n.client.CoreV1().Pods(p.Namespace).EvictV1(ctx, &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: p.Name},
				DeleteOptions: &metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(p.UID))}})
			switch {
			case err == nil:
			case isNotFound(err), apierrors.IsConflict(err): // it is gone, or another one by now
				continue
			case apierrors.IsTooManyRequests(err):
				why = held(err)
			case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
				why = "its namespace ends"
			case certain(err), apierrors.IsInternalError(err): // as where several budgets are about one pod
				e := n.failed(ctx, n.String(), fmt.Sprintf("the eviction of pod %s/%s", p.Namespace, p.Name), err)
				e.Message = strings.TrimSuffix(e.Message, "; nothing changed") + "; it stays cordoned, and what was evicted before is gone from it"
				return nil, e
			default:
				why = err.Error()
			}
		}
		left = append(left, fmt.Sprintf("pod %s/%s: %s", p.Namespace, p.Name, why))
	}
	slices.Sort(left)
	return left, nil
}

// held says which budget holds an eviction up.
func held(err error) string {
	var status apierrors.APIStatus
	if errors.As(err, &status) && status.Status().Details != nil {
		for _, c := range status.Status().Details.Causes {
			if c.Type == policyv1.DisruptionBudgetCause {
				return c.Message
			}
		}
	}
	return err.Error()
}

// summary says in one line what is left.
func summary(left []string) string {
	waiting := slices.DeleteFunc(slices.Clone(left), func(l string) bool { return strings.HasSuffix(l, ": ends") })
	text := fmt.Sprintf("%d pods left", len(left))
	if len(waiting) > 0 {
		text += fmt.Sprintf(", %d held up: %s", len(waiting), waiting[0])
	}
	return text
}

// most shortens a list for people.
func most(lines []string) []string {
	const n = 10
	if len(lines) <= n {
		return lines
	}
	return append(slices.Clone(lines[:n]), fmt.Sprintf("and %d more", len(lines)-n))
}
