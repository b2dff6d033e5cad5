package script

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

func TestObserve(t *testing.T) {
	set := obj{"env": "green", "version": "v2", "set": obj{"replicas": "3"}}
	where := obj{"env": "green"}
	for _, c := range []struct {
		name, op string
		args     obj
		status   string
		want     effect.Observed
		says     string // why nobody knows
	}{
		{"released", "release", release(), `{"state":"released","version":"v2"}`, effect.Applied, ""},
		{"active at once", "release", release(), `{"state":"active","version":"v2"}`, effect.Applied, ""},
		{"nothing there", "release", release(), `{"state":"absent"}`, effect.NotApplied, ""},
		{"another version", "release", release(), `{"state":"active","version":"v1"}`, effect.NotApplied, ""},
		{"half of it", "release", release(), `{"state":"failed","version":"v2"}`, "", "status tells of environment green that version v2 is failed"},
		{"its key", "release", set, `{"state":"released","version":"v2","key":"key-1"}`, effect.Applied, ""},
		{"another's key", "release", set, `{"state":"released","version":"v2","key":"key-0"}`, effect.NotApplied, ""},
		{"settings that do not show", "release", set, `{"state":"released","version":"v2"}`, "", "not whether with these settings"},
		{"activated", "activate", where, `{"state":"active","version":"v2"}`, effect.Applied, ""},
		{"not activated", "activate", where, `{"state":"released","version":"v2","serving":"v1"}`, effect.NotApplied, ""},
		{"activated and failed", "activate", where, `{"state":"failed","version":"v2"}`, "", "version v2 is failed"},
		{"removed", "decommission", where, `{"state":"absent"}`, effect.Applied, ""},
		{"not removed", "decommission", where, `{"state":"released","version":"v2"}`, effect.NotApplied, ""},
		{"status fails", "release", release(), `oops`, "", "no answer that can be used"},
	} {
		b := running(t, "[ $1 = status ] || exit 1; echo '"+c.status+"'", nil)
		got, err := b.Observe(t.Context(), request(t, c.op, c.args))
		if got.State != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%s: observed %+v, %v", c.name, got, err)
		}
		if e := effect.AsError(err); e != nil && says(e, e.Code, c.says) != nil {
			t.Errorf("%s: %v", c.name, e)
		}
	}
}

// TestObserveAwaitsWhatIsUnderWay: status tells of a version under way, and its
// end is awaited as long as the call's time allows.
func TestObserveAwaitsWhatIsUnderWay(t *testing.T) {
	dir := t.TempDir()
	b := running(t, `echo x >>asked; [ -e arrived ] && echo '`+green+`' || echo '{"state":"active","version":"v1","pending":"v2"}'`, obj{"dir": dir})
	ctx, cancel := context.WithTimeout(t.Context(), observeMargin+time.Second)
	defer cancel()
	_, err := b.Observe(ctx, request(t, "release", release()))
	if err := says(effect.AsError(err), effect.CodeUnknown, "status tells of environment green that v2 is still under way", "resume the run"); err != nil || ctx.Err() != nil {
		t.Error(err, ctx.Err())
	}
	asked := func() int64 {
		if info, err := os.Stat(filepath.Join(dir, "asked")); err == nil {
			return info.Size()
		}
		return 0
	}
	before := asked()
	done := make(chan effect.Observed)
	go func() {
		got, err := b.Observe(context.Background(), request(t, "release", release()))
		if err != nil {
			t.Error(err)
		}
		done <- got.State
	}()
	plugintest.Until(t, "the inquiry", func() bool { return asked() > before })
	put(t, filepath.Join(dir, "arrived"), "")
	if got := <-done; got != effect.Applied {
		t.Errorf("observed %q", got)
	}
}

// TestObserveAwaitsTheProgram: while the program of an earlier attempt runs,
// what status tells is no outcome.
func TestObserveAwaitsTheProgram(t *testing.T) {
	dir := t.TempDir()
	b := running(t, `if [ $1 = status ]; then [ -e released ] && echo '`+green+`' || echo '{"state":"absent"}'; exit; fi
		echo >begun; until [ -e gate ]; do sleep 0.02; done; echo >released`, obj{"dir": dir})
	ended := make(chan error, 1)
	go func() {
		_, err := b.Invoke(context.Background(), request(t, "release", release()))
		ended <- err
	}()
	begun := func(name string) func() bool {
		return func() bool { _, err := os.Stat(filepath.Join(dir, name)); return err == nil }
	}
	plugintest.Until(t, "its beginning", begun("begun"))
	ctx, cancel := context.WithTimeout(t.Context(), observeMargin+300*time.Millisecond)
	defer cancel()
	other := configured(t, obj{"program": b.settings.programs["status"], "dir": dir})
	if _, err := other.Observe(ctx, request(t, "release", release())); says(effect.AsError(err), effect.CodeUnknown, "a program of an earlier attempt still runs") != nil {
		t.Errorf("beside it: %v", err)
	}
	put(t, filepath.Join(dir, "gate"), "")
	got, err := other.Observe(t.Context(), request(t, "release", release()))
	if err != nil || got.State != effect.Applied {
		t.Errorf("observed %+v, %v", got, err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
