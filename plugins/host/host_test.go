package host_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/host"
	"github.com/q-ecosystem/runbook/stdlib"
)

// open starts a host with one plugin, the lamp unless specs says otherwise.
func open(t *testing.T, specs ...host.Spec) *host.Host {
	t.Helper()
	return openWith(t, host.Options{Specs: specs})
}

func openWith(t *testing.T, o host.Options) *host.Host {
	t.Helper()
	if o.Specs == nil {
		o.Specs = []host.Spec{lampSpec()}
	}
	o.Contract = stdlib.Contract
	if o.Grace == 0 {
		o.Grace = 300 * time.Millisecond
	}
	h, err := host.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	if err := h.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return h
}

// said carries a call out and returns what the lamp said.
func said(t *testing.T, h effect.Handler, c effect.Call) any {
	t.Helper()
	res, err := h.Do(t.Context(), c)
	if err != nil {
		t.Fatalf("%s %v: %v", c.Op, c.Args["do"], err)
	}
	table, _ := res.Value.(map[string]any)
	return table["said"]
}

// failure carries a call out that has to fail with the code.
func failure(t *testing.T, ctx context.Context, h effect.Handler, c effect.Call, code effect.Code) *effect.Error {
	t.Helper()
	res, err := h.Do(ctx, c)
	var e *effect.Error
	if !errors.As(err, &e) {
		t.Fatalf("%s %v returned %v and %v (%T), want an *effect.Error", c.Op, c.Args["do"], res.Value, err, err)
	}
	if e.Code != code {
		t.Fatalf("%s %v: %v, want the code %s", c.Op, c.Args["do"], e, code)
	}
	if e.Op != c.Op.String() {
		t.Errorf("the error names the op %q, want %q", e.Op, c.Op)
	}
	return e
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// alive reports whether a process runs; a zombie does not.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return !errors.Is(err, os.ErrNotExist)
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(after, "Z")
}

func pid(t *testing.T, h effect.Handler) int {
	t.Helper()
	return int(said(t, h, look("pid")).(float64))
}

func TestCallsReachTheBackend(t *testing.T) {
	h := open(t)
	args := said(t, h, look("echo", "text", "a \x00\xff")).(map[string]any)
	if args["text"] != "a \x00\xff" {
		t.Errorf("the backend saw %q", args)
	}
	if said(t, h, look("compare", "text", "plain", "key", effect.NewSecret("key", "plain"))) != true {
		t.Error("the backend did not see the secret's value")
	}
	req := said(t, h, change("request")).(map[string]any)
	want := map[string]any{"op": "change", "key": "k", "run": "r", "place": "7", "attempt": 1.0}
	for k, v := range want {
		if req[k] != v {
			t.Errorf("the backend saw %s = %v, want %v", k, req[k], v)
		}
	}
	if got := said(t, h, look("config")).(map[string]any); got["colour"] != "red" {
		t.Errorf("configured with %v, want the default colour", got)
	}
	if got := said(t, h, look("big")).(string); len(got) != 5<<20 {
		t.Errorf("got %d bytes, want 5 MiB", len(got))
	}
	big := strings.Repeat("y", 5<<20)
	if got := said(t, h, look("echo", "text", big)).(map[string]any); got["text"] != big {
		t.Error("a big argument did not come through")
	}
}

func TestVerbs(t *testing.T) {
	h := open(t)
	c := change("anything")
	c.Verb = effect.VerbObserve
	res, err := h.Do(t.Context(), c)
	if err != nil || res.Observed != effect.Applied || res.Value.(map[string]any)["said"] != "anything" {
		t.Errorf("observe: %+v, %v", res, err)
	}
	c.Args["do"] = "panic"
	failure(t, t.Context(), h, c, effect.CodeInternal)
	c.Args["do"] = "fail"
	failure(t, t.Context(), h, c, effect.CodeUnavailable)
	c.Verb = effect.VerbPreview
	if res, err = h.Do(t.Context(), c); err != nil || res.Predicted != (effect.Prediction{Target: "lamp", From: "off", To: "on"}) {
		t.Errorf("preview: %+v, %v", res, err)
	}
}

func TestErrorsOfTheBackend(t *testing.T) {
	h := open(t)
	e := failure(t, t.Context(), h, change("fail"), effect.CodeConflict)
	if e.Message != "somebody was here: \uFFFD" || e.Hint != "ask them" || e.Retryable {
		t.Errorf("the error came over as %+v", e)
	}
	failure(t, t.Context(), h, look("foreign error"), effect.CodeInternal)
	failure(t, t.Context(), h, change("foreign error"), effect.CodeUnknown)
	failure(t, t.Context(), h, change("panic"), effect.CodeUnknown) // it may have come half way
	failure(t, t.Context(), h, look("foreign value"), effect.CodeInternal)
	failure(t, t.Context(), h, change("foreign value"), effect.CodeUnknown)
	before := pid(t, h)
	if e := failure(t, t.Context(), h, look("panic"), effect.CodeInternal); e.Message != "backend lamp panicked in look: the bulb broke" {
		t.Errorf("a panic reads %q", e.Message)
	}
	if after := pid(t, h); after != before {
		t.Error("the process did not survive a panic in a handler")
	}
}

func TestCallsThatAreNotSent(t *testing.T) {
	h := open(t)
	e := failure(t, t.Context(), h, look("echo", "key", effect.SecretDigest{Name: "key", Digest: "d"}), effect.CodeInvalid)
	if !strings.Contains(e.Message, "[secret key]") {
		t.Errorf("the digest of a secret reads %q", e.Message)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if e := failure(t, ctx, h, change("echo"), effect.CodeUnavailable); !strings.Contains(e.Message, "before the request had left") {
		t.Errorf("a call canceled beforehand reads %q", e.Message)
	}
	late := change("echo")
	late.NotAfter = time.Now().Add(-time.Second)
	if e := failure(t, t.Context(), h, late, effect.CodeUnavailable); !strings.Contains(e.Message, "nothing was done") {
		t.Errorf("a call that comes after its runner's lease reads %q", e.Message)
	}
	late.Until = func() time.Time { return time.Time{} }
	failure(t, t.Context(), h, late, effect.CodeUnavailable)
	late.Until = func() time.Time { return time.Now().Add(time.Hour) } // the lease was renewed while the call waited for its plugin
	if _, err := h.Do(t.Context(), late); err != nil {
		t.Error(err)
	}
	late.Until = nil
	late.NotAfter = time.Now().Add(time.Hour)
	said(t, h, late)
	other := effect.Call{Op: &effect.Op{Module: "traffic", Name: "split"}}
	failure(t, t.Context(), h, other, effect.CodeUnsupported)
	typo := look("echo")
	typo.Op = &effect.Op{Module: "lamp", Name: "lock", Class: effect.Read}
	if e := failure(t, t.Context(), h, typo, effect.CodeUnsupported); e.Hint != `did you mean "look"?` {
		t.Errorf("an unknown op: %v, hint %q", e, e.Hint)
	}
}

func TestProgressComesInOrder(t *testing.T) {
	h := open(t)
	var got []string
	c := look("progress")
	c.Progress = func(line string) { got = append(got, line) }
	said(t, h, c)
	if want := []string{"1 of 3 \uFFFD", "2 of 3 \uFFFD", "3 of 3 \uFFFD"}; !slices.Equal(got, want) {
		t.Errorf("progress %q, want %q", got, want)
	}
}

func TestConcurrentCalls(t *testing.T) {
	h := open(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 20 {
				text := strconv.Itoa(100*i + j)
				res, err := h.Do(t.Context(), look("echo", "text", text))
				if err != nil {
					t.Error(err)
				} else if got := res.Value.(map[string]any)["said"].(map[string]any)["text"]; got != text {
					t.Errorf("got %v, want %s", got, text)
				}
			}
		})
	}
	wg.Wait()
}

func TestOutputGoesToTheLog(t *testing.T) {
	var mu sync.Mutex
	var got []string
	h := openWith(t, host.Options{Log: func(backend, line string) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, backend+" "+line)
	}})
	said(t, h, look("say", "text", "hello\nworld"))
	want := []string{"lamp stdout: hello", "lamp world", "lamp stderr: hello", "lamp world"}
	eventually(t, "the log holds what the plugin wrote", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return slices.Equal(got, want)
	})
}

func TestWhatAPluginCanReach(t *testing.T) {
	t.Setenv("HOST_SECRET", "42")
	spec := lampSpec()
	spec.Env = []string{"EXTRA=1"}
	h := open(t, spec)
	names := []string{}
	for _, kv := range strings.Split(said(t, h, look("environment")).(string), "\n") {
		name, _, _ := strings.Cut(kv, "=")
		names = append(names, name)
	}
	for _, name := range names {
		if !slices.Contains([]string{"PATH", "HOME", "LANG", "TMPDIR", "EXTRA"}, name) {
			t.Errorf("the plugin's environment holds %s", name)
		}
	}
	if !slices.Contains(names, "EXTRA") {
		t.Error("the plugin's environment lacks what the spec adds")
	}
	// Somebody types while the plugin reads.
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdin := os.Stdin
	os.Stdin = read
	t.Cleanup(func() { os.Stdin = stdin; _ = read.Close(); _ = write.Close() })
	if _, err := write.WriteString("the operator's words\n"); err != nil {
		t.Fatal(err)
	}
	if got := said(t, open(t), look("stdin")); got != "" {
		t.Errorf("the plugin read %q from the host's standard input", got)
	}
}

func TestHealth(t *testing.T) {
	spec := lampSpec()
	if got := open(t, spec).Health(t.Context()); !reflect.DeepEqual(got, []host.Health{{Module: "lamp", Backend: "lamp"}}) {
		t.Errorf("health: %v", got)
	}
	spec.Config = map[string]any{"colour": "dim"}
	got := open(t, host.Spec{Name: "bulb", Module: "lamp", Builtin: true}, spec).Health(t.Context())
	if len(got) != 2 || !reflect.DeepEqual(got[0], host.Health{Module: "lamp", Backend: "bulb"}) || got[1].Backend != "lamp" {
		t.Fatalf("health: %v", got)
	}
	if e := effect.AsError(got[1].Err); e == nil || e.Code != effect.CodeUnhealthy {
		t.Errorf("health of a dim lamp: %v", got[1].Err)
	}
}

func TestModulesOfPlugins(t *testing.T) {
	list := open(t).Modules()
	if len(list) != 1 || list[0].Name != "lamp" || len(list[0].Ops) != 3 || list[0].Ops[1].Recovery != effect.Observe {
		t.Errorf("Modules() = %+v", list)
	}
	if _, err := effect.NewCatalog(list...); err != nil {
		t.Error(err)
	}
}

func TestDescribe(t *testing.T) {
	h, err := host.New(host.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	d, err := h.Describe(t.Context(), host.Spec{Name: "lamp", Builtin: true})
	if err != nil || d.Name != "lamp" || d.Version != "1" || len(d.Ops) != 3 || len(d.Config) != 3 {
		t.Errorf("Describe: %+v, %v", d, err)
	}
}

func TestSecretConfigIsRevealedToThePluginOnly(t *testing.T) {
	spec := lampSpec()
	spec.Config = map[string]any{"password": effect.NewSecret("password", "tulip"), "delay": "2m"}
	got := said(t, open(t, spec), look("config")).(map[string]any)
	if got["password"] != "tulip" || got["delay"] != 120.0 {
		t.Errorf("configured with %v", got)
	}
	if strings.Contains(fmt.Sprintf("%+v", spec), "tulip") {
		t.Error("a spec prints its secrets")
	}
}
