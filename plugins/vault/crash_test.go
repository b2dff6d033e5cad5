package vault

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib/secrets"
)

// versions returns how many versions of a secret hold a value, past the backend.
func (s *server) versions(name string) int {
	s.t.Helper()
	var got struct {
		Data struct {
			Versions map[string]struct {
				Deleted   string `json:"deletion_time"`
				Destroyed bool
			}
		}
	}
	s.order(http.MethodGet, "secret/metadata/"+name, nil, &got)
	n := 0
	for _, v := range got.Data.Versions {
		if v.Deleted == "" && !v.Destroyed {
			n++
		}
	}
	return n
}

// TestVersionsAreKilled kills the backend before, within and after a version is made, and
// ended.
func TestVersionsAreKilled(t *testing.T) {
	s := start(t)
	b, n := s.backend(nil), 0
	for _, op := range []string{"rotate", "revoke"} {
		t.Run(op, func(t *testing.T) {
			plugintest.Kills{Backend: b, Config: s.config(nil), Module: secrets.Module(), Op: op, Moments: 1, System: s.on,
				Stops: func(t *testing.T, at plugintest.At) (map[string]any, func() bool) {
					r := plugintest.NewRelay(t, s.address, at, true)
					return s.config(obj{"address": r.URL}), r.Held
				},
				Next: func(t *testing.T) plugintest.Round {
					n++
					name := fmt.Sprint("killed/", op, n)
					s.put(name, obj{"value": "by hand"})
					if op == "revoke" {
						return plugintest.Round{Args: obj{"name": name, "version": "1"}, There: func() bool { return s.versions(name) == 0 }}
					}
					value := fmt.Sprint("correct horse ", n)
					return plugintest.Round{Args: obj{"name": name, "value": value}, There: func() bool { return s.versions(name) == 2 && s.read(name)["value"] == value }}
				}}.Run(t)
		})
	}
}
