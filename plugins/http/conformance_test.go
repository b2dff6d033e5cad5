package http

import (
	"fmt"
	nethttp "net/http"
	"testing"

	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

var services = plugintest.System{Name: "a service of the tests"}

func TestConformance(t *testing.T) {
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"method":%q}`, r.Method)
	})
	plugintest.Run(t, func(*testing.T) plugins.Backend { return New() }, plugintest.Cases{
		System: services,
		Config: map[string]any{"services": map[string]any{url: map[string]any{"health": url + "/health", "secrets": map[string]any{"X-Token": "s3cr3t-token"}}}},
		Reads: []plugins.Request{
			{Op: "request", Args: map[string]any{"url": url}},
			{Op: "request", Args: map[string]any{"url": url + "/search", "method": "POST", "class": "read", "json": map[string]any{"q": "x"}}},
		},
		Writes: []plugins.Request{
			{Op: "request", Args: map[string]any{"url": url + "/a", "method": "PUT", "body": "x"}},
			{Op: "request", Args: map[string]any{"url": url + "/jobs", "method": "POST", "key_header": "Idempotency-Key",
				"secrets": map[string]any{"Authorization": "Bearer hunter22"}}},
		},
	})
}
