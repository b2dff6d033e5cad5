package deploy

import (
	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// stopped is what was scaled to none. It is never changed in place.
type stopped struct {
	version   string  // that served; "" where none did
	instances float64 // that ran
}

// start lets the version that is released serve, with as many instances as ran
// before it was scaled to none.
func (r *release) start() {
	if r.stopped != nil {
		r.instances = r.stopped.instances
	}
	r.state, r.serving, r.instances, r.stopped = "active", r.version, max(r.instances, 1), nil
}

// scaled returns the release with so many instances.
func (r release) scaled(at place, n float64) (release, *effect.Error) {
	refused := func(why, hint string) (release, *effect.Error) {
		return r, effect.Errorf(effect.CodeConflict, "%s cannot be scaled to %g: %s; nothing changed", at, n, why).WithHint("%s", hint)
	}
	switch {
	case r.hosts != nil:
		return refused("it is several hosts, and what each of them runs is its own", "change which hosts there are")
	case r.assumed && r.state == "absent": // nobody knows what serves
		r.state = "released"
	case r.state == "absent":
		return refused("nothing is released there", "release a version first, with deploy.release")
	case r.serving == "" && r.stopped == nil && !r.assumed:
		return refused("what is released there has not been activated", "call deploy.activate first")
	case n > 0 && r.stopped != nil && r.stopped.version != r.version:
		return refused("version "+r.version+" waits there, and not what was stopped", "call deploy.activate, which starts it, or release the version of before again")
	}
	switch {
	case n > 0 && r.stopped != nil:
		r.serving, r.state, r.stopped = r.stopped.version, "active", nil
	case n == 0 && r.stopped == nil:
		r.stopped = &stopped{version: r.serving, instances: r.instances}
		r.serving, r.state = "", "released"
	}
	r.instances = n
	return r, nil
}
