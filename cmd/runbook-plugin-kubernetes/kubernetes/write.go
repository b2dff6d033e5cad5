package kubernetes

import (
	"context"
	"maps"
	"slices"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// release implements the op: the image is set and the rollout paused, so that
// nothing serves that was not activated.
func (c *call) release(ctx context.Context) (*standing, *effect.Error) {
	version := str(c.req.Args, "version")
	d, e := c.change(ctx, releasedBy, func(d *appsv1.Deployment) *effect.Error {
		k, e := c.container(&d.Spec.Template.Spec)
		if e != nil {
			return e
		}
		was := c.settings.version(k.Image)
		gone := d.Annotations[decommissionedBy] != "" && replicas(d) == 0
		settings, _ := c.req.Args["set"].(map[string]any)
		if !gone && was == version && !differs(k, settings) {
			return nil // it is there: a rollout that is under way goes on
		}
		d.Spec.Paused = true
		k.Image = c.settings.image(version)
		apply(k, settings)
		note := d.Annotations
		if note == nil {
			note = map[string]string{}
		}
		if gone {
			n, err := strconv.ParseInt(note[replicasBefore], 10, 32)
			if err != nil || n < 1 {
				n = 1
			}
			// The pods come with activate, as all others do: a Deployment of none has no
			// rollout that could be held.
			note[replicasBefore] = strconv.FormatInt(n, 10)
			delete(note, decommissionedBy)
			delete(note, previousVersion)
		} else if was != version {
			note[previousVersion] = was
		}
		d.Annotations = note
		return nil
	})
	if e != nil {
		return nil, e
	}
	return c.seen(ctx, d)
}

// differs reports whether a container lacks settings of a release.
func differs(k *corev1.Container, settings map[string]any) bool {
	for name, value := range settings {
		if !slices.ContainsFunc(k.Env, func(v corev1.EnvVar) bool { return v.Name == name && v.Value == value && v.ValueFrom == nil }) {
			return true
		}
	}
	return false
}

// apply makes settings variables of the container's environment.
func apply(k *corev1.Container, settings map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		set := corev1.EnvVar{Name: name, Value: str(settings, name)}
		if i := slices.IndexFunc(k.Env, func(v corev1.EnvVar) bool { return v.Name == name }); i >= 0 {
			k.Env[i] = set
		} else {
			k.Env = append(k.Env, set)
		}
	}
}

// activate implements the op: the rollout is resumed, and its end awaited.
func (c *call) activate(ctx context.Context) (*standing, *effect.Error) {
	_, e := c.change(ctx, activatedBy, func(d *appsv1.Deployment) *effect.Error {
		if d.Annotations[decommissionedBy] != "" && replicas(d) == 0 {
			return effect.Errorf(effect.CodeConflict, "nothing that could be activated is released at %s: it was decommissioned; nothing changed", c).
				WithHint("release a version first, with deploy.release")
		}
		d.Spec.Paused = false
		if n, err := strconv.ParseInt(d.Annotations[replicasBefore], 10, 32); err == nil && replicas(d) == 0 {
			back := int32(n)
			d.Spec.Replicas = &back
			delete(d.Annotations, replicasBefore)
		}
		delete(d.Annotations, stoppedBy)
		if replicas(d) == 0 {
			return effect.Errorf(effect.CodeConflict, "%s is scaled to 0: nothing that could serve would be started; nothing changed", c).
				WithHint("call deploy.scale { instances = N } first")
		}
		return nil
	})
	if e != nil && e.Code == effect.CodeNotFound {
		e.Code = effect.CodeConflict // as of all that holds no release
	}
	if e != nil {
		return nil, e
	}
	return c.rolledOut(ctx)
}

// decommission implements the op: no pod is left. The Deployment stays, for
// nothing here could make it again.
func (c *call) decommission(ctx context.Context) (*standing, *effect.Error) {
	d, e := c.get(ctx)
	if e != nil {
		return nil, e
	}
	if d == nil {
		return &standing{state: "absent"}, nil
	}
	_, e = c.change(ctx, decommissionedBy, func(d *appsv1.Deployment) *effect.Error {
		k, e := c.container(&d.Spec.Template.Spec)
		if e != nil {
			return e
		}
		if d.Annotations[decommissionedBy] != "" && replicas(d) == 0 {
			return nil
		}
		note := d.Annotations
		if note == nil {
			note = map[string]string{}
		}
		if n := replicas(d); n > 0 {
			note[replicasBefore] = strconv.Itoa(int(n))
		}
		note[previousVersion] = c.settings.version(k.Image)
		delete(note, stoppedBy)
		d.Annotations = note
		none := int32(0)
		d.Spec.Replicas = &none
		return nil
	})
	if e != nil {
		return nil, e
	}
	return c.emptied(ctx)
}

// observe reports whether the call was carried out. A rollout that is under way
// is awaited; one that has failed is sent again, which tells why.
func (c *call) observe(ctx context.Context) (bool, *standing, *effect.Error) {
	d, e := c.get(ctx)
	if e != nil {
		return false, nil, e
	}
	mark := map[string]string{"release": releasedBy, "activate": activatedBy, "decommission": decommissionedBy, "scale": scaledBy}[c.req.Op]
	if d == nil {
		return c.req.Op == "decommission", &standing{state: "absent"}, nil
	}
	if d.Annotations[mark] != c.req.Key {
		return false, nil, nil
	}
	var now *standing
	switch c.req.Op {
	case "release":
		now, e = c.seen(ctx, d)
	case "activate":
		now, e = c.rolledOut(ctx)
	case "decommission":
		now, e = c.emptied(ctx)
	case "scale":
		now, e = c.scaledTo(ctx)
	}
	if e != nil && e.Code == effect.CodeFailed && c.req.Op == "activate" {
		if d, _ := c.get(ctx); d != nil && !d.Spec.Paused { // what somebody holds on purpose is not resumed
			return false, nil, nil
		}
	}
	return e == nil, now, e
}
