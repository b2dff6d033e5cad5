package ssh

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/internal/remote"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

// cutMidway begins a command that waits for a file, and cuts the connection when
// it has begun. It returns the request and the file.
func cutMidway(t *testing.T, l *lab, b *Backend, on string, more obj) (plugins.Request, string) {
	t.Helper()
	begun, gate := filepath.Join(l.Dir, "begun"), filepath.Join(l.Dir, "gate")
	line := "echo x >>" + begun + "; echo half; while [ ! -e " + gate + " ]; do sleep 0.05; done; echo whole"
	req := newRequest(t, "run", t.Name(), 1, sh(on, line, more))
	done := make(chan *effect.Error, 1)
	go func() {
		_, err := b.Invoke(t.Context(), req)
		done <- effect.AsError(err)
	}()
	plugintest.Until(t, "the command's begin", func() bool { return exists(begun) })
	l.Hosts["a"].Cut()
	fails(t, <-done, effect.CodeUnknown, "a (", "the connection broke after the request was sent")
	return req, gate
}

// TestConnectionIsCut: the command goes on, and who asks waits for its end.
func TestConnectionIsCut(t *testing.T) {
	l := startLab(t, "a")
	b := l.backend(t, nil)
	req, gate := cutMidway(t, l, b, "a", nil)
	seen := make(chan plugins.Observation, 1)
	go func() {
		o, err := b.Observe(t.Context(), req)
		if err != nil {
			t.Error(err)
		}
		seen <- o
	}()
	write(t, gate, "", 0o600)
	o := <-seen
	if v, _ := o.Value.(obj); o.State != effect.Applied || v["hosts"].(obj)["a"].(obj)["stdout"] != "half\nwhole\n" {
		t.Errorf("observed %v", o)
	}
	// Sent again, it answers from its record.
	req.Attempt = 2
	v, err := b.Invoke(t.Context(), req)
	if err != nil || v.(obj)["hosts"].(obj)["a"].(obj)["stdout"] != "half\nwhole\n" {
		t.Errorf("the second time: %v, %v", v, err)
	}
	if text := read(t, filepath.Join(l.Dir, "begun")); text != "x\n" {
		t.Errorf("it ran more than once: %q", text)
	}
}

// TestOneOfSeveralIsCut: the whole effect is unknown, and of each host what is
// known is told; when it is asked, both are done.
func TestOneOfSeveralIsCut(t *testing.T) {
	l := startLab(t, "a", "b", "c")
	b := l.backend(t, nil)
	mark, gate := filepath.Join(l.Dir, "mark-"), filepath.Join(l.Dir, "gate")
	req := newRequest(t, "run", "k", 1, sh("all", `p=${SSH_CONNECTION##* }; echo x >>`+mark+`$p; [ $p != `+portOf(l, "b")+` ] || while [ ! -e `+gate+` ]; do sleep 0.05; done`, obj{"limit": 2}))
	done := make(chan *effect.Error, 1)
	go func() {
		_, err := b.Invoke(t.Context(), req)
		done <- effect.AsError(err)
	}()
	plugintest.Until(t, "the begin on b and the end on a", func() bool {
		return exists(mark+portOf(l, "b")) && exists(filepath.Join(l.Hosts["c"].Dir, "state", remote.RecordName("k"), "1.end"))
	})
	l.Hosts["b"].Cut()
	e := <-done
	fails(t, e, effect.CodeUnknown, "b (", "the connection broke", "done on a, c")
	write(t, gate, "", 0o600)
	o, err := b.Observe(t.Context(), req)
	if err != nil || o.State != effect.Applied || o.Value.(obj)["count"] != 3.0 {
		t.Errorf("observed %v, %v", o, err)
	}
	for name := range l.Hosts {
		if text := read(t, mark+portOf(l, name)); text != "x\n" {
			t.Errorf("on %s it ran %q", name, text)
		}
	}
}

// TestSentAgainWhileItRuns: the second attempt waits for the first, and a failure
// is told from the record.
func TestSentAgainWhileItRuns(t *testing.T) {
	l := startLab(t, "a")
	b := l.backend(t, nil)
	req, gate := cutMidway(t, l, b, "a", obj{"ok": []any{7}, "recovery": "retry"})
	req.Attempt = 2
	done := make(chan *effect.Error, 1)
	go func() {
		_, err := b.Invoke(t.Context(), req)
		done <- effect.AsError(err)
	}()
	write(t, gate, "", 0o600)
	fails(t, <-done, effect.CodeFailed, "ended with exit code 0", "whole")
	if text := read(t, filepath.Join(l.Dir, "begun")); text != "x\n" {
		t.Errorf("it ran more than once: %q", text)
	}
}

// TestNotBegun: what has not begun cannot begin any more, and is sent anew.
func TestNotBegun(t *testing.T) {
	l := startLab(t, "a", "b")
	b := l.backend(t, nil)
	ran := filepath.Join(l.Dir, "ran")
	req := newRequest(t, "run", "k", 1, sh("all", "echo x >>"+ran, obj{"limit": 1}))
	o, err := b.Observe(t.Context(), req)
	if err != nil || o.State != effect.NotApplied {
		t.Fatalf("observed %v, %v", o, err)
	}
	_, err = b.Invoke(t.Context(), req) // the first attempt, which comes late
	fails(t, effect.AsError(err), effect.CodeUnknown, "attempt 1 was made void")
	if exists(ran) {
		t.Error("a void attempt ran")
	}
	req.Attempt = 2
	// Of two hosts one is done: sent again, the other one is done as well.
	half := req
	half.Args = obj{}
	for k, v := range req.Args {
		half.Args[k] = v
	}
	half.Args["on"] = []any{"a"}
	if _, err := b.Invoke(t.Context(), half); err != nil {
		t.Fatal(err)
	}
	o, err = b.Observe(t.Context(), req)
	if err != nil || o.State != effect.NotApplied {
		t.Fatalf("observed half way: %v, %v", o, err)
	}
	req.Attempt = 3
	if _, err := b.Invoke(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	if text := read(t, ran); text != "x\nx\n" {
		t.Errorf("it ran %q", text)
	}
	o, err = b.Observe(t.Context(), req)
	if err != nil || o.State != effect.Applied || o.Value.(obj)["count"] != 2.0 {
		t.Errorf("observed %v, %v", o, err)
	}
}

// TestBrokenOff: of a command that was killed with its script nobody knows how
// far it came, until somebody says so.
func TestBrokenOff(t *testing.T) {
	l := startLab(t, "a")
	b := l.backend(t, nil)
	req, gate := cutMidway(t, l, b, "a", nil)
	k := filepath.Join(l.Hosts["a"].Dir, "state", remote.RecordName(req.Key))
	claim := strings.Split(readLink(t, filepath.Join(k, "1")), ":")
	killScript(t, claim[2])
	o, err := b.Observe(t.Context(), req)
	if o.State != effect.Uncertain {
		t.Fatalf("observed %v, %v", o, err)
	}
	fails(t, effect.AsError(err), effect.CodeUnknown, "neither runs nor has it ended")
	// The operator says that it was not applied: it is sent once more.
	write(t, gate, "", 0o600)
	req.Attempt = 2
	if _, err := b.Invoke(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	if text := read(t, filepath.Join(l.Dir, "begun")); text != "x\nx\n" {
		t.Errorf("it ran %q", text)
	}
}

// TestHostCannotBeAsked: nothing is known then, and that is said.
func TestHostCannotBeAsked(t *testing.T) {
	l := startLab(t, "a")
	b := l.backend(t, nil)
	req := newRequest(t, "run", "k", 1, sh("a", "true", nil))
	l.Hosts["a"].Stop(l.Hosts["a"].Cmd)
	o, err := b.Observe(t.Context(), req)
	if o.State != effect.Uncertain {
		t.Errorf("observed %v", o)
	}
	fails(t, effect.AsError(err), effect.CodeUnavailable, "cannot be reached")
	// A host that comes back within the time of reconnect is asked.
	b = l.backend(t, obj{"reconnect": "20s"})
	seen := make(chan plugins.Observation, 1)
	go func() {
		o, err := b.Observe(t.Context(), req)
		if err != nil {
			t.Error(err)
		}
		seen <- o
	}()
	l.StartHost(t, l.Hosts["a"], "")
	if o := <-seen; o.State != effect.NotApplied {
		t.Errorf("observed %v", o)
	}
}

// TestCanceled: a call that is over ends its command.
func TestCanceled(t *testing.T) {
	l := startLab(t, "a")
	b := l.backend(t, nil)
	pid := filepath.Join(l.Dir, "pid")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan *effect.Error, 1)
	go func() {
		_, err := b.Invoke(ctx, newRequest(t, "run", "k", 1, sh("a", "echo $$ >"+pid+".new; mv "+pid+".new "+pid+"; exec sleep 300", nil)))
		done <- effect.AsError(err)
	}()
	plugintest.Until(t, "the command's begin", func() bool { return exists(pid) })
	cancel()
	fails(t, <-done, effect.CodeUnknown, "the call was canceled")
	plugintest.Until(t, "the command's end", func() bool { return !alive(strings.TrimSpace(read(t, pid))) })
}
