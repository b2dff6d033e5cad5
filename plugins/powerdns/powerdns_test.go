package powerdns

import (
	"database/sql"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	_ "github.com/mattn/go-sqlite3" // PowerDNS keeps its zones so here

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/recordsettest"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

// database makes one by a schema.
func database(t *testing.T, file, schema string) {
	t.Helper()
	db, err := sql.Open("sqlite3", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(schema); err != nil {
		t.Fatal(err)
	}
}

func TestConformance(t *testing.T)               { start(t).Conformance(t) }
func TestModelDoesWhatPowerDNSDoes(t *testing.T) { start(t).Walk(t) }
func TestChanges(t *testing.T)                   { start(t).Changes(t) }
func TestObserve(t *testing.T)                   { start(t).Observe(t) }
func TestCrashes(t *testing.T)                   { start(t).Crashes(t) }
func TestFailures(t *testing.T)                  { start(t).Failures(t, apiKey) }

// TestOneAfterTheOther shows what there is instead of a comparison by the
// server.
func TestOneAfterTheOther(t *testing.T) { start(t).Swaps(t, false) }

// TestWhatTheServerKeeps shows disabled records, secondaries and wrong keys.
func TestWhatTheServerKeeps(t *testing.T) {
	s := start(t)
	url := s.Config["url"].(string)
	zone := url + "/api/v1/servers/localhost/zones/example.org."
	call(t, "PATCH", zone, obj{"rrsets": []obj{{"name": "half.example.org.", "type": "A", "ttl": 90, "changetype": "REPLACE",
		"records": []obj{{"content": "192.0.2.1"}, {"content": "192.0.2.99", "disabled": true}}}}})
	b := s.Backend(t, nil)
	got, err := recordsettest.Invoke(t, b, "replace", obj{"name": "half.example.org", "from": []any{"192.0.2.1"}, "to": []any{"192.0.2.2"}})
	if err != nil || got["ttl"] != 90.0 {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := recordsettest.Invoke(t, b, "delete", obj{"name": "half.example.org"}); err != nil {
		t.Error(err)
	}
	var whole struct {
		RRSets []rrset `json:"rrsets"`
	}
	if err := json.Unmarshal(call(t, "GET", zone, nil), &whole); err != nil {
		t.Fatal(err)
	}
	if i := slices.IndexFunc(whole.RRSets, func(r rrset) bool { return r.Name == "half.example.org." }); i < 0 || !reflect.DeepEqual(whole.RRSets[i].Records, []record{{"192.0.2.99", true}}) {
		t.Errorf("the disabled record is gone: %d of %+v", i, whole.RRSets)
	}
	if _, err := recordsettest.Invoke(t, b, "set", obj{"name": "_sip._tcp.example.org", "type": "SRV", "values": []any{"1 2 5060 sip.example.net"}}); err != nil {
		t.Errorf("a name with underscores: %v", err)
	}
	_, err = recordsettest.Invoke(t, s.Backend(t, obj{"api_key": "wrong-key"}), "records", obj{"name": "www.example.org"})
	recordsettest.Fails(t, err, effect.CodeRefused, "was asked for the zone www.example.org and answered 401 Unauthorized", "wrong-key")
	_, err = recordsettest.Invoke(t, s.Backend(t, obj{"server_id": "other"}), "records", obj{"name": "www.example.org"})
	recordsettest.Fails(t, err, effect.CodeNotFound, "no authoritative server called other")
	examine := func() ([]string, error) { return s.Backend(t, obj{"zones": []any{"example.org"}}).Examine(t.Context()) }
	if doubts, err := examine(); err != nil || len(doubts) != 1 || !strings.Contains(doubts[0], "the zone example.org: ") || !strings.Contains(doubts[0], "does not tell without a change") {
		t.Errorf("examined: %q, %v", doubts, err)
	}
	call(t, "PUT", zone, obj{"kind": "Slave", "masters": []any{"192.0.2.53"}})
	_, err = recordsettest.Invoke(t, b, "set", obj{"name": "www.example.org", "values": []any{"192.0.2.7"}})
	recordsettest.Fails(t, err, effect.CodeRefused, "the zone example.org is a secondary there, which another server fills; nothing was sent")
	if _, err := examine(); effect.AsError(err) == nil || effect.AsError(err).Code != effect.CodeRefused || !strings.Contains(err.Error(), "is a secondary there") {
		t.Errorf("examined: %v", err)
	}
	if cerr := plugintest.Configure(New(), obj{"url": "http://192.0.2.1:8081", "api_key": apiKey}); cerr == nil || !strings.Contains(cerr.Error(), "in clear") {
		t.Errorf("a key without TLS: %v", cerr)
	}
}
