package rehearse_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/rehearse"
	"github.com/q-ecosystem/runbook/interpreter/script"
)

// lamps are what this program's runbooks act upon: the real ones, behind a
// Handler, or their model in the simulated world.
type lamps struct{ lit map[string]any }

// Do carries an effect out on the real lamps.
func (l *lamps) Do(_ context.Context, call effect.Call) (effect.Result, error) {
	value, err := l.act(call.Op.Name, call.Args)
	if err == nil && call.Class.Writes() {
		fmt.Println("really:", call.Op, call.Args["lamp"])
	}
	return effect.Result{Value: value}, err
}

func (l *lamps) act(op string, args map[string]any) (any, error) {
	lamp, _ := args["lamp"].(string)
	if op == "light" {
		l.lit[lamp] = true
	}
	lit, known := l.lit[lamp]
	if !known {
		return nil, effect.Errorf(effect.CodeNotFound, "there is no lamp %q", lamp)
	}
	return map[string]any{"lit": lit}, nil
}

// lampModel is the same in the simulated world. It reads the real lamps before
// a dry run.
type lampModel struct{ lamps }

func (m *lampModel) Load(state map[string]any) error { maps.Copy(m.lit, state); return nil }

func (m *lampModel) Do(_ effect.Moment, op string, args map[string]any) (any, error) {
	return m.act(op, args)
}

func (m *lampModel) State(effect.Moment) map[string]any { return maps.Clone(m.lit) }

func (m *lampModel) Clone() effect.Model { return &lampModel{lamps{maps.Clone(m.lit)}} }

func (m *lampModel) Needs(_ effect.Moment, _ string, args map[string]any) []effect.Reading {
	return []effect.Reading{{Op: "look", Args: map[string]any{"lamp": args["lamp"]}}}
}

func (m *lampModel) Learn(r effect.Reading, value any) error {
	seen, _ := value.(map[string]any)
	m.lit[r.Args["lamp"].(string)] = seen["lit"]
	return nil
}

// street declares the module. Whatever the engine does with it follows from
// this.
func street() effect.Module {
	lamp := effect.Field{Name: "lamp", Type: effect.String, Required: true, Doc: "which lamp"}
	lit := effect.Field{Name: "lit", Type: effect.Bool, Doc: "whether it is lit"}
	return effect.Module{Name: "street", Doc: "Lamps of a street.",
		Model: func() effect.Model { return &lampModel{lamps{map[string]any{}}} },
		Ops: []effect.Op{
			{Module: "street", Name: "look", Doc: "Look at a lamp", Class: effect.Read, Args: []effect.Field{lamp}, Returns: []effect.Field{lit}},
			{Module: "street", Name: "light", Doc: "Light a lamp", Class: effect.Write, Recovery: effect.Retry, Args: []effect.Field{lamp}, Returns: []effect.Field{lit}},
		}}
}

// A program of one's own embeds the engine: it declares a module, rehearses a
// runbook in a world that is read from the real one, starts it, and resumes it
// after somebody has decided.
func Example() {
	ctx := context.Background()
	catalog, err := effect.NewCatalog(street(), effect.Control())
	if err != nil {
		log.Fatal(err)
	}
	runbook := script.Source{Name: "evening.lua", Text: []byte(`
runbook { name = "evening" }
local street = require "street"
street.light { lamp = "north" }
approve { title = "the south too?" }
street.light { lamp = "south" }`)}
	real := &lamps{map[string]any{"north": false, "south": false}}

	// The dry run: nothing but reads comes to the real lamps.
	dry, err := rehearse.New(ctx, rehearse.Options{Main: runbook, Catalog: catalog,
		Live: &rehearse.Live{Handler: real, Backends: map[string]string{"street": "lamps"}, Now: time.Now()}})
	if err != nil {
		log.Fatal(err)
	}
	result, err := dry.Run(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	plan, err := dry.Plan(result)
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range plan.Effects {
		for _, c := range e.Changes {
			fmt.Println("would:", e.Op, c.Target, "from", c.From, "to", c.To)
		}
	}

	// The run, held in a journal. It stops where it waits for people.
	dir, err := os.MkdirTemp("", "street")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	db, err := journal.Open(ctx, filepath.Join(dir, "runs.db"), journal.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	engine := interpreter.New(interpreter.Options{DB: db, Catalog: catalog, World: real, Clock: interpreter.SystemClock{}, Random: rand.Reader,
		Getenv: os.LookupEnv, Owner: journal.Self(), Detach: true})
	out, err := engine.Start(ctx, interpreter.Start{Main: runbook, By: "kim@desk",
		Params: func(script.Header) (map[string]any, error) { return nil, nil }})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the run is", out.Status)

	// Somebody decides; then any process that has the journal carries the run
	// on: what is recorded is not done again.
	if _, err := engine.Answer(ctx, interpreter.Answer{Run: out.Run, By: "ana@desk"}); err != nil {
		log.Fatal(err)
	}
	out, err = engine.Resume(ctx, out.Run, interpreter.ResumeOptions{By: "ana@desk"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the run is", out.Status)

	// Output:
	// would: street.light street.north from false to true
	// would: street.light street.south from false to true
	// really: street.light north
	// the run is waiting
	// really: street.light south
	// the run is succeeded
}
