package interpreter_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/replay"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/host"
)

// Each benchmark measures turn about with what it is compared with, so that
// both see the same machine, and reports the ratio as x-bare.

const benchRun = "0198c0de-7a11-7000-8000-000000000001"

// idleModule does nothing, quickly.
func idleModule() effect.Module {
	op := func(name string, class effect.Class) effect.Op {
		return effect.Op{Module: "idle", Name: name, Doc: "Do nothing", Class: class, Recovery: effect.Retry,
			Args: []effect.Field{
				{Name: "green", Type: effect.Int, Required: true, Doc: "a number"},
				{Name: "blue", Type: effect.Int, Required: true, Doc: "a number"},
			},
			Returns: []effect.Field{{Name: "weights", Type: effect.Map, Doc: "the numbers"}}}
	}
	return effect.Module{Name: "idle", Doc: "Does nothing.", Ops: []effect.Op{op("set", effect.Write), op("get", effect.Read)}}
}

// idle is the plugin of that module.
type idle struct{}

func (idle) Describe() plugins.Description {
	m := idleModule()
	return plugins.Description{Name: m.Name, Module: m.Name, Doc: m.Doc, Version: "1", Ops: m.Ops}
}

func (idle) Configure(context.Context, map[string]any) error { return nil }

func (idle) Health(context.Context) error { return nil }

func (idle) Invoke(_ context.Context, req plugins.Request) (any, error) {
	return map[string]any{"weights": req.Args}, nil
}

// inProcess is the module without a process.
func inProcess(_ context.Context, call effect.Call) (effect.Result, error) {
	return effect.Result{Value: map[string]any{"weights": call.Args}}, nil
}

func idleCatalog(b *testing.B) *effect.Catalog {
	b.Helper()
	c, err := effect.NewCatalog(effect.Control(), idleModule())
	if err != nil {
		b.Fatal(err)
	}
	return c
}

// idleArgs are the arguments of step n, as the script below gives them.
func idleArgs(n int) map[string]any {
	return map[string]any{"green": float64(n % 100), "blue": float64(100 - n%100)}
}

// idleScript takes n steps and then another one, a read.
func idleScript(n int) script.Source {
	return script.Source{Name: "idle.lua", Text: fmt.Appendf(nil, `runbook { name = "idle" }
local idle = require "idle"
for n = 1, %d do
  local now = idle.set { green = n %% 100, blue = 100 - n %% 100 }
end
idle.get { green = 0, blue = 0 }
`, n)}
}

// benchJournal opens a journal with a run of that script.
func benchJournal(b *testing.B, main script.Source) (*journal.DB, *journal.Writer) {
	b.Helper()
	db, err := journal.Open(b.Context(), filepath.Join(b.TempDir(), "runbook.db"), journal.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	w, err := db.Create(b.Context(), journal.NewRun{ID: benchRun, Name: "idle", Sources: []journal.Source{{Name: main.Name, Text: main.Text}},
		Created: effect.Event{At: time.Now(), Kind: effect.RunCreated}}, journal.Self())
	if err != nil {
		b.Fatal(err)
	}
	return db, w
}

// stepper returns what carries out step after step through a Recorder, as a
// run does.
func stepper(b *testing.B, w *journal.Writer, digest func(effect.Secret) string, next effect.Handler) func() {
	r := replay.New(replay.Options{Run: benchRun, Journal: w, Next: next, Now: time.Now, Digest: digest, Hold: interpreter.DefaultHold})
	op, ctx, n := idleModule().Ops[0], b.Context(), 0
	return func() {
		n++
		_, err := r.Do(ctx, effect.Call{Place: effect.Place("").Effect(n), Op: &op, Args: idleArgs(n), Class: op.Class, Recovery: op.Recovery,
			Where: effect.Position{File: "idle.lua", Line: 4}})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// bareStepper returns what makes one commit to bare SQLite, with an outcome and
// the next intent, and then call if it is not nil: the same pragmas, columns
// and sizes, and nothing that the journal adds.
func bareStepper(b *testing.B, call func()) func() {
	b.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(b.TempDir(), "bare.db")+
		"?_journal_mode=WAL&_synchronous=FULL&_busy_timeout=5000&_txlock=immediate&_foreign_keys=on")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	conn, err := db.Conn(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	_, err = conn.ExecContext(b.Context(), `CREATE TABLE events (run INTEGER NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL,
		epoch INTEGER NOT NULL, kind TEXT NOT NULL, place TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL,
		hash BLOB NOT NULL, PRIMARY KEY (run, seq)) STRICT, WITHOUT ROWID`)
	if err != nil {
		b.Fatal(err)
	}
	insert, err := conn.PrepareContext(b.Context(), "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
	if err != nil {
		b.Fatal(err)
	}
	bodies := [2]string{}
	for i, ev := range stepEvents(1) {
		body, err := json.Marshal(ev.Body)
		if err != nil {
			b.Fatal(err)
		}
		bodies[i] = string(body)
	}
	var statements [2]*sql.Stmt
	for i, text := range []string{"BEGIN IMMEDIATE", "COMMIT"} {
		if statements[i], err = conn.PrepareContext(b.Context(), text); err != nil {
			b.Fatal(err)
		}
	}
	ctx, seq, hash := b.Context(), 0, make([]byte, 32)
	do := func(stmt *sql.Stmt, args ...any) {
		if _, err := stmt.ExecContext(ctx, args...); err != nil {
			b.Fatal(err)
		}
	}
	return func() {
		do(statements[0])
		for i, kind := range []string{"effect.done", "effect.intended"} {
			seq++
			do(insert, 1, seq, time.Now().UnixNano(), 1, kind, fmt.Sprint(seq/2), 1, bodies[1-i], hash)
		}
		do(statements[1])
		if call != nil {
			call()
		}
	}
}

// stepEvents returns what step n leaves in a journal.
func stepEvents(n int) [2]effect.Event {
	args, err := effect.Encode(idleArgs(n), nil)
	if err != nil {
		panic(err)
	}
	place, where := effect.Place("").Effect(n), effect.Position{File: "idle.lua", Line: 4}
	return [2]effect.Event{
		{At: time.Now(), Kind: effect.EffectIntended, Place: place, Body: effect.Body{Op: "idle.set", Args: args, Class: effect.Write,
			Recovery: effect.Retry, Key: replay.Key(benchRun, place), Attempt: 1, Where: where}},
		{At: time.Now(), Kind: effect.EffectDone, Place: place, Body: effect.Body{Op: "idle.set", Class: effect.Write, Attempt: 1,
			Where: where, Value: []byte(`{"weights":` + string(args) + `}`)}},
	}
}

// recordSteps writes n steps and gives the run up, as an interruption does.
func recordSteps(b *testing.B, w *journal.Writer, n int) {
	b.Helper()
	var events []effect.Event
	for i := range n {
		step := stepEvents(i + 1)
		events = append(events, step[:]...)
	}
	if _, err := w.Append(b.Context(), events...); err != nil {
		b.Fatal(err)
	}
	if err := w.SetStatus(b.Context(), effect.StatusInterrupted); err != nil {
		b.Fatal(err)
	}
	if err := w.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// contest runs ours and bare turn about and returns how long each took.
func contest(b *testing.B, ours, bare func()) (our, their time.Duration) {
	b.Helper()
	ours()
	bare()
	for b.Loop() {
		began := time.Now()
		ours()
		between := time.Now()
		bare()
		our += between.Sub(began)
		their += time.Since(between)
	}
	b.ReportMetric(0, "ns/op") // both together say nothing
	return our, their
}

// BenchmarkWriteStep carries out writes that do nothing: intent, call,
// outcome, and compares with one commit to bare SQLite. x-bare is the speed in
// units of bare speed; 0.9 or better is the aim.
func BenchmarkWriteStep(b *testing.B) {
	db, w := benchJournal(b, idleScript(0))
	our, bare := contest(b, stepper(b, w, db.Digest, effect.HandlerFunc(inProcess)), bareStepper(b, nil))
	b.ReportMetric(float64(bare)/float64(our), "x-bare")
	b.ReportMetric(float64(b.N)/our.Seconds(), "steps/s")
	b.ReportMetric(float64(b.N)/bare.Seconds(), "bare-steps/s")
}

// BenchmarkPluginStep is BenchmarkWriteStep through a plugin's process, and
// compares with one commit and a bare unary gRPC call to another process.
// x-bare is the time in units of bare time; 1.1 or less is the aim.
func BenchmarkPluginStep(b *testing.B) {
	h, err := host.New(host.Options{Specs: []host.Spec{{Name: "idle", Module: "idle", Builtin: true}}})
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close()
	if err := h.Open(b.Context()); err != nil {
		b.Fatal(err)
	}
	db, w := benchJournal(b, idleScript(0))
	our, bare := contest(b, stepper(b, w, db.Digest, h), bareStepper(b, bareCall(b)))
	b.ReportMetric(float64(our)/float64(bare), "x-bare")
	b.ReportMetric(float64(our.Microseconds())/float64(b.N), "us/step")
	b.ReportMetric(float64(bare.Microseconds())/float64(b.N), "us/bare")
}

// bareCall starts this binary as a gRPC server that does nothing else and
// returns what calls it.
func bareCall(b *testing.B) func() {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "rb")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	cmd := exec.Command(self, "grpc", filepath.Join(dir, "s"))
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	conn, err := grpc.NewClient("unix:"+filepath.Join(dir, "s"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	client, ctx := grpc_health_v1.NewHealthClient(conn), b.Context()
	call := func() {
		if _, err := client.Check(ctx, &grpc_health_v1.HealthCheckRequest{}, grpc.WaitForReady(true)); err != nil {
			b.Fatal(err)
		}
	}
	call()
	return call
}

// beGRPC serves gRPC's health check at a unix socket until its input ends.
func beGRPC(socket string) int {
	listener, err := net.Listen("unix", socket)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	s := grpc.NewServer()
	grpc_health_v1.RegisterHealthServer(s, health.NewServer())
	go func() { _ = s.Serve(listener) }()
	_, _ = os.Stdin.Read(make([]byte, 1))
	return 0
}

// likeTheCommand lets the collector wait as cmd/runbook does.
func likeTheCommand(b *testing.B) {
	before := debug.SetGCPercent(400)
	b.Cleanup(func() { debug.SetGCPercent(before) })
}

// BenchmarkReplay walks a run of 1,000 writes, 2,000 events, against its
// journal, and compares with a bare SELECT of its rows. x-bare is the time in
// units of bare time; 3 or less is the aim.
func BenchmarkReplay(b *testing.B) {
	const steps = 1000
	likeTheCommand(b)
	main := idleScript(steps)
	db, w := benchJournal(b, main)
	recordSteps(b, w, steps)
	engine := benchEngine(b, db, nil)
	op, ctx := idleModule().Ops[0], b.Context()

	// With the script: the whole of what `runbook replay` does.
	scripted := func() {
		walked, err := engine.Replay(ctx, benchRun, nil, nil)
		if err != nil || walked.Replayed != steps || walked.Next == nil {
			b.Fatal(walked, err)
		}
	}
	// Without: the rows are read, folded, and asked for one by one.
	plain := func() {
		events, err := db.Events(ctx, benchRun, 0)
		if err != nil {
			b.Fatal(err)
		}
		r := replay.New(replay.Options{Run: benchRun, History: history.Of(events), Now: time.Now, Digest: db.Digest})
		for n := range steps {
			_, err := r.Do(ctx, effect.Call{Place: effect.Place("").Effect(n + 1), Op: &op, Args: idleArgs(n + 1), Class: op.Class, Recovery: op.Recovery})
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	for _, test := range []struct {
		name string
		run  func()
	}{{"script", scripted}, {"recorder", plain}} {
		b.Run(test.name, func(b *testing.B) {
			our, bare := contest(b, test.run, bareSelect(b, db.Path(), 2*steps))
			b.ReportMetric(float64(our)/float64(bare), "x-bare")
			b.ReportMetric(our.Seconds()*1e3/float64(b.N), "ms/replay")
			b.ReportMetric(bare.Seconds()*1e3/float64(b.N), "ms/bare")
		})
	}
}

// bareSelect returns what reads all rows of the journal and keeps none.
func bareSelect(b *testing.B, path string, atLeast int) func() {
	b.Helper()
	db, err := sql.Open("sqlite3", "file:"+path+"?mode=ro&_query_only=on")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	query, err := db.PrepareContext(b.Context(), "SELECT seq, at, epoch, kind, place, version, body FROM events WHERE run = ? AND seq > ? ORDER BY seq")
	if err != nil {
		b.Fatal(err)
	}
	ctx := b.Context()
	return func() {
		rows, err := query.QueryContext(ctx, 1, 0)
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for ; rows.Next(); n++ {
			var seq, at, epoch, version int64
			var kind, place, body string
			if err := rows.Scan(&seq, &at, &epoch, &kind, &place, &version, &body); err != nil {
				b.Fatal(err)
			}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil || n < atLeast {
			b.Fatal(n, err)
		}
	}
}

func benchEngine(b *testing.B, db *journal.DB, world effect.Handler) *interpreter.Engine {
	b.Helper()
	return interpreter.New(interpreter.Options{DB: db, Catalog: idleCatalog(b), World: world, Clock: interpreter.SystemClock{},
		Random: rand.Reader, Getenv: func(string) (string, bool) { return "", false }, Owner: journal.Self()})
}

// BenchmarkResume resumes a run of 10,000 writes and stops the clock at its
// first new effect. Below 150 ms is the aim.
func BenchmarkResume(b *testing.B) {
	const steps = 10_000
	likeTheCommand(b)
	db, w := benchJournal(b, idleScript(steps))
	recordSteps(b, w, steps)
	var first time.Time
	engine := benchEngine(b, db, effect.HandlerFunc(func(context.Context, effect.Call) (effect.Result, error) {
		first = time.Now()
		return effect.Result{}, &effect.Stop{Cause: effect.Interrupted}
	}))
	var taken time.Duration
	for b.Loop() {
		began := time.Now()
		out, err := engine.Resume(b.Context(), benchRun, interpreter.ResumeOptions{})
		if err != nil || out.Replayed != steps || first.Before(began) {
			b.Fatal(out, err)
		}
		taken += first.Sub(began)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(taken.Seconds()*1e3/float64(b.N), "ms/resume")
}
