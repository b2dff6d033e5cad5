package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sort"
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
	// Specs holds at most one spec for each module.
	Specs []Spec
	// Contract returns the standard module of that name; nil knows none.
	Contract func(module string) (effect.Module, bool)
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
// each call to the one that carries its module. What any of them says, in
// whichever way, comes without the secrets of all of their configurations and
// of the calls so far.
type Host struct {
	options   launchOptions
	contract  func(module string) (effect.Module, bool)
	backends  map[string]*backend // by module; fixed after New
	socketDir string
}

// New checks the specs; nothing is started yet. Close the host in the end.
func New(o Options) (*Host, error) {
	h := &Host{contract: o.Contract, backends: map[string]*backend{},
		options: launchOptions{startTimeout: o.StartTimeout, grace: o.Grace, log: o.Log, known: redact.NewKnown()}}
	if h.contract == nil {
		h.contract = func(string) (effect.Module, bool) { return effect.Module{}, false }
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
		if other, dup := h.backends[spec.Module]; dup {
			return nil, fmt.Errorf("module %s has two backends, %s and %s: name one of them", spec.Module, other.spec.Name, spec.Name)
		}
		h.options.known.Learn(redact.Collect(spec.Config)...)
		h.backends[spec.Module] = newBackend(spec, h.contract, h.options)
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
		return "", fmt.Errorf("make a directory for the plugins' sockets: %w", err)
	}
	return dir, nil
}

// Open starts all plugins at once, holds their ops against the contract and
// configures them. The error joins one for each backend that is not ready;
// the host is of use only if there is none.
func (h *Host) Open(ctx context.Context) error {
	modules := h.carried()
	errs := make([]error, len(modules))
	var wg sync.WaitGroup
	for i, module := range modules {
		wg.Go(func() {
			if err := h.backends[module].open(ctx); err != nil {
				errs[i] = fmt.Errorf("module %s: %w", module, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Modules returns the modules that plugins brought and the contract does not
// have, in the order of their names. It is complete after Open.
func (h *Host) Modules() []effect.Module {
	var list []effect.Module
	for _, module := range h.carried() {
		if _, standard := h.contract(module); standard {
			continue
		}
		b := h.backends[module]
		_ = b.lock(context.Background())
		d := b.desc
		b.unlock()
		if d.Name != "" {
			list = append(list, effect.Module{Name: d.Module, Doc: d.Doc, Ops: d.Ops})
		}
	}
	return list
}

// Client returns a Handler for the calls of one module.
func (h *Host) Client(module string) effect.Handler {
	b, ok := h.backends[module]
	if !ok {
		return effect.HandlerFunc(func(_ context.Context, call effect.Call) (effect.Result, error) {
			e := effect.Errorf(effect.CodeUnsupported, "no backend carries the module %s", module).
				WithHint("name one for it in runbook.yaml; `runbook plugins list` shows what there is")
			if call.Op != nil {
				e.Op = call.Op.String()
			}
			return effect.Result{}, e
		})
	}
	return b
}

// Do passes a call to the plugin that carries its module, and starts that
// plugin again if it is dead. It sends a call once at most; see the package's
// doc for what the errors mean.
func (h *Host) Do(ctx context.Context, call effect.Call) (effect.Result, error) {
	if call.Op == nil {
		return effect.Result{}, effect.Errorf(effect.CodeInternal, "the call names no op")
	}
	return h.Client(call.Op.Module).Do(ctx, call)
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

// Health asks every backend whether its system can be reached; the answers are
// by module, nil where all is well.
func (h *Host) Health(ctx context.Context) map[string]error {
	modules := h.carried()
	errs := make([]error, len(modules))
	var wg sync.WaitGroup
	for i, module := range modules {
		wg.Go(func() { errs[i] = h.backends[module].health(ctx) })
	}
	wg.Wait()
	report := make(map[string]error, len(modules))
	for i, module := range modules {
		report[module] = errs[i]
	}
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

// carried returns the names of the modules that have a backend, in order.
func (h *Host) carried() []string {
	names := make([]string, 0, len(h.backends))
	for name := range h.backends {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
