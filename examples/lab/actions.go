package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/q-ecosystem/runbook/examples/lab/systems"
	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// settleTime bounds the wait for the proxy to see what a change did.
const settleTime = 5 * time.Second

// State is all there is to know about a lab at one time.
type State struct {
	Info
	Environments map[string]ServiceState `json:"environments"`
	Servers      []ServerState           `json:"servers"`
	Rate         int                     `json:"rate"` // of the steady load
	Load         Stats                   `json:"load"`
	Messages     []Message               `json:"messages"`
	Pages        []systems.Page          `json:"pages"`
	Incidents    []systems.Incident      `json:"incidents"` // on the status page
	Nodes        []NodeState             `json:"nodes"`
}

// State returns the lab's state.
func (l *Lab) State() State {
	st := State{Info: l.info, Environments: map[string]ServiceState{}, Servers: l.pool.state(), Load: l.Load(),
		Messages: l.Messages(), Pages: l.pager().Pages(), Incidents: l.incidents(), Nodes: l.nodes()}
	st.Rate, _ = l.load.current()
	for name, s := range l.services {
		st.Environments[name] = s.state()
	}
	return st
}

// Deploy replaces the version of an environment, which takes about half a
// second without service there, and waits until the proxy sees the new one up.
// If ctx ends first, the deployment goes on all the same.
func (l *Lab) Deploy(ctx context.Context, env, version string) error {
	s, err := l.service("deploy", env)
	if err != nil {
		return err
	}
	if err := s.deploy(l.ctx, version); err != nil {
		return err
	}
	l.served(env, version)
	l.logf("%s serves %s", env, version)
	return l.settle(ctx, env, true)
}

// Decommission takes the version of an environment away. It is refused while
// the proxy sends requests there.
func (l *Lab) Decommission(env string) error {
	s, err := l.service("decommission", env)
	if err != nil {
		return err
	}
	member, serving := l.pool.find(env), false
	l.pool.read(func(time.Time) { serving = member.usable() })
	if serving {
		return conflict("decommission %s: it takes traffic of pool %s: move that away first", env, l.pool.name)
	}
	if err := s.decommission(); err != nil {
		return err
	}
	l.served(env, "")
	l.logf("%s is decommissioned", env)
	return nil
}

// SetFault breaks or heals an environment. When it went down or came up, it
// waits until the proxy sees that.
func (l *Lab) SetFault(ctx context.Context, env string, f Fault) error {
	s, err := l.service("set fault", env)
	if err != nil {
		return err
	}
	before := s.state().Fault.Down
	if err := s.setFault(f); err != nil {
		return err
	}
	after := s.state()
	l.logf("%s: fault %s", env, after.Fault)
	if before != after.Fault.Down && after.Version != "" {
		return l.settle(ctx, env, !after.Fault.Down)
	}
	return nil
}

// SetRate changes the steady load, in requests a second; 0 pauses it.
func (l *Lab) SetRate(rate int) error { return l.load.setRate(rate) }

// LoadRequest asks for a load test of one environment, past the proxy.
type LoadRequest struct {
	Env      string `json:"env,omitempty"`      // the environment to test, or
	URL      string `json:"url,omitempty"`      // a URL on this machine
	Duration string `json:"duration,omitempty"` // "5s" if empty; at most ten minutes
	Rate     int    `json:"rate,omitempty"`     // requests a second; DefaultRate if 0
}

// LoadTest sends requests for a while and tells how they fared.
func (l *Lab) LoadTest(ctx context.Context, r LoadRequest) (Stats, error) {
	target, err := l.target(r)
	if err != nil {
		return Stats{}, err
	}
	if r.Duration == "" {
		r.Duration = "5s"
	}
	seconds, err := effect.ParseDuration(r.Duration)
	if err != nil || seconds <= 0 || seconds > 600 {
		return Stats{}, badRequest("load test: duration %q is not between 0 and 10m: write 5s", r.Duration)
	}
	if r.Rate == 0 {
		r.Rate = DefaultRate
	}
	if r.Rate < 0 || r.Rate > maxRate {
		return Stats{}, badRequest("load test: a rate of %d is not between 1 and %d requests a second", r.Rate, maxRate)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.ctx, cancel)()
	test := newLoad(target, r.Rate, 0)
	test.run(ctx, max(1, int(seconds*float64(r.Rate))))
	if err := ctx.Err(); err != nil {
		return Stats{}, fmt.Errorf("load test of %s: %w", target, err)
	}
	return test.recorder.read(), nil
}

func (l *Lab) target(r LoadRequest) (string, error) {
	if (r.Env == "") == (r.URL == "") {
		return "", badRequest("load test: wants exactly one of env and url")
	}
	if r.URL == "" {
		s, err := l.service("load test", r.Env)
		if err != nil {
			return "", err
		}
		return s.url() + "/", nil
	}
	u, err := url.Parse(r.URL)
	if err != nil || u.Scheme != "http" || !onLoopback(u.Hostname()) {
		return "", badRequest("load test: url %q is not an http URL on this machine", r.URL)
	}
	return u.String(), nil
}

// service finds an environment; what is to be done there is for the error.
func (l *Lab) service(what, env string) (*service, error) {
	if s := l.services[env]; s != nil {
		return s, nil
	}
	hint := effect.DidYouMean(env, environments())
	if hint == "" {
		hint = "there are blue and green"
	}
	return nil, notFound("%s: there is no environment %q: %s", what, env, hint)
}

// settle waits until the proxy's health checks agree that an environment is up
// or down. What cannot become so (down by a fault, in maintenance) is not
// waited for.
func (l *Lab) settle(ctx context.Context, env string, up bool) error {
	if up && l.services[env].state().Fault.Down {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, settleTime, errors.New("the proxy's health checks do not agree"))
	defer cancel()
	defer context.AfterFunc(l.ctx, cancel)()
	tick := time.NewTicker(checkInterval / 5)
	defer tick.Stop()
	s := l.pool.find(env)
	for {
		agreed := false
		l.pool.read(func(time.Time) { agreed = s.admin == adminMaint || s.running() == up })
		if agreed {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", env, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// onLoopback reports whether a host is this machine.
func onLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
