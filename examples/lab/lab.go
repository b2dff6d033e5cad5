package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Options say how a lab is made. Dir is required.
type Options struct {
	Dir  string // for state, sockets and the generated runbook.yaml; created if missing
	Rate int    // steady load in requests a second; 0 means DefaultRate, less than 0 none
	Seed uint64 // of the services' jitter
	Logf func(format string, args ...any)
}

// Names of what the proxy carries.
const (
	poolName  = "web"
	frontName = "http"
	// firstVersion is what blue serves at the start.
	firstVersion = "v1.0.0"
	// settleTime bounds the wait for the proxy to see what a change did.
	settleTime = 5 * time.Second
)

// environments returns the names of the services, in order.
func environments() []string { return []string{"blue", "green"} }

// Lab is a running lab. Its methods may be called from several goroutines.
type Lab struct {
	info     Info
	logf     func(format string, args ...any)
	services map[string]*service
	pool     *pool
	load     *load
	inbox    *inbox

	claim   *claim
	ctx     context.Context // ends when the lab closes
	cancel  context.CancelFunc
	closers []func() // of servers, in the order of their start
	running sync.WaitGroup
	closing sync.Once
	done    chan struct{}
}

// Start starts a lab and returns once it serves. It ends with ctx, or by
// Close. The error is a *RunningError if a lab runs in the directory already.
func Start(ctx context.Context, o Options) (*Lab, error) {
	if o.Rate > maxRate {
		return nil, fmt.Errorf("start lab: a load of %d requests a second is more than %d", o.Rate, maxRate)
	}
	held, err := claimDir(o.Dir)
	if err != nil {
		return nil, err
	}
	l := &Lab{claim: held, logf: o.Logf, services: map[string]*service{}, inbox: &inbox{}, done: make(chan struct{}),
		info: Info{PID: os.Getpid(), Started: time.Now().UTC(), Dir: held.dir, Config: held.path(configFile),
			Pool: poolName, Services: map[string]string{}}}
	if l.logf == nil {
		l.logf = func(string, ...any) {}
	}
	l.ctx, l.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if err := l.start(ctx, o); err != nil {
		_ = l.Close()
		return nil, err
	}
	context.AfterFunc(ctx, func() { _ = l.Close() })
	return l, nil
}

func (l *Lab) start(ctx context.Context, o Options) error {
	if err := l.startServices(o.Seed); err != nil {
		return err
	}
	if err := l.startProxy(); err != nil {
		return err
	}
	if err := l.startSinks(); err != nil {
		return err
	}
	control, err := l.serveHTTP(l.control())
	if err != nil {
		return err
	}
	l.info.Control = control
	checks := newChecker(l.pool)
	for range checkFall {
		checks.once(ctx)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("start lab: %w", err)
	}
	l.running.Go(func() { checks.run(l.ctx) })
	rate := o.Rate
	switch {
	case rate == 0:
		rate = DefaultRate
	case rate < 0:
		rate = 0
	}
	l.load = newLoad(l.info.Proxy+"/", rate, recentWindow)
	l.running.Go(func() { l.load.run(l.ctx, 0) })
	if err := l.claim.writeConfig(l.info); err != nil {
		return err
	}
	return l.claim.writeInfo(l.info)
}

// startServices starts blue and green, and deploys to blue.
func (l *Lab) startServices(seed uint64) error {
	for i, name := range environments() {
		s, err := newService(name, seed+uint64(i))
		if err != nil {
			return err
		}
		l.services[name] = s
		l.closers = append(l.closers, s.close)
		l.info.Services[name] = s.url()
	}
	first, err := newRelease(firstVersion)
	if err != nil {
		return err
	}
	l.services["blue"].release = first
	return nil
}

// startProxy starts the proxy and its runtime API, all traffic on blue.
func (l *Lab) startProxy() error {
	var servers []*server
	for _, name := range environments() {
		s := &server{name: name, addr: l.services[name].port.addr}
		if name == "blue" {
			s.initial = 100
		}
		servers = append(servers, s)
	}
	l.pool = newPool(poolName, servers, time.Now())
	x := newProxy(l.pool)
	at, err := l.serveHTTP(x)
	if err != nil {
		return err
	}
	l.info.Proxy = at
	l.closers = append(l.closers, x.transport.CloseIdleConnections)

	if l.info.Socket, err = l.claim.socketPath(); err != nil {
		return err
	}
	socket, err := net.Listen("unix", l.info.Socket)
	if err != nil {
		return fmt.Errorf("start runtime API: %w", err)
	}
	l.closers = append(l.closers, func() { _ = socket.Close() })
	if err := os.Chmod(l.info.Socket, 0o600); err != nil {
		return fmt.Errorf("start runtime API: %w", err)
	}
	api := newRuntimeAPI(l.pool, frontName, l.info.PID)
	l.running.Go(func() { api.serve(l.ctx, socket) })
	return nil
}

func (l *Lab) startSinks() error {
	hook, err := l.serveHTTP(l.inbox)
	if err != nil {
		return err
	}
	l.info.Webhook = hook + "/hook"
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("start SMTP sink: %w", err)
	}
	l.info.SMTP = listener.Addr().String()
	server := newMailServer(l.inbox)
	l.running.Go(func() { _ = server.Serve(listener) })
	l.closers = append(l.closers, func() {
		_ = server.Close()
		_ = listener.Close() // in case Serve had not begun
	})
	return nil
}

// serveHTTP serves a handler on a port of the kernel's choice and returns its
// URL.
func (l *Lab) serveHTTP(h http.Handler) (string, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("start lab: %w", err)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	l.running.Go(func() { _ = server.Serve(listener) })
	l.closers = append(l.closers, func() {
		_ = server.Close()
		_ = listener.Close()
	})
	return "http://" + listener.Addr().String(), nil
}

// Close ends the lab: listeners and sockets are gone when it returns. It may
// be called more than once.
func (l *Lab) Close() error {
	l.closing.Do(func() {
		l.cancel()
		for i := len(l.closers) - 1; i >= 0; i-- {
			l.closers[i]()
		}
		l.running.Wait()
		l.claim.release()
		close(l.done)
	})
	<-l.done
	return nil
}

// Done is closed once the lab has ended.
func (l *Lab) Done() <-chan struct{} { return l.done }

// Info says where the lab listens.
func (l *Lab) Info() Info { return l.info }

// Load returns the statistics of the steady load.
func (l *Lab) Load() Stats { return l.load.recorder.read() }

// Messages returns what the sinks received, oldest first.
func (l *Lab) Messages() []Message { return l.inbox.list() }

// State is all there is to know about a lab at one time.
type State struct {
	Info
	Environments map[string]ServiceState `json:"environments"`
	Servers      []ServerState           `json:"servers"`
	Rate         int                     `json:"rate"` // of the steady load
	Load         Stats                   `json:"load"`
	Messages     []Message               `json:"messages"`
}

// State returns the lab's state.
func (l *Lab) State() State {
	st := State{Info: l.info, Environments: map[string]ServiceState{}, Servers: l.pool.state(), Load: l.Load(),
		Messages: l.Messages()}
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
