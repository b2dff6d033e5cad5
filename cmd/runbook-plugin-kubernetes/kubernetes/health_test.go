package kubernetes

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestMissingNamespace: a namespace that is not there lists as an empty one does,
// and is none. Who may not look at namespaces is told nothing of it.
func TestMissingNamespace(t *testing.T) {
	for reason, code := range map[string]int{"NotFound": http.StatusNotFound, "Forbidden": http.StatusForbidden, "": http.StatusOK} {
		s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			switch {
			case strings.HasSuffix(r.URL.Path, "/deployments"):
				fmt.Fprint(w, `{"kind":"DeploymentList","apiVersion":"apps/v1","metadata":{},"items":[]}`)
			case code == http.StatusOK:
				fmt.Fprint(w, `{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"shop"}}`)
			default:
				w.WriteHeader(code)
				fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":%q,"code":%d,"message":"namespaces shop: %s"}`, reason, code, reason)
			}
		}))
		t.Cleanup(s.Close)
		file := filepath.Join(t.TempDir(), "kubeconfig")
		(&server{}).kubeconfig(t, file, s.URL, "token")
		err := configured(t, obj{"kubeconfig": file, "context": "lab", "namespace": "shop", "deployment": "shop-{env}", "image": "registry.example.org/shop:{version}"}).Health(t.Context())
		if code != http.StatusNotFound {
			if err != nil {
				t.Errorf("%d: %v", code, err)
			}
			continue
		}
		if e := effect.AsError(err); e == nil || e.Code != effect.CodeNotFound || !strings.Contains(e.Message, "namespace shop of") || !strings.Contains(e.Hint, "check namespace") {
			t.Errorf("missing: %v", err)
		}
	}
}
