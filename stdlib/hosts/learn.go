package hosts

import (
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// Needs implements effect.Learner: the inventory, and what is asked of the
// hosts, as long as the runbook has changed nothing.
func (x *Model) Needs(m effect.Moment, op string, args map[string]any) []effect.Reading {
	for _, h := range x.hosts {
		if !h.learned {
			return nil // a scenario says what there is
		}
	}
	needs := []effect.Reading{{Op: "list", Args: map[string]any{}}}
	switch {
	case op == "service" && !m.Dirty:
		needs = append(needs, effect.Reading{Op: "service", Args: map[string]any{"on": args["on"], "name": args["name"], "action": "status"}})
	case op == "read" && !m.Dirty:
		needs = append(needs, effect.Reading{Op: "read", Args: args})
	}
	return needs
}

// Learn implements effect.Learner.
func (x *Model) Learn(r effect.Reading, value any) error {
	got, _ := value.(map[string]any)
	if r.Op == "list" {
		hosts, _ := got["hosts"].([]any)
		for _, v := range hosts {
			told, _ := v.(map[string]any)
			name := plain.Str(told, "name")
			if x.hosts[name] == nil {
				x.hosts[name] = &machine{Host: Host{Name: name, Address: plain.Str(told, "address"), Groups: plain.List(told["groups"]), Labels: texts(told, "labels")},
					learned: true, services: map[string]string{}, since: map[string]time.Time{}, files: map[string]file{}, broken: map[string]bool{}}
			}
		}
		return nil
	}
	for name, v := range plain.Table(got, "hosts") {
		told, _ := v.(map[string]any)
		h := x.hosts[name]
		if h == nil || told["error"] != nil {
			continue
		}
		switch r.Op {
		case "service":
			unit := unitName(plain.Str(r.Args, "name"))
			h.services[unit] = plain.Str(told, "state")
			if since, ok := told["since"].(float64); ok {
				h.since[unit] = time.UnixMicro(int64(since * 1e6))
			}
		case "read":
			h.files[plain.Str(r.Args, "path")] = file{text: plain.Str(told, "text"), sum: plain.Str(told, "sha256"), size: plain.Num(told, "size"),
				known: true, mode: plain.Str(told, "mode"), owner: plain.Str(told, "owner")}
		}
	}
	return nil
}
