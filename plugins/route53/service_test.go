package route53

import (
	"fmt"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/plugins/internal/recordset"
	"github.com/q-ecosystem/runbook/plugins/internal/recordsettest"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/plugins/route53/route53test"
)

type (
	obj   = map[string]any
	set   = route53test.Set
	alias = route53test.Alias
)

var values = route53test.Values

const secret = route53test.Secret

func TestMain(m *testing.M) { os.Exit(plugintest.Main(m, New())) }

// start runs a service with the zone of the tests.
func start(t *testing.T) (recordsettest.Subject, *route53test.Service) {
	t.Helper()
	var sets []set
	for _, r := range recordsettest.Sets() {
		fresh := set{Name: r.Name + ".", Type: r.Kind, TTL: int(r.TTL)}
		for _, v := range r.Values {
			fresh.Values = append(fresh.Values, route53test.Value{Text: toRoute53(r.Kind, v)})
		}
		sets = append(sets, fresh)
	}
	s := route53test.New(sets...)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return recordsettest.Subject{
		System: plugintest.System{Name: "a Route 53 API of the tests"}, Fresh: New, Negative: 600,
		Config: obj{"url": server.URL, "access_key_id": route53test.KeyID, "secret_access_key": secret, "timeout": "5s"},
		See:    func(_ *testing.T, name, kind string) string { return see(s, name, kind) },
	}, s
}

// see returns a set as name servers would answer.
func see(s *route53test.Service, name, kind string) string {
	found := s.Find(name+".", kind)
	if found == nil {
		return "nothing"
	}
	var texts []string
	for _, v := range found.Values {
		text, err := fromRoute53(kind, v.Text)
		if err != nil {
			return err.Error()
		}
		texts = append(texts, text)
	}
	slices.Sort(texts)
	return fmt.Sprintf("%d %s", found.TTL, strings.Join(texts, ", "))
}

// keeper returns what the backend asks.
func keeper(t *testing.T, s recordsettest.Subject) (recordset.Keeper, *recordset.Zone) {
	t.Helper()
	k, err := open(obj{"url": s.Config["url"], "access_key_id": route53test.KeyID, "secret_access_key": secret, "timeout": 5.0, "region": "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	z, e := k.Find(t.Context(), "example.org", true)
	if e != nil {
		t.Fatal(e)
	}
	return k, z
}
