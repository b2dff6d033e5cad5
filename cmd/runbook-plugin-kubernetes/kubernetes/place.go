package kubernetes

import (
	"context"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

// place is the Deployment of an environment in a region.
type place struct {
	*cluster
	settings    *settings
	deployment  string
	env, region string
}

// call is one op at one place.
type call struct {
	*place
	req plugins.Request
}

func (s *settings) place(args map[string]any) (*place, *effect.Error) {
	p := &place{settings: s, env: s.env, region: s.region}
	if env := str(args, "env"); env != "" {
		p.env = env
	}
	if region := str(args, "region"); region != "" {
		p.region = region
	}
	var e *effect.Error
	if p.cluster, e = s.cluster(p.region); e != nil {
		return nil, e
	}
	if strings.Contains(s.deployment, "{env}") && p.env == "" {
		return nil, effect.Errorf(effect.CodeInvalid, "which Deployment is meant hangs on env (%s), and the call names none; nothing was sent", s.deployment).
			WithHint(`write env = "production", or set environment in the configuration of deploy`)
	}
	p.deployment = strings.ReplaceAll(s.deployment, "{env}", p.env)
	return p, nil
}

// cluster returns that of a region.
func (s *settings) cluster(region string) (*cluster, *effect.Error) {
	c := s.clusters[region]
	switch {
	case c != nil:
		return c, nil
	case region == "":
		return nil, effect.Errorf(effect.CodeInvalid, "the call names no region, and the configuration no context for such calls; nothing was sent").
			WithHint("write region = …, or set region or context in the configuration of deploy")
	}
	return nil, effect.Errorf(effect.CodeNotFound, "the configuration has no region %q; nothing was sent", region).
		WithHint("it has %s", strings.Join(s.clusterNames(), ", "))
}

// String names the Deployment for people.
func (p *place) String() string {
	return fmt.Sprintf("deployment %s/%s of %s", p.namespace, p.deployment, p.name)
}

// get reads the Deployment; nil if there is none.
func (p *place) get(ctx context.Context) (*appsv1.Deployment, *effect.Error) {
	d, err := p.client.AppsV1().Deployments(p.namespace).Get(ctx, p.deployment, metav1.GetOptions{})
	switch {
	case isNotFound(err):
		return nil, nil
	case err != nil:
		return nil, p.failure(ctx, "reading it", err)
	}
	return d, nil
}

// there is get for who needs the Deployment.
func (p *place) there(ctx context.Context) (*appsv1.Deployment, *effect.Error) {
	d, e := p.get(ctx)
	if e == nil && d == nil {
		e = effect.Errorf(effect.CodeNotFound, "there is no %s; nothing changed", p).
			WithHint("apply its manifest first; runbook changes its image, and makes none")
	}
	return d, e
}

// container returns the one that holds the version.
func (p *place) container(spec *corev1.PodSpec) (*corev1.Container, *effect.Error) {
	return p.settings.containerOf(spec, p)
}

// containerOf returns the container of what's pods that holds the version.
func (s *settings) containerOf(spec *corev1.PodSpec, what fmt.Stringer) (*corev1.Container, *effect.Error) {
	name := s.container
	if name == "" && len(spec.Containers) == 1 {
		return &spec.Containers[0], nil
	}
	i := slices.IndexFunc(spec.Containers, func(c corev1.Container) bool { return c.Name == name })
	if i >= 0 {
		return &spec.Containers[i], nil
	}
	names := make([]string, len(spec.Containers))
	for i := range spec.Containers {
		names[i] = spec.Containers[i].Name
	}
	why := fmt.Sprintf("has no container %s", name)
	if name == "" {
		why = "has several containers, and the configuration does not say which one holds the version"
	}
	return nil, effect.Errorf(effect.CodeInvalid, "%s %s; nothing changed", what, why).WithHint("set container to one of %s", strings.Join(names, ", "))
}

// healthy reports whether the cluster answers, has the namespace and lets
// Deployments be read. One that is not there lists as an empty one does; whether it
// is, who may not read it cannot tell.
func (c *cluster) healthy(ctx context.Context) *effect.Error {
	where := fmt.Sprintf("namespace %s of %s", c.namespace, c.name)
	if _, err := c.client.CoreV1().Namespaces().Get(ctx, c.namespace, metav1.GetOptions{}); err != nil && !apierrors.IsForbidden(err) {
		return c.failed(ctx, where, "looking for it", err)
	}
	if _, err := c.client.AppsV1().Deployments(c.namespace).List(ctx, metav1.ListOptions{Limit: 1}); err != nil {
		return c.failed(ctx, where, "listing Deployments", err)
	}
	return nil
}
