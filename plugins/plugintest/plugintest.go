// Package plugintest is the conformance suite that every backend passes. It
// serves the backend over the real protocol, in the test's own process:
//
//	func TestConformance(t *testing.T) {
//		socket := startProxy(t)
//		plugintest.Run(t, func(t *testing.T) plugins.Backend { return haproxy.New() }, plugintest.Cases{
//			Config: map[string]any{"socket": socket, "pool": "web"},
//			Reads:  []plugins.Request{{Op: "weights"}},
//			Writes: []plugins.Request{{Op: "split", Args: map[string]any{"blue": 90, "green": 10}}},
//		})
//	}
package plugintest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/host"
	"github.com/q-ecosystem/runbook/stdlib"
)

// patience is how long a backend may take to notice that its call was
// canceled.
const patience = 5 * time.Second

// Cases are what the suite does with a backend.
type Cases struct {
	// Config is handed to Configure; the system that it points at is up.
	Config map[string]any
	// Reads and Writes are requests that succeed; every op of the backend has
	// one at least. Args may be in any form that the op's fields read; Key,
	// Run, Place and Attempt are filled in. Writes are carried out in this
	// order, before the reads, and a second time where the suite needs it.
	Reads, Writes []plugins.Request
	// Contract is what the ops have to agree with, if not the standard module.
	Contract *effect.Module
	// System is what Config points at, for the page that lists what was tried.
	System System
}

// Run puts the backends that fresh returns through the suite. fresh returns an
// unconfigured backend each time.
func Run(t *testing.T, fresh func(t *testing.T) plugins.Backend, cases Cases) {
	t.Helper()
	s := newSuite(t, fresh(t), cases)
	run := func(name string, f func(*testing.T)) {
		if t.Run(name, f) {
			s.passed++
		}
	}
	run("describe", s.describe)
	run("examples", s.examples)
	run("unconfigured", func(t *testing.T) { unconfigured(t, fresh(t), cases) })
	s.configure(t)
	run("health", s.health)
	for i, req := range cases.Writes {
		run(fmt.Sprintf("write %d %s", i+1, req.Op), func(t *testing.T) { s.write(t, req) })
	}
	for i, req := range cases.Reads {
		run(fmt.Sprintf("read %d %s", i+1, req.Op), func(t *testing.T) { s.invoke(t, s.call(t, req)) })
	}
	for i := range s.desc.Ops {
		if op := s.op(s.desc.Ops[i].Name); op != nil && op.Class.Writes() {
			toll.write(s.desc.Name, op.Name)
		}
	}
	run("unknown op", s.unknownOp)
	run("concurrent", s.concurrent)
	run("canceled", s.canceled)
	record(t, Tried{Module: s.desc.Module, Backend: s.desc.Name, System: cases.System, Cases: s.passed})
}

// suite is one backend under test.
type suite struct {
	cases    Cases
	backend  plugins.Backend
	desc     plugins.Description
	contract *effect.Module
	remote   *host.Remote
	passed   int
}

func newSuite(t *testing.T, b plugins.Backend, cases Cases) *suite {
	t.Helper()
	s := &suite{cases: cases, backend: b, remote: serve(t, b), contract: cases.Contract}
	desc, err := s.remote.Describe(t.Context())
	if err != nil {
		t.Fatalf("Describe over the wire: %v", err)
	}
	s.desc = desc
	if m, ok := stdlib.Contract(desc.Module); ok && s.contract == nil {
		s.contract = &m
	}
	return s
}

func (s *suite) describe(t *testing.T) {
	if err := host.Verify(host.Spec{Name: s.desc.Name, Module: s.desc.Module}, s.desc, s.contract); err != nil {
		t.Error(err)
	}
	if s.desc.Doc == "" {
		t.Error("Describe: Doc is empty")
	}
	again := s.backend.Describe()
	if again.Name != s.desc.Name || again.Module != s.desc.Module || len(again.Ops) != len(s.desc.Ops) {
		t.Errorf("Describe answers differently the second time: %+v", again)
	}
}

func (s *suite) examples(t *testing.T) {
	for i := range s.desc.Ops {
		name := s.desc.Ops[i].Name
		isIt := func(r plugins.Request) bool { return r.Op == name }
		if !slices.ContainsFunc(s.cases.Reads, isIt) && !slices.ContainsFunc(s.cases.Writes, isIt) {
			t.Errorf("Cases hold no request for %s: every op is to be tried", &s.desc.Ops[i])
		}
	}
	for _, req := range s.cases.Reads {
		if call := s.call(t, req); call.Class.Writes() {
			t.Errorf("Cases.Reads hold %s, whose class is %s", req.Op, call.Class)
		}
	}
}

// unconfigured checks that nothing is done before Configure.
func unconfigured(t *testing.T, b plugins.Backend, cases Cases) {
	s := newSuite(t, b, cases)
	for _, req := range append(slices.Clone(cases.Reads), cases.Writes...) {
		if res, err := s.remote.Do(t.Context(), s.call(t, req)); err == nil {
			t.Errorf("%s before Configure returned %v, want an error", req.Op, res.Value)
		}
	}
}

func (s *suite) configure(t *testing.T) {
	t.Helper()
	config, err := effect.CheckFields(s.desc.Config, nil, s.cases.Config)
	if err != nil {
		t.Fatalf("Cases.Config does not fit Description.Config: %v", err)
	}
	if err := s.remote.Configure(t.Context(), config); err != nil {
		t.Fatalf("Configure: %v", err)
	}
}

func (s *suite) health(t *testing.T) {
	if err := s.remote.Health(t.Context()); err != nil {
		t.Errorf("Health of a system that is up: %v", err)
	}
	if _, err := s.remote.Examine(t.Context()); err != nil {
		t.Errorf("Examine of a system that is up: %v", err)
	}
}

func (s *suite) write(t *testing.T, req plugins.Request) {
	call := s.call(t, req)
	s.invoke(t, call)
	if call.Recovery != effect.Observe || t.Failed() {
		return
	}
	if _, ok := s.backend.(plugins.Observer); !ok {
		t.Fatalf("%s has the recovery observe, and the backend is no Observer", call.Op)
	}
	call.Verb = effect.VerbObserve
	seen, err := s.remote.Do(t.Context(), call)
	if err != nil {
		t.Fatalf("Observe right after Invoke: %v", err)
	}
	if seen.Observed != effect.Applied {
		t.Errorf("Observe right after Invoke says %q, want %q", seen.Observed, effect.Applied)
	}
	if seen.Value != nil {
		fits(t, call.Op, seen.Value)
	}
}

func (s *suite) invoke(t *testing.T, call effect.Call) {
	call.Progress = func(line string) { t.Logf("progress: %s", line) }
	res, err := s.remote.Do(t.Context(), call)
	if err != nil {
		t.Fatalf("Invoke: %v", err)
	}
	fits(t, call.Op, res.Value)
}

// fits checks a result against what the op says it returns.
func fits(t *testing.T, op *effect.Op, value any) {
	t.Helper()
	_, dropped, err := op.CheckResult(value, false)
	if err != nil {
		t.Errorf("%s returned %v, which does not fit its declaration: %v", op, value, err)
	}
	if len(dropped) > 0 {
		t.Errorf("%s returned %v, which does not fit its declaration: %s: not declared", op, value, strings.Join(dropped, ", "))
	}
}

func (s *suite) unknownOp(t *testing.T) {
	const name = "no_such_op"
	call := effect.Call{Op: &effect.Op{Module: s.desc.Module, Name: name, Class: effect.Read}, Class: effect.Read}
	_, err := s.remote.Do(t.Context(), call)
	s.refused(t, "over the wire", err)
	_, err = s.backend.Invoke(t.Context(), plugins.Request{Op: name, Args: map[string]any{}, Progress: func(string) {}})
	s.refused(t, "asked directly", err)
}

func (s *suite) refused(t *testing.T, how string, err error) {
	t.Helper()
	var e *effect.Error
	if !errors.As(err, &e) || e.Code != effect.CodeInvalid && e.Code != effect.CodeUnsupported {
		t.Errorf("an unknown op, %s, gives %v (%T), want an *effect.Error with the code invalid or unsupported", how, err, err)
	}
}

// concurrent carries all reads out several times at once, and the last write
// beside them.
func (s *suite) concurrent(t *testing.T) {
	var wg sync.WaitGroup
	do := func(req plugins.Request) {
		call := s.call(t, req)
		wg.Go(func() {
			if _, err := s.remote.Do(t.Context(), call); err != nil {
				t.Errorf("%s beside other calls: %v", req.Op, err)
			}
		})
	}
	for range 4 {
		for _, req := range s.cases.Reads {
			do(req)
		}
	}
	if n := len(s.cases.Writes); n > 0 {
		do(s.cases.Writes[n-1])
	}
	wg.Wait()
}

// canceled checks that a backend gives up when its context has ended, and
// what it says then.
func (s *suite) canceled(t *testing.T) {
	for _, req := range append(slices.Clone(s.cases.Reads), s.cases.Writes...) {
		direct := req
		direct.Args, direct.Progress = s.revealed(t, req), func(string) {}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		done := make(chan error, 1)
		go func() {
			_, err := s.backend.Invoke(ctx, direct)
			done <- err
		}()
		select {
		case err := <-done:
			var e *effect.Error
			if err != nil && !errors.As(err, &e) && !errors.Is(err, context.Canceled) {
				t.Errorf("%s of a canceled context gives %v (%T), want an *effect.Error", req.Op, err, err)
			}
		case <-time.After(patience):
			t.Errorf("%s still runs %v after its context ended", req.Op, patience)
		}
	}
}

// call makes the call of a request, checked as the engine does.
func (s *suite) call(t *testing.T, req plugins.Request) effect.Call {
	t.Helper()
	op := s.op(req.Op)
	if op == nil {
		t.Fatalf("Cases name the op %q, which the backend does not have", req.Op)
	}
	args, err := op.Check(req.Args)
	if err != nil {
		t.Fatalf("Cases: %s: %v", op, err)
	}
	key := req.Key
	if key == "" {
		key = fmt.Sprintf("plugintest-%s-%d", req.Op, time.Now().UnixNano())
	}
	return effect.Call{Run: "plugintest", Place: "1", Key: key, Op: op, Args: args,
		Class: op.ClassFor(args), Recovery: op.RecoveryFor(args), Attempt: max(req.Attempt, 1)}
}

// op returns the contract's declaration, which is what runs go by.
func (s *suite) op(name string) *effect.Op {
	ops := s.desc.Ops
	if s.contract != nil {
		ops = s.contract.Ops
	}
	for i := range ops {
		if ops[i].Name == name {
			return &ops[i]
		}
	}
	return nil
}

// revealed returns a request's arguments as a backend sees them.
func (s *suite) revealed(t *testing.T, req plugins.Request) map[string]any {
	t.Helper()
	args, err := overTheWire(s.call(t, req).Args)
	if err != nil {
		t.Fatalf("Cases: %s: %v", req.Op, err)
	}
	return args
}
