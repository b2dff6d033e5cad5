package lab

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/q-ecosystem/runbook/examples/lab/systems"
	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// All is what Options.With says for everything that is installed.
const All = "all"

// kind is a system that a lab can have beside its own parts. Those that need no
// program are always there.
type kind struct {
	name   string
	always bool
	make   func(l *Lab) (systems.System, error)
}

// registry returns all of them, in the order in which they are told. A new one
// is a type of package systems and a line here.
func registry() []kind {
	in := func(name string, of func(dir string) systems.System) func(*Lab) (systems.System, error) {
		return func(l *Lab) (systems.System, error) { return of(l.claim.path(systemsDir, name)), nil }
	}
	return []kind{
		{"pager", true, in("pager", func(string) systems.System { return &systems.Pager{} })},
		{"status page", true, in("status", func(string) systems.System { return &systems.StatusPage{Token: rand.Text()} })},
		{"dns", false, in("dns", func(dir string) systems.System { return &systems.BIND{Dir: dir, Resolver: true} })},
		{"postgres", false, func(l *Lab) (systems.System, error) {
			dir, err := l.claim.open("postgres")
			if err != nil {
				return nil, err
			}
			return &systems.Postgres{Dir: dir, Password: rand.Text(), StartNode: l.order("heal"), HaltNode: l.order("stop")}, nil
		}},
		{"ssh", false, in("ssh", func(dir string) systems.System { return &systems.SSH{Dir: dir, Hosts: []string{"web-1", "web-2"}} })},
		{"ipfs", false, in("ipfs", func(string) systems.System { return &systems.IPFS{} })},
		{"prometheus", false, func(l *Lab) (systems.System, error) {
			services := map[string]string{}
			for name, s := range l.services {
				services[name] = s.port.addr
			}
			return &systems.Monitoring{Dir: l.claim.path(systemsDir, "monitoring"), Services: services, Environment: "prometheus",
				Webhook: strings.TrimSuffix(l.info.Webhook, "/hook") + "/alerts"}, nil
		}},
		{"sqlite", true, in("sqlite", func(dir string) systems.System { return &systems.SQLite{Dir: dir, Environment: "sqlite"} })},
		{"mariadb", false, func(l *Lab) (systems.System, error) {
			dir, err := l.claim.open("mariadb")
			if err != nil {
				return nil, err
			}
			return &systems.MariaDB{Dir: dir, Password: rand.Text(), Environment: "mariadb"}, nil
		}},
		{"files", true, in("files", func(dir string) systems.System { return &systems.Files{Dir: dir} })},
	}
}

// Systems returns the names of those that Options.With can ask for.
func Systems() []string {
	var names []string
	for _, k := range registry() {
		if !k.always {
			names = append(names, k.name)
		}
	}
	return names
}

// part is a system of a running lab.
type part struct {
	name   string
	system systems.System
}

// Absent is a system that was asked for and is left out.
type Absent struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// startSystems starts what is asked for, all at once. What is not installed, or
// does not start, is left out; if it was asked for by name, that is an error.
func (l *Lab) startSystems(ctx context.Context, with []string) error {
	for _, name := range with {
		if name != All && !slices.Contains(Systems(), name) {
			hint := effect.DidYouMean(name, append(Systems(), All))
			if hint == "" {
				hint = "there are " + strings.Join(Systems(), ", ") + ", or " + All
			}
			return fmt.Errorf("start lab: there is no system %q: %s", name, hint)
		}
	}
	type started struct {
		part
		err error
	}
	kinds := registry()
	came := make([]started, len(kinds))
	var starting sync.WaitGroup
	for i, k := range kinds {
		if !k.always && !slices.Contains(with, k.name) && !slices.Contains(with, All) {
			continue
		}
		s, err := k.make(l)
		if err != nil {
			return err
		}
		if missing := s.Missing(); missing != nil {
			came[i].err = errors.New(missing.String())
			continue
		}
		came[i].part = part{k.name, s}
		l.closers = append(l.closers, s.Stop)
		starting.Go(func() {
			if came[i].err = s.Start(ctx); came[i].err != nil {
				s.Stop()
			}
		})
	}
	starting.Wait()
	for i, k := range kinds {
		switch err := came[i].err; {
		case err != nil && (k.always || slices.Contains(with, k.name) || ctx.Err() != nil):
			return fmt.Errorf("start lab: %s: %w", k.name, err)
		case err != nil:
			l.info.Absent = append(l.info.Absent, Absent{k.name, err.Error()})
		case came[i].system != nil:
			l.parts = append(l.parts, came[i].part)
			l.info.Systems = append(l.info.Systems, came[i].system.Describe().Lines...)
		}
	}
	return nil
}

// order returns what makes the command that tells this lab to do something to a
// node.
func (l *Lab) order(verb string) func(node string) []string {
	return func(node string) []string { return []string{thisProgram(), "lab", verb, node, "--dir", l.claim.dir} }
}

// pager returns the pager.
func (l *Lab) pager() *systems.Pager {
	for _, p := range l.parts {
		if found, ok := p.system.(*systems.Pager); ok {
			return found
		}
	}
	return nil
}

// incidents returns what customers would read on the status page.
func (l *Lab) incidents() []systems.Incident {
	for _, p := range l.parts {
		if found, ok := p.system.(*systems.StatusPage); ok {
			return found.Incidents()
		}
	}
	return nil
}

// NodeState is what there is to know about a node of a system.
type NodeState struct {
	Name string `json:"name"`
	Up   bool   `json:"up"`
}

// nodes returns the nodes of all systems.
func (l *Lab) nodes() []NodeState {
	out := []NodeState{}
	for _, p := range l.parts {
		if b, ok := p.system.(systems.Breakable); ok {
			for _, name := range b.Nodes() {
				out = append(out, NodeState{name, b.Alive(name)})
			}
		}
	}
	return out
}

// SetNode kills a node ("down"), stops it in an orderly way ("stop"), or starts
// it again ("heal"). Where it is so already, nothing happens.
func (l *Lab) SetNode(ctx context.Context, node, verb string) error {
	var owner systems.Breakable
	names := environments()
	for _, p := range l.parts {
		b, ok := p.system.(systems.Breakable)
		if ok && slices.Contains(b.Nodes(), node) {
			owner = b
		}
		if ok {
			names = append(names, b.Nodes()...)
		}
	}
	if owner == nil {
		hint := effect.DidYouMean(node, names)
		if hint == "" {
			hint = "there are " + strings.Join(names, ", ")
		}
		return notFound("%s: there is no environment and no node %q: %s", verb, node, hint)
	}
	l.changing.Lock()
	defer l.changing.Unlock()
	if l.ctx.Err() != nil {
		return conflict("%s %s: the lab ends", verb, node)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.ctx, cancel)()
	var err error
	switch verb {
	case "down":
		err = owner.Kill(node)
	case "stop":
		err = owner.Halt(ctx, node)
	case "heal":
		err = owner.Revive(ctx, node)
	default:
		return badRequest("%s %s: write down, stop or heal", verb, node)
	}
	if err == nil {
		l.logf("%s: %s", node, verb)
	}
	return err
}

// Acknowledge lets a person take on all open pages.
func (l *Lab) Acknowledge(person string) error {
	if person == "" {
		return badRequest("acknowledge: nobody is named")
	}
	n := l.pager().Acknowledge(person)
	if n == 0 {
		return conflict("acknowledge: nobody is being called: every page is taken on")
	}
	l.logf("%s takes %d page(s) on", person, n)
	return nil
}
