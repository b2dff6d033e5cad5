package interpreter_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

// ledger is the backend of these tests. It carries nothing out but writes down
// what reached it and what it applied, so that the truth about a run stands
// outside of the engine.
type ledger struct {
	mu   sync.Mutex
	book book
}

// Kinds of entries.
const (
	received = "received"
	applied  = "applied"
	refused  = "refused"
	observed = "observed"
)

// ledgerOps are one op of each recovery, a read, and one that fails at first.
func ledgerOps() []effect.Op {
	op := func(name, doc string, class effect.Class, recovery effect.Recovery, more ...effect.Field) effect.Op {
		return effect.Op{Module: "ledger", Name: name, Doc: doc, Class: class, Recovery: recovery, Timeout: time.Minute,
			Args: append([]effect.Field{
				{Name: "item", Type: effect.String, Required: true, Doc: "what to write down"},
				{Name: "note", Type: effect.String, Doc: "goes with it"},
				{Name: "hang", Type: effect.Enum, Enum: []string{"before", "after"}, Doc: "hang at the first attempt, before or after applying"},
				{Name: "gate", Type: effect.String, Doc: "wait until this gate is open"},
				{Name: "need", Type: effect.String, Doc: "refuse unless this gate is open"},
				{Name: "token", Type: effect.String, Secret: true, Doc: "a secret"},
			}, more...),
			Returns: []effect.Field{{Name: "item", Type: effect.String, Doc: "what was written down"}}}
	}
	return []effect.Op{
		op("put_retry", "Write an item down; once a key", effect.Write, effect.Retry),
		op("put_observe", "Write an item down", effect.Write, effect.Observe),
		op("put_ask", "Write an item down", effect.Write, effect.Ask),
		op("say", "Write an item down for ever", effect.Irreversible, effect.Forgo),
		op("flaky", "Refuse the first calls for an item; once a key", effect.Write, effect.Retry,
			effect.Field{Name: "fails", Type: effect.Int, Required: true, Doc: "how many calls to refuse"}),
		{Module: "ledger", Name: "look", Doc: "Count the items that stand written", Class: effect.Read,
			Args: []effect.Field{{Name: "gate", Type: effect.String, Doc: "wait until this gate is open"},
				{Name: "note", Type: effect.String, Doc: "goes with it"}},
			Returns: []effect.Field{{Name: "items", Type: effect.Int, Doc: "how many"}}},
		{Module: "ledger", Name: "secret", Doc: "Read a secret, of which each item called rotate makes a version and revoke N ends one", Class: effect.Read,
			Args: []effect.Field{{Name: "version", Type: effect.String, Doc: "which version; the newest if left out"}}, Recall: []string{"version"},
			Returns: []effect.Field{{Name: "value", Type: effect.String, Secret: true, Doc: "the secret"},
				{Name: "version", Type: effect.String, Doc: "which version it is"}}},
	}
}

func (*ledger) Describe() plugins.Description {
	return plugins.Description{Name: "ledger", Module: "ledger", Doc: "Writes down what it is told.", Version: "1", Ops: ledgerOps(),
		Config: []effect.Field{{Name: "path", Type: effect.String, Required: true, Doc: "the file"}}}
}

func (l *ledger) Configure(_ context.Context, config map[string]any) error {
	path, _ := config["path"].(string)
	l.book = book(path)
	return nil
}

func (*ledger) Health(context.Context) error { return nil }

func (l *ledger) Invoke(ctx context.Context, req plugins.Request) (any, error) {
	text := func(name string) string { s, _ := req.Args[name].(string); return s }
	if err := l.note(received, req); err != nil {
		return nil, err
	}
	if text("hang") == "before" && req.Attempt == 1 {
		select {}
	}
	if gate := text("gate"); gate != "" {
		if err := l.book.await(ctx, gate); err != nil {
			return nil, effect.Errorf(effect.CodeUnknown, "canceled while waiting at a gate")
		}
	}
	value, err := l.apply(req, text("item"), text("need"))
	if text("hang") == "after" && req.Attempt == 1 {
		select {}
	}
	return value, err
}

// apply looks at the book and writes into it as one action, also against a
// plugin before this one that is about to end.
func (l *ledger) apply(req plugins.Request, item, need string) (any, error) {
	unlock, err := l.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	entries, err := l.book.read()
	if err != nil {
		return nil, err
	}
	value := map[string]any{"item": item}
	switch {
	case req.Op == "look":
		return map[string]any{"items": float64(len(entries.pick(applied, "").items()))}, nil
	case req.Op == "secret":
		version, _ := req.Args["version"].(string)
		return entries.secret(version)
	case need != "" && !l.book.open(need):
		if err := l.write(refused, req); err != nil {
			return nil, err
		}
		token, _ := req.Args["token"].(string)
		return nil, effect.Errorf(effect.CodeRefused, "the gate %s is not open to %q", need, token)
	case req.Op == "flaky":
		fails, _ := req.Args["fails"].(float64)
		if entries.pick(received, item).keys()[req.Key] < int(fails) {
			if err := l.write(refused, req); err != nil {
				return nil, err
			}
			return nil, effect.Errorf(effect.CodeUnavailable, "not yet")
		}
		fallthrough
	case req.Op == "put_retry":
		if _, done := entries.pick(applied, item).keys()[req.Key]; done {
			return value, nil
		}
	}
	return value, l.write(applied, req)
}

// secret returns a version of the secret that is kept in a book.
func (list entries) secret(version string) (any, error) {
	items := list.pick(applied, "").items()
	if version == "" {
		version = strconv.Itoa(items["rotate"] + 1)
	}
	if items["revoke "+version] > 0 {
		return nil, effect.Errorf(effect.CodeGone, "version %s was revoked", version)
	}
	return map[string]any{"value": "value-of-version-" + version, "version": version}, nil
}

// Observe looks the request's key up.
func (l *ledger) Observe(_ context.Context, req plugins.Request) (plugins.Observation, error) {
	if err := l.note(observed, req); err != nil {
		return plugins.Observation{}, err
	}
	entries, err := l.book.read()
	if err != nil {
		return plugins.Observation{}, err
	}
	item, _ := req.Args["item"].(string)
	if _, done := entries.pick(applied, item).keys()[req.Key]; done {
		return plugins.Observation{State: effect.Applied, Value: map[string]any{"item": item}}, nil
	}
	return plugins.Observation{State: effect.NotApplied}, nil
}

func (l *ledger) note(what string, req plugins.Request) error {
	unlock, err := l.lock()
	if err != nil {
		return err
	}
	defer unlock()
	return l.write(what, req)
}

// lock keeps out other calls and other processes; it ends with the process.
func (l *ledger) lock() (unlock func(), err error) {
	l.mu.Lock()
	file, err := os.OpenFile(string(l.book)+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		l.mu.Unlock()
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		l.mu.Unlock()
		return nil, errors.Join(err, file.Close())
	}
	return func() {
		_ = file.Close()
		l.mu.Unlock()
	}, nil
}

func (l *ledger) write(what string, req plugins.Request) error {
	item, _ := req.Args["item"].(string)
	args, err := effect.Encode(req.Args, nil)
	if err != nil {
		return err
	}
	return l.book.add(entry{What: what, Key: req.Key, Op: req.Op, Item: item, Args: string(args), Run: req.Run,
		Place: req.Place, Attempt: req.Attempt, PID: os.Getpid()})
}

// await returns when a gate is open.
func (b book) await(ctx context.Context, gate string) error {
	for !b.open(gate) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2 * time.Millisecond):
		}
	}
	return nil
}

func (b book) open(gate string) bool {
	_, err := os.Stat(b.gate(gate))
	return !errors.Is(err, fs.ErrNotExist)
}

func (b book) gate(name string) string { return string(b) + "." + name }
