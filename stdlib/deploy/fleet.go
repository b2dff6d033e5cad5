package deploy

import (
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// host is what stands on one of several hosts of a place.
type host struct {
	release
	tells bool // how many instances it runs; it counts as one that serves otherwise
}

func hostsOf(table map[string]any) map[string]host {
	out := map[string]host{}
	for name := range table {
		of := plain.Table(table, name)
		_, tells := of["instances"]
		out[name] = host{releaseOf(of), tells}
	}
	return out
}

// change returns the release with something done to it: on all of its hosts, if
// it has such.
func (r release) change(do func(*release)) release {
	if r.hosts == nil {
		do(&r)
		return r
	}
	hosts := map[string]host{}
	for name, h := range r.hosts {
		do(&h.release)
		hosts[name] = h
	}
	return together(hosts, r.assumed)
}

// together returns what hosts are together: a field that is not the same on all
// is empty.
func together(hosts map[string]host, assumed bool) release {
	same := func(of func(release) string) string {
		first, differ := "", false
		for i, name := range plain.SortedNames(hosts) {
			if is := of(hosts[name].release); i == 0 {
				first = is
			} else if is != first {
				differ = true
			}
		}
		if differ {
			return ""
		}
		return first
	}
	r := release{hosts: hosts, assumed: assumed, version: same(func(r release) string { return r.version }), previous: same(func(r release) string { return r.previous }),
		serving: same(func(r release) string { return r.serving }), state: same(func(r release) string { return r.state })}
	failed := false
	for _, h := range hosts {
		failed = failed || h.state == "failed"
		switch {
		case h.tells:
			r.instances += h.instances
		case h.serving != "":
			r.instances++
		}
	}
	switch {
	case failed:
		r.state = "failed"
	case r.state == "absent":
	case r.version == "":
		r.state = "mixed"
	case r.state == "": // it serves on some hosts, and not yet on others
		r.state = "released"
	}
	return r
}

// toldHosts returns hosts in the form of deploy.status.
func toldHosts(hosts map[string]host) map[string]any {
	out := map[string]any{}
	for name, h := range hosts {
		one := h.shown()
		if !h.tells {
			delete(one, "instances")
		}
		out[name] = one
	}
	return out
}
