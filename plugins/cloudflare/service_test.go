package cloudflare

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/plugins/cloudflare/cloudflaretest"
	"github.com/q-ecosystem/runbook/plugins/internal/recordsettest"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

type (
	obj  = map[string]any
	kept = cloudflaretest.Record
)

const token = cloudflaretest.Token

func TestMain(m *testing.M) { os.Exit(plugintest.Main(m, New())) }

// start runs a service with the zone of the tests.
func start(t *testing.T) (recordsettest.Subject, *cloudflaretest.Service) {
	t.Helper()
	s := cloudflaretest.New()
	for _, set := range recordsettest.Sets() {
		for _, v := range set.Values {
			r, err := newRecord(set.Name, set.Kind, v, set.TTL)
			if err != nil {
				t.Fatal(err)
			}
			var sent kept
			again(t, r, &sent)
			s.Add(sent)
		}
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return recordsettest.Subject{
		System: plugintest.System{Name: "a Cloudflare API of the tests"}, Fresh: New, Negative: 900,
		Config: obj{"url": server.URL, "api_token": token, "timeout": "5s"},
		See:    func(t *testing.T, name, kind string) string { return see(t, s, name, kind) },
	}, s
}

// again reads what was written as JSON.
func again(t *testing.T, from, to any) {
	t.Helper()
	text, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(text, to)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// see returns a set as name servers would answer.
func see(t *testing.T, s *cloudflaretest.Service, name, kind string) string {
	t.Helper()
	var values []string
	ttl := uint32(0)
	for _, one := range s.Sets(name, kind) {
		var r record
		again(t, one, &r)
		v, err := r.value()
		if err != nil {
			return err.Error()
		}
		ttl, values = r.ttl(), append(values, v)
	}
	if len(values) == 0 {
		return "nothing"
	}
	slices.Sort(values)
	return fmt.Sprintf("%d %s", ttl, strings.Join(values, ", "))
}
