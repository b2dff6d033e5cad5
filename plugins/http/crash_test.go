package http

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	nethttp "net/http"

	"github.com/q-ecosystem/runbook/plugins/plugintest"
	contract "github.com/q-ecosystem/runbook/stdlib/http"
)

func TestMain(m *testing.M) { os.Exit(plugintest.Main(m, New())) }

// orders is a service that takes orders, and knows a repetition by its key. It lets
// one request stand at a stop, before it is taken or after, until its sender is gone.
type orders struct {
	stop   atomic.Pointer[plugintest.At]
	held   atomic.Bool
	mu     sync.Mutex
	placed map[string]bool // by their keys
	times  map[string]int
}

func (o *orders) ServeHTTP(w nethttp.ResponseWriter, r *nethttp.Request) {
	at := o.stop.Swap(nil)
	stand := func(here plugintest.At) {
		if at != nil && *at == here {
			o.held.Store(true)
			<-r.Context().Done()
			panic(nethttp.ErrAbortHandler)
		}
	}
	stand(plugintest.Before)
	key := r.Header.Get("Idempotency-Key")
	o.mu.Lock()
	o.placed[key] = true
	o.times[key]++
	o.mu.Unlock()
	stand(plugintest.After)
	w.WriteHeader(nethttp.StatusCreated)
}

func (o *orders) of(key string) (placed bool, times int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.placed[key], o.times[key]
}

// TestKilled kills the backend before, within and after each request: one that may come
// twice is sent again with its key, and of others nothing comes twice.
func TestKilled(t *testing.T) {
	o := &orders{placed: map[string]bool{}, times: map[string]int{}}
	url := serve(t, o.ServeHTTP)
	b, n := backend(t, nil), 0
	for _, c := range []struct {
		method string
		more   map[string]any
		once   bool
	}{
		{"PUT", nil, false},
		{"DELETE", nil, false},
		{"POST", map[string]any{"recovery": "retry"}, false},
		{"POST", nil, true},
		{"PATCH", nil, true},
	} {
		t.Run(fmt.Sprintf("%s %v", c.method, c.more), func(t *testing.T) {
			plugintest.Kills{Backend: b, Module: contract.Module(), Op: "request", System: services,
				Stops: func(_ *testing.T, at plugintest.At) (map[string]any, func() bool) {
					o.held.Store(false)
					o.stop.Store(&at)
					return nil, o.held.Load
				},
				Next: func(t *testing.T) plugintest.Round {
					n++
					key, args := fmt.Sprint("order-", n), map[string]any{"url": url, "method": c.method, "key_header": "Idempotency-Key"}
					for k, v := range c.more {
						args[k] = v
					}
					return plugintest.Round{Key: key, Args: args, There: func() bool { placed, _ := o.of(key); return placed }, After: func() {
						if _, times := o.of(key); c.once && times > 1 {
							t.Errorf("%s came %d times", c.method, times)
						}
					}}
				}}.Run(t)
		})
	}
}
