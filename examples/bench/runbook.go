package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/host"
)

func runbookContenders() []contender {
	const full = "power loss; intent and outcome"
	return []contender{
		{name: "runbook, recovery observe", durability: full, steps: 1000, work: runbookInProcess(effect.Observe)},
		{name: "runbook, recovery retry", durability: full, steps: 1000, work: runbookInProcess(effect.Retry)},
		{name: "runbook, plugin process, recovery observe", durability: full, steps: 1000, work: runbookPlugin},
	}
}

// ledgerModule has one op, which adds a line to the ledger.
func ledgerModule(recovery effect.Recovery) effect.Module {
	return effect.Module{Name: "ledger", Doc: "Keeps a ledger.", Ops: []effect.Op{{Module: "ledger", Name: "add", Doc: "Add a line",
		Class: effect.Write, Recovery: recovery, Args: []effect.Field{
			{Name: "n", Type: effect.Int, Required: true, Doc: "the line"},
			{Name: "dir", Type: effect.String, Doc: "where the ledger stands"},
		}}}}
}

func runbookInProcess(recovery effect.Recovery) func(context.Context, string, int, func(int) error) error {
	return func(ctx context.Context, dir string, steps int, step func(int) error) error {
		world := effect.HandlerFunc(func(_ context.Context, call effect.Call) (effect.Result, error) {
			n := int(call.Args["n"].(float64))
			if call.Verb != effect.VerbInvoke {
				return observe(dir, n)
			}
			return effect.Result{}, step(n)
		})
		return runbookRun(ctx, dir, steps, ledgerModule(recovery), world)
	}
}

func runbookPlugin(ctx context.Context, dir string, steps int, step func(int) error) error {
	h, err := host.New(host.Options{Specs: []host.Spec{{Name: "ledger", Module: "ledger", Builtin: true}}})
	if err != nil {
		return err
	}
	defer h.Close()
	if err := h.Open(ctx); err != nil {
		return err
	}
	// The plugin writes the ledger; here step tells the time only.
	world := effect.HandlerFunc(func(ctx context.Context, call effect.Call) (effect.Result, error) {
		if call.Verb == effect.VerbInvoke {
			if err := step(elsewhere); err != nil {
				return effect.Result{}, err
			}
		}
		return h.Do(ctx, call)
	})
	return runbookRun(ctx, dir, steps, ledgerModule(effect.Observe), world)
}

// runbookRun starts the run of a directory, or resumes it.
func runbookRun(ctx context.Context, dir string, steps int, module effect.Module, world effect.Handler) error {
	db, err := journal.Open(ctx, filepath.Join(dir, "runbook.db"), journal.Options{})
	if err != nil {
		return err
	}
	defer db.Close()
	catalog, err := effect.NewCatalog(effect.Control(), module)
	if err != nil {
		return err
	}
	engine := interpreter.New(interpreter.Options{DB: db, Catalog: catalog, World: world, Clock: interpreter.SystemClock{},
		Random: rand.Reader, Getenv: os.LookupEnv, Owner: journal.Self()})
	idFile := filepath.Join(dir, "run")
	var out interpreter.Outcome
	if id, readErr := os.ReadFile(idFile); readErr == nil {
		out, err = engine.Resume(ctx, string(id), interpreter.ResumeOptions{})
		var ended *interpreter.Ended
		if errors.As(err, &ended) && ended.Status == effect.StatusSucceeded {
			return nil // killed between its end and the end of its process
		}
	} else {
		main := script.Source{Name: "steps.lua", Text: fmt.Appendf(nil, `runbook { name = "steps" }
local ledger = require "ledger"
for n = 1, %d do ledger.add { n = n, dir = %q } end
`, steps, dir)}
		out, err = engine.Start(ctx, interpreter.Start{Main: main, Params: func(script.Header) (map[string]any, error) { return map[string]any{}, nil },
			By: "bench", Ready: func(id string) { _ = os.WriteFile(idFile, []byte(id), 0o600) }})
	}
	switch {
	case err != nil:
		return err
	case out.Status != effect.StatusSucceeded:
		return fmt.Errorf("the run is %s: %w", out.Status, out.Err)
	}
	return nil
}

// observe looks a line up.
func observe(dir string, n int) (effect.Result, error) {
	counts, err := readLedger(dir)
	if err != nil {
		return effect.Result{}, err
	}
	if counts[n] > 0 {
		return effect.Result{Observed: effect.Applied}, nil
	}
	return effect.Result{Observed: effect.NotApplied}, nil
}

// ledgerPlugin carries the module out in a process of its own.
type ledgerPlugin struct{ out *ledger }

func (p *ledgerPlugin) Describe() plugins.Description {
	m := ledgerModule(effect.Observe)
	return plugins.Description{Name: "ledger", Module: "ledger", Doc: m.Doc, Version: "1", Ops: m.Ops}
}

func (p *ledgerPlugin) Configure(context.Context, map[string]any) error { return nil }

func (p *ledgerPlugin) Health(context.Context) error { return nil }

func (p *ledgerPlugin) Invoke(_ context.Context, req plugins.Request) (any, error) {
	if p.out == nil {
		l, err := openLedger(req.Args["dir"].(string))
		if err != nil {
			return nil, err
		}
		p.out = &l
	}
	return nil, p.out.add(int(req.Args["n"].(float64)))
}

// Observe implements plugins.Observer.
func (p *ledgerPlugin) Observe(_ context.Context, req plugins.Request) (plugins.Observation, error) {
	res, err := observe(req.Args["dir"].(string), int(req.Args["n"].(float64)))
	return plugins.Observation{State: res.Observed}, err
}
