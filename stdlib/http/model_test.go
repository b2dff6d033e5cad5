package http

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/modeltest"
)

type obj = map[string]any

func TestHTTPModel(t *testing.T) {
	r := modeltest.New(t, Module(), obj{"responses": obj{
		"https://api":               obj{"status": 503.0},
		"GET https://api/version":   obj{"json": obj{"version": "v2"}},
		"POST https://api/jobs":     obj{"status": 201.0, "sets": obj{"jobs": 1.0}, "takes": "2s"},
		"https://gone.example.org/": obj{"unreachable": true},
		"https://gateway/":          obj{"status": 504.0, "sets": obj{"never": 1.0}},
	}})
	got := r.Must("request", obj{"url": "https://api/version?x=1"})
	modeltest.Is(t, "json", got["json"], obj{"version": "v2"})
	modeltest.Is(t, "body", got["body"], `{"version":"v2"}`)
	if e := r.Fails("request", obj{"url": "https://api/other"}, effect.CodeFailed, "was answered 503"); !e.Retryable {
		t.Error("503 may pass")
	}
	modeltest.Is(t, "503 may be fine", r.Must("request", obj{"url": "https://api/other", "ok": []any{503.0}})["status"], 503.0)
	modeltest.Is(t, "post", r.Must("request", obj{"url": "https://api/jobs", "method": "POST"})["seconds"], 2.0)
	modeltest.Is(t, "vars", r.State(), obj{"vars": obj{"jobs": 1.0}})
	r.Fails("request", obj{"url": "https://gone.example.org/x"}, effect.CodeUnavailable)
	r.Fails("request", obj{"url": "https://gateway/x"}, effect.CodeFailed, "504")
	r.Fails("request", obj{"url": "https://gateway/x", "method": "POST"}, effect.CodeUnknown, "behind the gateway")
	modeltest.Is(t, "vars", r.State(), obj{"vars": obj{"jobs": 1.0}})
	modeltest.Is(t, "its type", got["headers"], obj{"content-type": "application/json"})
	modeltest.Is(t, "who is not declared", r.Must("request", obj{"url": "https://other/"})["status"], 200.0)
}
