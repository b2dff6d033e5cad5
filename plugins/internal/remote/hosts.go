// Package remote runs commands on hosts over SSH, with nothing installed there
// beside a POSIX shell and the usual tools of Linux. It knows of no module:
// plugins/ssh carries hosts by it, plugins/script deploys by it.
//
//   - settings.go   what a configuration says of hosts; inventory.go, ansible.go where from
//   - auth.go       who logs in; known.go who is believed
//   - pool.go       a connection to each host
//   - session.go    a script, there and back; script.go what scripts consist of
//   - record.go     Command, and the record that it leaves on its host
//   - run.go        Run: from a Command to its Ending
//   - each.go       on many hosts, and what came of it on each
//
// # How a command runs
//
// One session of a shared connection runs one shell script, which comes by the
// session's standard input, so that neither arguments nor secrets stand in the
// host's list of processes. The script speaks to the runner in lines of its
// standard error that begin with a word drawn at random for the call; see
// script.go.
//
// # How it is known what happened
//
// A command that may change something leaves a record on its host: a directory
// named after the effect's key. A symbolic link there, which the file system
// makes at once or not at all, says that an attempt has begun, another how it
// ended; output is kept beside them. The command does not depend on the
// connection: it goes on when that breaks, and is recorded all the same. Who
// asks later finds it ended, running, broken off, or not begun; then the
// attempt is made void, by the very link that it would have had to make, so
// that it cannot begin any more. See record.go.
package remote

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	contract "github.com/q-ecosystem/runbook/stdlib/hosts"
)

// Hosts are the hosts of an inventory, with a connection to each that was
// needed. Open returns them.
type Hosts struct {
	settings *settings
	pool     *pool
}

// Open reads a configuration as Fields declares it. Nothing is connected yet.
func Open(config map[string]any) (*Hosts, error) {
	s, err := newSettings(config)
	if err != nil {
		return nil, err
	}
	return &Hosts{s, newPool(s)}, nil
}

// Choose returns the hosts that these words mean, in the order of their names;
// see the module hosts.
func (h *Hosts) Choose(on []string) ([]*Host, *effect.Error) {
	all := make([]contract.Host, 0, len(h.settings.targets))
	for _, name := range sorted(h.settings.targets) {
		all = append(all, h.settings.targets[name].Host)
	}
	chosen, e := contract.Choose(all, on)
	if e != nil {
		return nil, e
	}
	out := make([]*Host, len(chosen))
	for i := range chosen {
		out[i] = h.settings.targets[chosen[i].Name]
	}
	return out, nil
}

// Await connects to a host, trying again for a while: what broke a connection
// often keeps the next one from being made at once.
func (h *Hosts) Await(ctx context.Context, t *Host) *effect.Error { return h.pool.await(ctx, t) }

// Health reports which of the hosts cannot be logged in to.
func (h *Hosts) Health(ctx context.Context, hosts []*Host) error {
	var mu sync.Mutex
	var bad []string
	var wg sync.WaitGroup
	turn := make(chan struct{}, usualLimit)
	for _, t := range hosts {
		wg.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			if _, e := h.pool.get(ctx, t); e != nil {
				mu.Lock()
				defer mu.Unlock()
				bad = append(bad, t.Name+": "+e.Message+withHint(e))
			}
		})
	}
	wg.Wait()
	if len(bad) == 0 {
		return nil
	}
	slices.Sort(bad)
	return effect.Errorf(effect.CodeUnavailable, "of %d hosts, %d cannot be used:\n%s", len(hosts), len(bad), strings.Join(bad, "\n"))
}

func withHint(e *effect.Error) string {
	if e.Hint == "" {
		return ""
	}
	return "; " + e.Hint
}
