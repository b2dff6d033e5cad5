package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/config"
	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestBackendPagesConfigure holds every backend that a page's example configures, not
// only the page's own, against the keys that it has.
func TestBackendPagesConfigure(t *testing.T) {
	pages, err := filepath.Glob("../../../../../docs/backends/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	for _, page := range pages {
		if _, err := os.Stat("../../../../runbook-plugin-" + strings.TrimSuffix(filepath.Base(page), ".md")); err == nil {
			continue // its own module's tests read the page
		}
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, found := strings.Cut(string(data), "\n```yaml\nversion: 1\n")
		text, _, _ := strings.Cut(rest, "\n```")
		if !found {
			continue
		}
		c, err := config.Parse(page, []byte("version: 1\n"+text+"\n"))
		if err != nil {
			t.Errorf("%s: %v", page, err)
			continue
		}
		for _, name := range c.Environments() {
			e, err := c.Environment(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, module := range e.Modules() {
				backends, err := e.Backends(module)
				if err != nil {
					t.Fatal(err)
				}
				for _, backend := range backends {
					if b, ok := shipped(backend); ok {
						if _, err := effect.CheckFields(b.Describe().Config, nil, e.Said(config.Carrier{Module: module, Backend: backend})); err != nil {
							t.Errorf("%s: %s by %s: %v", page, module, backend, err)
						}
					}
				}
			}
		}
	}
}
