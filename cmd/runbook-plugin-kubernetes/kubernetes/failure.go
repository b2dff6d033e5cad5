package kubernetes

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func isNotFound(err error) bool { return apierrors.IsNotFound(err) && err != nil }

// certain reports whether an error is the API server's own word that nothing was
// done. What a proxy in between, a lost connection or a time that was up mean is
// not certain.
func certain(err error) bool {
	switch apierrors.ReasonForError(err) {
	case metav1.StatusReasonInvalid, metav1.StatusReasonForbidden, metav1.StatusReasonUnauthorized, metav1.StatusReasonNotFound, metav1.StatusReasonConflict,
		metav1.StatusReasonBadRequest, metav1.StatusReasonAlreadyExists, metav1.StatusReasonTooManyRequests, metav1.StatusReasonRequestEntityTooLarge:
		return true
	}
	return false
}

func (p *place) failure(ctx context.Context, what string, err error) *effect.Error {
	return p.failed(ctx, p.String(), what, err)
}

// failed is the error of a request that changed nothing.
func (c *cluster) failed(ctx context.Context, where, what string, err error) *effect.Error {
	const form = "%s: %s failed: %v; nothing changed"
	switch reason := apierrors.ReasonForError(err); {
	case reason == metav1.StatusReasonForbidden:
		return effect.Errorf(effect.CodeRefused, form, where, what, err).
			WithHint("the Role in the backend's page is what is needed; kubectl auth can-i --list -n %s shows what is allowed", c.namespace)
	case reason == metav1.StatusReasonUnauthorized:
		return effect.Errorf(effect.CodeRefused, form, where, what, err).WithHint("the credentials of the context are not accepted: renew them")
	case reason == metav1.StatusReasonInvalid || reason == metav1.StatusReasonBadRequest:
		return effect.Errorf(effect.CodeInvalid, form, where, what, err)
	case isNotFound(err):
		return effect.Errorf(effect.CodeNotFound, form, where, what, err).WithHint("check namespace and context in the configuration of deploy")
	case errors.Is(ctx.Err(), context.DeadlineExceeded) || errors.Is(ctx.Err(), context.Canceled):
		return effect.Errorf(effect.CodeTimeout, "%s: %s: the call ended before there was an answer", where, what).WithHint("check the API server and the way to it")
	}
	return effect.Errorf(effect.CodeUnavailable, form, where, what, err).
		WithHint("%s", fmt.Sprintf("check that the API server of %s can be reached from here", c.name))
}
