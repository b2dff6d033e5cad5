package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/redact"
	"github.com/q-ecosystem/runbook/plugins"
)

// DefaultStartTimeout bounds the start of one plugin, and its configuration.
const DefaultStartTimeout = 15 * time.Second

// maxSocketDir keeps the paths of sockets below the 104 bytes that the
// strictest system allows; go-plugin adds up to 45.
const maxSocketDir = 55

// Options says which plugins a host keeps, and how.
type Options struct {
	// Specs may hold several of a module, each of another backend. A call goes to
	// the first of them that is given its op and carries it.
	Specs []Spec
	// Contract returns the standard module of that name; nil knows none.
	Contract func(module string) (effect.Module, bool)
	// Carriers names the backends at hand that carry an op ("traffic.split"), for
	// what is said where none of the specs does; nil knows none.
	Carriers func(op string) []string
	// Log takes what plugins write to their standard error, a line each. It is
	// called from several goroutines. Nil discards.
	Log func(backend, line string)
	// StartTimeout bounds the start of one plugin; zero means
	// DefaultStartTimeout.
	StartTimeout time.Duration
	// Grace is what a plugin is given to answer after its time is up or its
	// call was canceled; zero means DefaultGrace.
	Grace time.Duration
}

// Host keeps the processes of a set of plugins. It is a Handler that passes
// each call to the one that carries its op. What any of them says, in
// whichever way, comes without the secrets of all of their configurations and
// of the calls so far.
type Host struct {
	options   launchOptions
	contract  func(module string) (effect.Module, bool)
	carriers  func(op string) []string
	backends  []*backend // in the order of the specs; fixed after New
	socketDir string
}

// New checks the specs; nothing is started yet. Close the host in the end.
func New(o Options) (*Host, error) {
	h := &Host{contract: o.Contract, carriers: o.Carriers,
		options: launchOptions{startTimeout: o.StartTimeout, grace: o.Grace, log: o.Log, known: redact.NewKnown()}}
	if h.contract == nil {
		h.contract = func(string) (effect.Module, bool) { return effect.Module{}, false }
	}
	if h.carriers == nil {
		h.carriers = func(string) []string { return nil }
	}
	if h.options.log == nil {
		h.options.log = func(string, string) {}
	}
	if h.options.startTimeout <= 0 {
		h.options.startTimeout = DefaultStartTimeout
	}
	if h.options.grace <= 0 {
		h.options.grace = DefaultGrace
	}
	for _, spec := range o.Specs {
		if err := spec.check(); err != nil {
			return nil, err
		}
		if spec.Module == "" {
			return nil, fmt.Errorf("backend %s: no module is named for it", spec.Name)
		}
		if slices.ContainsFunc(h.backends, func(b *backend) bool { return b.spec.Module == spec.Module && b.spec.Name == spec.Name }) {
			return nil, fmt.Errorf("module %s names the backend %s twice: name it once", spec.Module, spec.Name)
		}
		h.options.known.Learn(redact.Collect(spec.Config)...)
		h.backends = append(h.backends, newBackend(spec, h))
	}
	dir, err := socketDir()
	if err != nil {
		return nil, err
	}
	h.socketDir, h.options.socketDir = dir, dir
	for _, b := range h.backends {
		b.options.socketDir = dir
	}
	return h, nil
}

// socketDir makes the directory, for this user alone, in which plugins listen.
func socketDir() (string, error) {
	base := os.TempDir()
	if len(base) > maxSocketDir-len("/rb0123456789") {
		base = "/tmp"
	}
	dir, err := os.MkdirTemp(base, "rb")
	if err != nil {
		return "", effect.Errorf(effect.CodeUnavailable, "make a directory for the plugins' sockets in %s: %v", base, err).
			WithHint("set TMPDIR to a folder that is there, that this user may write to, and that has room")
	}
	return dir, nil
}

// Open starts all plugins at once, holds their ops against the contract and
// configures them. The error joins one for each backend that is not ready;
// the host is of use only if there is none.
func (h *Host) Open(ctx context.Context) error {
	errs := make([]error, len(h.backends))
	var wg sync.WaitGroup
	for i, b := range h.backends {
		wg.Go(func() {
			if err := b.open(ctx); err != nil {
				errs[i] = fmt.Errorf("module %s: %w", b.spec.Module, err)
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return h.agree()
}

// Do passes a call to the plugin that carries its op, and starts that plugin
// again if it is dead. It sends a call once at most; see the package's doc for
// what the errors mean.
func (h *Host) Do(ctx context.Context, call effect.Call) (effect.Result, error) {
	if call.Op == nil {
		return effect.Result{}, effect.Errorf(effect.CodeInternal, "the call names no op")
	}
	b, err := h.carrier(ctx, call)
	if err != nil {
		return effect.Result{}, err
	}
	return b.Do(ctx, call)
}

// Describe starts a plugin, asks what it is, and ends it. Neither the contract
// nor the configuration is looked at.
func (h *Host) Describe(ctx context.Context, spec Spec) (plugins.Description, error) {
	if err := spec.check(); err != nil {
		return plugins.Description{}, err
	}
	p, err := launch(ctx, spec, h.options)
	if err != nil {
		return plugins.Description{}, err
	}
	defer p.stop(h.options.grace)
	return p.desc, nil
}

// Health is what a backend says of the system that it acts on.
type Health struct {
	Module, Backend string
	Err             error // why the system cannot be reached; nil where all is well
	// Missing is what of the system is missing for the calls to come, a line
	// each, as far as the backend can tell.
	Missing []string
}

// Health asks every backend whether its system can be reached. The answers come
// in the order of the specs.
func (h *Host) Health(ctx context.Context) []Health { return h.ask(ctx, false) }

// Examine is Health, and asks what is missing for the calls to come.
func (h *Host) Examine(ctx context.Context) []Health { return h.ask(ctx, true) }

func (h *Host) ask(ctx context.Context, examine bool) []Health {
	report := make([]Health, len(h.backends))
	var wg sync.WaitGroup
	for i, b := range h.backends {
		wg.Go(func() {
			missing, err := b.health(ctx, examine)
			report[i] = Health{b.spec.Module, b.spec.Name, err, missing}
		})
	}
	wg.Wait()
	return report
}

// Close ends all plugins. Calls that are still under way lose their answers.
func (h *Host) Close() {
	var wg sync.WaitGroup
	for _, b := range h.backends {
		wg.Go(b.close)
	}
	wg.Wait()
	_ = os.RemoveAll(h.socketDir)
}
