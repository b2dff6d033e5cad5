package lab

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// Options say how a lab is made. Dir is required.
type Options struct {
	Dir  string // for state, sockets and the generated runbook.yaml; created if missing
	Rate int    // steady load in requests a second; 0 means DefaultRate, less than 0 none
	Seed uint64 // of the services' jitter
	// With names the systems of other programs to start: "dns", "postgres", … or
	// [All], which leaves out what is not installed.
	With []string
	Logf func(format string, args ...any)
}

// Names of what the proxy carries.
const (
	poolName  = "web"
	frontName = "http"
	// firstVersion is what blue serves at the start.
	firstVersion = "v1.0.0"
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
	parts    []part
	released releases
	changing sync.Mutex // nodes of parts, one at a time

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
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	context.AfterFunc(l.ctx, func() { stop() })
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
	if err := l.startSystems(ctx, o.With); err != nil {
		return err
	}
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
	if err := l.serveHTTP(&l.info.Control, l.control()); err != nil {
		return err
	}
	deploy, err := l.deployEntry()
	if err != nil {
		return err
	}
	if err := l.claim.writeConfig(append(l.entries(), deploy), l.secrets()); err != nil {
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
	if err := l.serveHTTP(&l.info.Proxy, x); err != nil {
		return err
	}
	l.closers = append(l.closers, x.transport.CloseIdleConnections)

	var err error
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
	if err := l.serveHTTP(&l.info.Webhook, l.inbox); err != nil {
		return err
	}
	l.info.Webhook += "/hook"
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

// serveHTTP serves a handler on a port of the kernel's choice. The URL is set
// before the first request can come.
func (l *Lab) serveHTTP(url *string, h http.Handler) error {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("start lab: %w", err)
	}
	*url = "http://" + listener.Addr().String()
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	l.running.Go(func() { _ = server.Serve(listener) })
	l.closers = append(l.closers, func() {
		_ = server.Close()
		_ = listener.Close()
	})
	return nil
}

// Close ends the lab: listeners and sockets are gone when it returns. It may
// be called more than once.
func (l *Lab) Close() error {
	l.closing.Do(func() {
		l.cancel()
		l.changing.Lock() // a node that is being started is there, and is ended below
		defer l.changing.Unlock()
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
