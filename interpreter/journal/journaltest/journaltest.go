// Package journaltest says in tests what every journal must do. A journal that
// is opened in another way, or stored elsewhere, passes it too.
package journaltest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
)

// Run tests journals that open makes, each new and empty, and closed by open's
// own cleanup.
func Run(t *testing.T, open func(t *testing.T) *journal.DB) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, db *journal.DB)
	}{
		{"records what is appended", testAppend},
		{"keeps every member of a body", testBody},
		{"keeps a run's sources by version", testSources},
		{"finds runs by prefix", testFind},
		{"lists runs newest first", testRuns},
		{"creates an id once", testExists},
		{"lets one runner hold a run", testHeld},
		{"fences the runner before", testFencing},
		{"gives the lease up when parked or ended", testRelease},
		{"locks all or none", testLocks},
		{"leaves no run that a lock refused", testRefusedCreate},
		{"tells of a dead runner's lock", testDeadLock},
		{"hands the verified past on once", testPast},
		{"accepts nothing where nothing is wrong", testAccept},
		{"takes a person's word without the lease", testPost},
		{"lets a check refuse a person's word", testPostRefused},
		{"ends no run whose runner has not read all", testUnread},
		{"deletes ended runs for good", testDelete},
		{"copies the past of a fork", testFork},
		{"says when anybody wrote", testChanged},
		{"digests secrets", testDigest},
		{"appends from many goroutines", testParallel},
		{"acquires for one of many", testAcquireRace},
	} {
		t.Run(c.name, func(t *testing.T) {
			db := open(t)
			c.test(t, db)
			report, err := db.Verify(t.Context(), "")
			if err != nil || len(report.Faults) > 0 {
				t.Errorf("Verify afterwards: %v, %v", report.Faults, err)
			}
		})
	}
}

// At is a time with nanoseconds, n seconds after a fixed one.
func At(n int) time.Time { return time.Date(2026, 3, 1, 3, 0, n, 123456789, time.UTC) }

// New returns what a small run starts from.
func New(id string) journal.NewRun {
	return journal.NewRun{ID: id, Name: "blue-green", Script: "blue-green.lua", Env: "prod", By: "ada@ops",
		Params:  json.RawMessage(`{"version":"v1.2.3"}`),
		Sources: []journal.Source{{Name: "lib/slo.lua", Text: []byte("return {}")}, {Name: "blue-green.lua", Text: []byte("runbook{}")}},
		Created: effect.Event{At: At(0), Kind: effect.RunCreated}}
}

// Create creates a run that this process holds.
func Create(t testing.TB, db *journal.DB, id string) *journal.Writer {
	t.Helper()
	w, err := db.Create(t.Context(), New(id), journal.Self())
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// Done is an event of a read's outcome.
func Done(place effect.Place) effect.Event {
	return effect.Event{At: At(1), Kind: effect.EffectDone, Place: place,
		Body: effect.Body{Op: "traffic.weights", Args: json.RawMessage(`{"pool":"web"}`), Class: effect.Read,
			Where: effect.Position{File: "blue-green.lua", Line: 14}, Value: json.RawMessage(`{"blue":90,"green":10}`)}}
}

func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func testAppend(t *testing.T, db *journal.DB) {
	ctx := t.Context()
	w := Create(t, db, "run-a")
	one := must(w.Append(ctx, Done("1")))(t)
	two := must(w.Append(ctx, Done("2"), Done("3")))(t)
	if one[0].Seq != 2 || two[0].Seq != 3 || two[1].Seq != 4 || one[0].Epoch != 1 {
		t.Errorf("numbers: %v %v", one, two)
	}
	events := must(db.Events(ctx, "run-a", 0))(t)
	if len(events) != 4 || events[0].Kind != effect.RunCreated || !events[0].At.Equal(At(0)) {
		t.Fatalf("events: %v", events)
	}
	if !reflect.DeepEqual(events[1:], append(one, two...)) {
		t.Errorf("read back %v, appended %v", events[1:], append(one, two...))
	}
	if later := must(db.Events(ctx, "run-a", 3))(t); len(later) != 1 || later[0].Place != "3" {
		t.Errorf("behind 3: %v", later)
	}
	if none := must(db.Events(ctx, "run-a", 4))(t); len(none) != 0 {
		t.Errorf("behind the end: %v", none)
	}
	run := must(db.Find(ctx, "run-a"))(t)
	if run.Seq != 4 || run.Status != effect.StatusRunning || !run.Updated.Equal(At(1)) || run.Holder == nil ||
		string(run.Params) != `{"version":"v1.2.3"}` || run.Env != "prod" || run.By != "ada@ops" || run.Script != "blue-green.lua" {
		t.Errorf("run: %+v", run)
	}
	// A canceled context does not keep what happened from being recorded.
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := w.Append(canceled, Done("4")); err != nil {
		t.Errorf("append with a canceled context: %v", err)
	}
	var missing *journal.NotFoundError
	if _, err := db.Events(ctx, "nothing", 0); !errors.As(err, &missing) {
		t.Errorf("events of no run: %v", err)
	}
	if _, err := w.Append(ctx, effect.Event{Kind: "made.up"}); err == nil {
		t.Error("an unknown kind was appended")
	}
	if _, err := w.Append(ctx, effect.Event{Kind: effect.Logged, Body: effect.Body{Value: json.RawMessage("{")}}); err == nil {
		t.Error("a value that is no JSON was appended")
	}
}

func testBody(t *testing.T, db *journal.DB) {
	w := Create(t, db, "run-a")
	body := effect.Body{Op: "db.restore", Args: json.RawMessage(`{"a":[1,{"b":null}]}`), Class: effect.Write, Recovery: effect.Ask,
		Key: "k", Attempt: 3, Where: effect.Position{File: "ä \"b\".lua", Line: 7}, Value: json.RawMessage(`"x"`),
		Error: &effect.Error{Code: effect.CodeTimeout, Message: "too slow", Op: "db.restore", Retryable: true, Hint: "wait",
			Where: effect.Position{File: "f.lua", Line: 1}},
		Outcome: "unknown", Name: "tab\tname", Text: "line\nline \u2028 <&> \x00", By: "ada@ops", Reason: `she said "no" \ twice`,
		Status: effect.StatusFailed, Run: "other", Hash: "00"}
	for _, b := range []effect.Body{body, {}, {Text: "plain"}} {
		got := must(w.Append(t.Context(), effect.Event{At: At(2), Kind: effect.Logged, Place: "7.a.2", Body: b}))(t)
		back := must(db.Events(t.Context(), "run-a", got[0].Seq-1))(t)
		if len(back) != 1 || !reflect.DeepEqual(back[0], got[0]) {
			t.Errorf("appended %+v, read %+v", got, back)
		}
	}
}

func testSources(t *testing.T, db *journal.DB) {
	ctx := t.Context()
	w := Create(t, db, "run-a")
	fixed := journal.Source{Name: "blue-green.lua", Text: []byte("runbook{ fixed = true }")}
	check(t, w.AddSource(ctx, fixed, effect.Event{At: At(1), Kind: effect.SourceChanged}))
	sources := must(db.Sources(ctx, "run-a"))(t)
	if len(sources) != 2 || string(sources[0].Text) != string(fixed.Text) || sources[1].Name != "lib/slo.lua" || len(sources[0].Hash) != 64 {
		t.Errorf("sources: %v", sources)
	}
	events := must(db.Events(ctx, "run-a", 1))(t)
	if len(events) != 1 || events[0].Body.Name != fixed.Name || events[0].Body.Hash != sources[0].Hash {
		t.Errorf("events: %v", events)
	}
	fixed.Hash = "0000"
	if err := w.AddSource(ctx, fixed, effect.Event{Kind: effect.SourceChanged}); err == nil {
		t.Error("a wrong hash was taken")
	}
	if err := w.AddSource(ctx, journal.Source{Name: "x"}, effect.Event{Kind: effect.Logged}); err == nil {
		t.Error("a source came with an event of another kind")
	}
}

func testFind(t *testing.T, db *journal.DB) {
	ctx := t.Context()
	var missing *journal.NotFoundError
	if _, err := db.Find(ctx, "latest"); !errors.As(err, &missing) {
		t.Errorf("latest of none: %v", err)
	}
	for _, id := range []string{"0198-aa-1", "0198-ab-2", "0198-ab-22"} {
		Create(t, db, id)
	}
	for prefix, want := range map[string]string{"0198-aa": "0198-aa-1", "0198-AA-1": "0198-aa-1", "latest": "0198-ab-22",
		"last": "0198-ab-22", "0198-ab-2": "0198-ab-2", " 0198-ab-22 ": "0198-ab-22"} {
		if run, err := db.Find(ctx, prefix); err != nil || run.ID != want {
			t.Errorf("%q finds %q, %v; want %q", prefix, run.ID, err, want)
		}
	}
	for _, prefix := range []string{"", "0199", "%", "_198", "0198-aa-1x"} {
		if _, err := db.Find(ctx, prefix); !errors.As(err, &missing) {
			t.Errorf("%q: %v", prefix, err)
		}
	}
	var ambiguous *journal.AmbiguousError
	if _, err := db.Find(ctx, "0198"); !errors.As(err, &ambiguous) || len(ambiguous.Candidates) != 3 {
		t.Errorf("ambiguous: %v", err)
	}
}

func testRuns(t *testing.T, db *journal.DB) {
	ctx := t.Context()
	for i := range 4 {
		w := Create(t, db, fmt.Sprintf("run-%d", i))
		if i%2 == 0 {
			check(t, w.SetStatus(ctx, effect.StatusSucceeded))
		}
	}
	for _, c := range []struct {
		filter journal.Filter
		want   []string
	}{
		{journal.Filter{}, []string{"run-3", "run-2", "run-1", "run-0"}},
		{journal.Filter{Limit: 2}, []string{"run-3", "run-2"}},
		{journal.Filter{Status: effect.StatusSucceeded}, []string{"run-2", "run-0"}},
		{journal.Filter{Name: "blue-green", Status: effect.StatusRunning}, []string{"run-3", "run-1"}},
		{journal.Filter{Name: "other"}, nil},
	} {
		var got []string
		for _, r := range must(db.Runs(ctx, c.filter))(t) {
			got = append(got, r.ID)
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%+v: %v, want %v", c.filter, got, c.want)
		}
	}
}

func testExists(t *testing.T, db *journal.DB) {
	Create(t, db, "run-a")
	var exists *journal.ExistsError
	if _, err := db.Create(t.Context(), New("run-a"), journal.Self()); !errors.As(err, &exists) || exists.Deleted {
		t.Errorf("second creation: %v", err)
	}
	const first, second, later = "0198c2a4-5b0f-7abc", "0198c2a4-5b0f-7abd", "0198c2a4-5b10-7abc"
	Create(t, db, first)
	if _, err := db.Create(t.Context(), New(second), journal.Self()); !errors.As(err, &exists) || exists.Alike != first {
		t.Errorf("creation of a run with the short id of another: %v", err)
	}
	Create(t, db, later)
	for _, id := range []string{"", "latest"} {
		if _, err := db.Create(t.Context(), New(id), journal.Self()); err == nil {
			t.Errorf("%q became an id", id)
		}
	}
}

func testPost(t *testing.T, db *journal.DB) {
	ctx := t.Context()
	w := Create(t, db, "run-a")
	must(w.Append(ctx, Done("1")))(t)
	answer := effect.Event{At: At(5), Kind: effect.QuestionAnswered, Place: "2", Body: effect.Body{Outcome: "approved", By: "bob@ops"}}
	sent := must(db.Send(ctx, "run-a", answer, func(events []effect.Event) error {
		if len(events) != 2 {
			return fmt.Errorf("%d events", len(events))
		}
		return nil
	}))(t)
	if sent.Seq != 3 || sent.Epoch != 1 {
		t.Errorf("sent: %+v", sent)
	}
	own := must(w.Append(ctx, Done("3")))(t) // meets the sent event's number
	must(db.Send(ctx, "run-a", answer, nil))(t)
	check(t, w.Renew(ctx))
	must(db.Send(ctx, "run-a", answer, nil))(t)
	two := must(w.Append(ctx, Done("4"), Done("5")))(t)
	if own[0].Seq != 4 || two[1].Seq != 8 {
		t.Errorf("own events: %v %v", own, two)
	}
	unread := must(w.Inbox(ctx))(t)
	if len(unread) != 3 || unread[0].Seq != 3 || unread[1].Seq != 5 || unread[2].Seq != 6 || unread[0].Body.By != "bob@ops" {
		t.Errorf("unread: %v", unread)
	}
	if again := must(w.Inbox(ctx))(t); len(again) != 0 {
		t.Errorf("unread twice: %v", again)
	}
	must(db.Send(ctx, "run-a", answer, nil))(t)
	if unread := must(w.Inbox(ctx))(t); len(unread) != 1 || unread[0].Seq != 9 {
		t.Errorf("unread alone: %v", unread)
	}
	var missing *journal.NotFoundError
	if _, err := db.Send(ctx, "none", answer, nil); !errors.As(err, &missing) {
		t.Errorf("send to nothing: %v", err)
	}
	if _, err := db.Send(ctx, "run-a", effect.Event{Kind: effect.StatusChanged}, nil); err == nil {
		t.Error("a status was sent")
	}
}

func testPostRefused(t *testing.T, db *journal.DB) {
	Create(t, db, "run-a")
	no := errors.New("answered already")
	if _, err := db.Send(t.Context(), "run-a", Done("1"), func([]effect.Event) error { return no }); !errors.Is(err, no) || err.Error() != no.Error() {
		t.Errorf("refusal: %v", err)
	}
	if events := must(db.Events(t.Context(), "run-a", 0))(t); len(events) != 1 {
		t.Errorf("events: %v", events)
	}
}

func testDelete(t *testing.T, db *journal.DB) {
	ctx := t.Context()
	w := Create(t, db, "run-a")
	Create(t, db, "run-b")
	var active *journal.ActiveError
	if err := db.Delete(ctx, "run-a"); !errors.As(err, &active) {
		t.Errorf("delete a running run: %v", err)
	}
	check(t, w.SetStatus(ctx, effect.StatusFailed))
	check(t, db.Delete(ctx, "run-a"))
	var missing *journal.NotFoundError
	for what, err := range map[string]error{
		"delete":  db.Delete(ctx, "run-a"),
		"find":    second(db.Find(ctx, "run-a")),
		"events":  second(db.Events(ctx, "run-a", 0)),
		"sources": second(db.Sources(ctx, "run-a")),
		"acquire": second(db.Acquire(ctx, "run-a", journal.Self())),
		"append":  second(w.Append(ctx, Done("1"))),
	} {
		if !errors.As(err, &missing) || missing.Deleted.IsZero() {
			t.Errorf("%s after deletion: %v", what, err)
		}
	}
	var exists *journal.ExistsError
	if _, err := db.Create(ctx, New("run-a"), journal.Self()); !errors.As(err, &exists) || !exists.Deleted {
		t.Errorf("the id came back: %v", err)
	}
	if runs := must(db.Runs(ctx, journal.Filter{}))(t); len(runs) != 1 || runs[0].ID != "run-b" {
		t.Errorf("runs: %v", runs)
	}
}

func second[T any](_ T, err error) error { return err }

func testFork(t *testing.T, db *journal.DB) {
	ctx := t.Context()
	old := Create(t, db, "run-old")
	must(old.Append(ctx, Done("1"), Done("2")))(t)
	check(t, old.AddSource(ctx, journal.Source{Name: "blue-green.lua", Text: []byte("2")}, effect.Event{Kind: effect.SourceChanged}))
	check(t, old.SetStatus(ctx, effect.StatusFailed))
	history := must(db.Events(ctx, "run-old", 0))(t)
	n := New("run-new")
	n.Parent, n.History = "run-old", history
	n.Forked = effect.Event{At: At(9), Kind: effect.Forked, Body: effect.Body{By: "ada@ops"}}
	w := must(db.Create(ctx, n, journal.Self()))(t)
	must(w.Append(ctx, Done("3")))(t)
	events := must(db.Events(ctx, "run-new", 0))(t)
	if len(events) != 4 || events[0].Kind != effect.RunCreated || events[1].Place != "1" || events[2].Place != "2" ||
		events[2].Seq != 3 || !events[2].At.Equal(At(1)) || events[3].Place != "3" {
		t.Errorf("events of the fork: %v", events)
	}
	parent, fork := must(db.Find(ctx, "run-old"))(t), must(db.Find(ctx, "run-new"))(t)
	if parent.Successor != "run-new" || parent.Status != effect.StatusFailed || fork.Parent != "run-old" || fork.Status != effect.StatusRunning {
		t.Errorf("parent %+v, fork %+v", parent, fork)
	}
	past := must(db.Events(ctx, "run-old", 0))(t)
	if last := past[len(past)-1]; last.Kind != effect.Forked || last.Body.Run != "run-new" || len(past) != len(history)+1 {
		t.Errorf("the parent's last event: %+v", last)
	}
	n = New("run-orphan")
	n.Parent, n.Forked = "none", effect.Event{Kind: effect.Forked}
	if _, err := db.Create(ctx, n, journal.Self()); err == nil {
		t.Error("a fork of nothing")
	}
}

func testChanged(t *testing.T, db *journal.DB) {
	ctx := t.Context()
	w := Create(t, db, "run-a")
	a := must(db.Changed(ctx))(t)
	b := must(db.Changed(ctx))(t)
	must(w.Append(ctx, Done("1")))(t)
	c := must(db.Changed(ctx))(t)
	if a != b || b == c {
		t.Errorf("before %d, before %d, after %d", a, b, c)
	}
}

func testDigest(t *testing.T, db *journal.DB) {
	check(t, db.Keyed())
	a, again, b := db.Digest(effect.NewSecret("x", "hunter2")), db.Digest(effect.NewSecret("x", "hunter2")), db.Digest(effect.NewSecret("x", "hunter3"))
	if a != again || a == b || len(a) != len("hmac-sha256:")+64 {
		t.Errorf("digests: %s %s %s", a, again, b)
	}
}

func testParallel(t *testing.T, db *journal.DB) {
	ctx := t.Context()
	const writers, each = 4, 15
	var wg sync.WaitGroup
	w := Create(t, db, "run-a")
	other := Create(t, db, "run-b")
	for range writers {
		wg.Add(3)
		go func() {
			defer wg.Done()
			for range each {
				if _, err := w.Append(ctx, Done("1")); err != nil {
					t.Error(err)
				}
				w.Valid()
			}
		}()
		go func() {
			defer wg.Done()
			for range each {
				if _, err := other.Append(ctx, Done("1"), Done("2")); err != nil {
					t.Error(err)
				}
				if err := other.Renew(ctx); err != nil {
					t.Error(err)
				}
			}
		}()
		go func() {
			defer wg.Done()
			for range each {
				if _, err := db.Send(ctx, "run-a", effect.Event{Kind: effect.QuestionAnswered}, nil); err != nil {
					t.Error(err)
				}
				if _, err := db.Events(ctx, "run-b", 0); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	wg.Wait()
	unread := must(w.Inbox(ctx))(t)
	events := must(db.Events(ctx, "run-a", 1))(t)
	if len(unread) != writers*each || len(events) != 2*writers*each {
		t.Errorf("%d unread, %d events", len(unread), len(events))
	}
}

func testPast(t *testing.T, db *journal.DB) {
	ctx := t.Context()
	w := Create(t, db, "run-a")
	must(w.Append(ctx, Done("1"), Done("2")))(t)
	check(t, w.Close(ctx))
	w = must(db.Acquire(ctx, "run-a", journal.Self()))(t)
	if past, events := w.Past(), must(db.Events(ctx, "run-a", 0))(t); !reflect.DeepEqual(past, events) {
		t.Errorf("the past is %v and the events are %v", past, events)
	}
	if again := w.Past(); len(again) > 0 {
		t.Errorf("the second time: %v", again)
	}
}

func testAccept(t *testing.T, db *journal.DB) {
	ctx := t.Context()
	w := Create(t, db, "run-a")
	var held *journal.HeldError
	if _, err := db.Accept(ctx, "run-a", journal.Self(), "ana", ""); !errors.As(err, &held) {
		t.Errorf("accept the record of a run that is held: %v", err)
	}
	check(t, w.Close(ctx))
	if faults := must(db.Accept(ctx, "run-a", journal.Self(), "ana", ""))(t); len(faults) > 0 {
		t.Errorf("accepted %v", faults)
	}
	if events := must(db.Events(ctx, "run-a", 0))(t); len(events) != 1 {
		t.Errorf("events: %v", events)
	}
}
