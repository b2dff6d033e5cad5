package caddy

import (
	"context"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

// TestAnswerIsLost: a request that Caddy took is found to be in force, and one
// that it never got is not known of.
func TestAnswerIsLost(t *testing.T) {
	s := start(t)
	r := s.relay(t)
	b := r.backend(t, s, nil)
	req := request(t, "split", obj{"green": 10.0, "blue": 90.0})
	r.write(func(pass func() int) bool { return false })
	_, err := b.Invoke(t.Context(), req)
	plugintest.WantError(t, err, effect.CodeUnknown, "split of pool web", "the connection broke", "traffic.weights")
	if o, err := b.Observe(t.Context(), req); err != nil || o.State != effect.NotApplied {
		t.Errorf("observed %v, %v", o, err)
	}
	r.write(func(pass func() int) bool { pass(); return false })
	is(t, must(t, b, "split", req.Args), shares(90, 10, 0))
	if o, err := b.Observe(t.Context(), req); err != nil || o.State != effect.Applied {
		t.Errorf("observed %v, %v", o, err)
	}
}

// TestLateRequest: a request that Caddy gets after the run went another way is
// refused, although the shares are those that it was made for.
func TestLateRequest(t *testing.T) {
	s := start(t)
	r := s.relay(t)
	b := r.backend(t, s, nil)
	there, late, passed := make(chan bool), make(chan bool), make(chan int)
	release := sync.OnceFunc(func() { close(late) })
	defer release()
	r.write(func(pass func() int) bool {
		there <- true
		<-late
		passed <- pass()
		return false
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error)
	go func() {
		_, err := b.Invoke(ctx, request(t, "split", obj{"green": 10.0, "blue": 90.0}))
		ended <- err
	}()
	<-there
	cancel()
	plugintest.WantError(t, <-ended, effect.CodeUnknown, "canceled", "not known whether it was taken")
	r.write(func(pass func() int) bool { return pass() != 0 })
	is(t, must(t, b, "switch", obj{"to": "blue"}), shares(100, 0, 0))
	release()
	if status := <-passed; status != http.StatusPreconditionFailed {
		t.Errorf("Caddy answered %d", status)
	}
	is(t, must(t, b, "weights", nil), shares(100, 0, 0))
}

// TestStoppedServer: a process that is stopped says nothing, takes the request once
// it goes on, and is asked then.
func TestStoppedServer(t *testing.T) {
	s := start(t)
	r := s.relay(t)
	b := r.backend(t, s, obj{"timeout": "300ms"})
	signal := func(sig syscall.Signal) {
		if err := s.cmd.Process.Signal(sig); err != nil {
			t.Error(err)
		}
	}
	goOn := sync.OnceFunc(func() { signal(syscall.SIGCONT) })
	defer goOn()
	r.write(func(pass func() int) bool {
		signal(syscall.SIGSTOP)
		for !s.stopped() {
			runtime.Gosched()
		}
		pass()
		return false
	})
	req := request(t, "split", obj{"green": 10.0, "blue": 90.0})
	_, err := b.Invoke(t.Context(), req)
	plugintest.WantError(t, err, effect.CodeUnknown, "no answer within 300ms", "not known whether it was taken", "traffic.weights")
	direct := s.backend(t, obj{"timeout": "300ms"})
	for _, op := range []func() error{
		func() error { return direct.Health(t.Context()) },
		func() error { _, err := invoke(t, direct, "weights", nil); return err },
		func() error { _, err := invoke(t, direct, "switch", obj{"to": "blue"}); return err },
	} {
		plugintest.WantError(t, op(), effect.CodeTimeout, "pool web", "no answer within 300ms", "timeout")
	}
	if o, err := direct.Observe(t.Context(), req); err == nil || o.State != effect.Uncertain {
		t.Errorf("observed %v, %v", o, err)
	}
	goOn()
	plugintest.Until(t, "the request is carried out", func() bool {
		o, err := direct.Observe(t.Context(), req)
		return err == nil && o.State == effect.Applied
	})
}

// TestSomebodyElse: what comes between reading and writing is not lost, wherever in
// the handler it is.
func TestSomebodyElse(t *testing.T) {
	s := start(t)
	r := s.relay(t)
	b := r.backend(t, s, nil)
	split := obj{"green": 10.0, "blue": 90.0}
	for what, c := range map[string]struct {
		method, path, body, says string
	}{
		"other weights":    {http.MethodPatch, "/id/web/load_balancing/selection_policy/weights", `[1,1,0]`, "it has now blue 50%, canary 0%, green 50%, before it had blue 100%"},
		"another property": {http.MethodPost, "/id/web/flush_interval", `-1`, "it has now blue 100%"},
		"it goes away":     {http.MethodPatch, "/id/web", `{"handler":"static_response"}`, "has taken the handler web away"},
	} {
		s.set(t, http.MethodPost, "/load", s.conf)
		r.write(func(pass func() int) bool {
			s.set(t, c.method, c.path, c.body)
			pass()
			return true
		})
		_, err := invoke(t, b, "split", split)
		plugintest.WantError(t, err, effect.CodeConflict, c.says, "this changed nothing", "find who changes")
		if t.Failed() {
			t.Fatal(what)
		}
	}
	s.set(t, http.MethodPost, "/load", s.conf)
	r.write(func(pass func() int) bool {
		s.set(t, http.MethodPatch, "/id/web/load_balancing/selection_policy/weights", `[18,2,0]`)
		pass()
		return true
	})
	is(t, must(t, b, "split", split), shares(90, 10, 0)) // whoever has set it
	r.write(func(pass func() int) bool {
		pass()
		s.set(t, http.MethodPatch, "/id/web/load_balancing/selection_policy/weights", `[1,1,0]`)
		return true
	})
	_, err := invoke(t, b, "switch", obj{"to": "green"})
	plugintest.WantError(t, err, effect.CodeConflict, "has now blue 50%", "asked was blue 0%, canary 0%, green 100%")
}

// TestTwoWriters: of writes at once by two backends each succeeds wholly, or says
// that there was another, and the last that succeeded is in force.
func TestTwoWriters(t *testing.T) {
	s := start(t)
	first, second := s.backend(t, nil), s.backend(t, nil)
	type end struct {
		green float64
		err   error
	}
	won, lost := 0, 0
	for range 20 {
		must(t, first, "switch", obj{"to": "blue"})
		ends := make(chan end)
		for b, green := range map[*Backend]float64{first: 10, second: 20} {
			req := request(t, "split", obj{"green": green, "blue": 100 - green})
			go func() {
				_, err := b.Invoke(t.Context(), req)
				ends <- end{green, err}
			}()
		}
		var right []float64
		for range 2 {
			e := <-ends
			switch {
			case e.err == nil:
				won++
				right = append(right, e.green)
			case effect.AsError(e.err).Code == effect.CodeConflict:
				lost++
			case effect.AsError(e.err).Code == effect.CodeUnknown: // a reload dropped the connection
				right = append(right, e.green)
			default:
				t.Fatal(e.err)
			}
		}
		now := must(t, first, "weights", nil)["weights"].(obj)["green"]
		if len(right) == 0 && now != 10.0 && now != 20.0 || len(right) == 1 && now != right[0] {
			t.Errorf("%v succeeded, in force is %v", right, now)
		}
	}
	if won == 0 || lost == 0 {
		t.Errorf("%d succeeded, %d were in conflict: nothing was shown", won, lost)
	}
}

// TestCaddyRefuses: what does not load leaves the configuration of before.
func TestCaddyRefuses(t *testing.T) {
	s := start(t)
	r := s.relay(t)
	split := obj{"green": 10.0, "blue": 90.0}
	ghost := s.backend(t, obj{"pools": s.pool("web", obj{"ghost": "10.0.0.99:80"})})
	_, err := invoke(t, ghost, "split", obj{"ghost": 10.0, "blue": 90.0})
	plugintest.WantError(t, err, effect.CodeRefused, "no upstream 10.0.0.99:80, which is ghost", "nothing changed", s.upstreams["blue"])
	plugintest.WantError(t, ghost.Health(t.Context()), effect.CodeRefused, "which is ghost")
	if v := must(t, ghost, "split", split); v["weights"].(obj)["ghost"] != 0.0 {
		t.Errorf("weights %v", v)
	}
	other := s.backend(t, obj{"pools": obj{"web": obj{"handler": "web", "servers": obj{"blue": s.upstreams["blue"]}}}})
	if v := must(t, other, "weights", nil); v["weights"].(obj)[s.upstreams["green"]] != 10.0 {
		t.Errorf("an upstream without a name: %v", v)
	}
	// A Caddy that does not have the policy.
	b := r.backend(t, s, nil)
	h, err := b.settings.admin.handler(t.Context(), b.settings.pools["web"])
	if err != nil {
		t.Fatal(err)
	}
	answer, failure := b.settings.admin.replace(t.Context(), h, []byte(`{"policy":"no_such"}`))
	if failure != nil {
		t.Fatal(failure.Error())
	}
	c := &change{b, request(t, "switch", obj{"to": "green"}), &reading{b.settings.pools["web"], h}, division{s.upstreams["green"]: 1}}
	_, err = c.refused(t.Context(), answer)
	plugintest.WantError(t, err, effect.CodeRefused, "unknown module", "no_such", "nothing changed", "2.10")
	is(t, must(t, b, "weights", nil), shares(90, 10, 0))
	_, err = c.refused(t.Context(), bodyOf(http.StatusBadGateway, "<html>Bad Gateway"))
	plugintest.WantError(t, err, effect.CodeUnknown, "502 Bad Gateway", "not certain")
}

// TestUnreadable: what is not there, or is something else, is said with what to do.
func TestUnreadable(t *testing.T) {
	s := start(t)
	at := "/config/apps/http/servers/web/routes/0"
	for what, c := range map[string]struct {
		config obj
		code   effect.Code
		says   []string
	}{
		"nobody listens":  {obj{"address": "http://" + plugintest.FreeAddress(t)}, effect.CodeUnavailable, []string{"refused", "nothing was sent"}},
		"no Caddy":        {obj{"address": "http://" + s.front}, effect.CodeFailed, []string{"without the tag"}},
		"another name":    {obj{"address": strings.Replace("http://"+s.admin, "127.0.0.1", "127.0.0.2", 1)}, effect.CodeUnavailable, []string{"refused"}},
		"no such id":      {obj{"pools": s.pool("shop", nil)}, effect.CodeNotFound, []string{"unknown object ID 'shop'", "@id", "Caddyfile"}},
		"no such path":    {obj{"pools": s.pool("/config/apps/http/servers/srv0/routes/0/handle/0", nil)}, effect.CodeNotFound, []string{"invalid traversal path", "@id"}},
		"nothing there":   {obj{"pools": s.pool("/config/apps/http/servers/srv0", nil)}, effect.CodeNotFound, []string{"has nothing at", "reverse_proxy"}},
		"another handler": {obj{"pools": s.pool(at, nil)}, effect.CodeNotFound, []string{"and not to reverse_proxy", "loaded since"}},
		"no handler":      {obj{"pools": s.pool(at+"/handle", nil)}, effect.CodeNotFound, []string{"what is no handler"}},
	} {
		b := s.backend(t, c.config)
		_, weights := invoke(t, b, "weights", nil)
		_, write := invoke(t, b, "switch", obj{"to": "green"})
		for _, err := range []error{b.Health(t.Context()), weights, write} {
			plugintest.WantError(t, err, c.code, append(c.says, "pool web")...)
		}
		o, err := b.Observe(t.Context(), request(t, "switch", obj{"to": "green"}))
		if o.State != effect.Uncertain || err == nil {
			t.Errorf("%s: observed %v, %v", what, o, err)
		}
		if t.Failed() {
			t.Fatal(what)
		}
	}
	b := s.backend(t, nil)
	s.set(t, http.MethodPut, "/config/admin/origins", `["caddy.example.org"]`)
	plugintest.WantError(t, b.Health(t.Context()), effect.CodeRefused, "host not allowed", "origins")
}

// TestUnsentIsSentAgain: a write of which nothing was sent, as while Caddy loads a
// configuration, is made again, and one that may have come only once.
func TestUnsentIsSentAgain(t *testing.T) {
	s := start(t)
	r := s.relay(t)
	b := r.backend(t, s, nil)
	came := 0
	r.write(func(func() int) bool { came++; return false })
	_, err := invoke(t, b, "switch", obj{"to": "green"})
	if plugintest.WantError(t, err, effect.CodeUnknown); came != 1 {
		t.Errorf("it came %d times", came)
	}
	h, err := b.settings.admin.handler(t.Context(), b.settings.pools["web"])
	if err != nil {
		t.Fatal(err)
	}
	r.Close() // nobody listens there now
	began := time.Now()
	_, failure := b.settings.admin.replace(t.Context(), h, []byte(`{}`))
	if failure == nil || failure.Sent {
		t.Fatalf("%+v", failure)
	}
	if took := time.Since(began); took < (tries-1)*between {
		t.Errorf("it gave up after %s", took)
	}
}
