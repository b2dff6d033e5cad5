// Package powerdns carries the module dns by the HTTP API of the PowerDNS
// Authoritative Server, version 1.
//
// # What the API promises
//
// A PATCH of a zone puts a whole record set in the place of another in one
// transaction of its database. It does not compare: what is to be replaced is
// read right before, and read back right after. Between two programs that
// change one set in the same moment the later one wins, unheard; this program
// makes its own changes one after the other. A CNAME beside other records the
// server refuses.
//
// Where no answer came, the outcome is unknown, and Observe reads what is there.
package powerdns

import (
	"encoding/json"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/post"
	"github.com/q-ecosystem/runbook/plugins/internal/recordset"
)

// New returns a backend that is not configured yet.
func New() *recordset.Backend {
	return recordset.New(recordset.Service{
		Name: "powerdns", Version: "1.0.0", Doc: "Change DNS records by the HTTP API of PowerDNS",
		Config: append([]effect.Field{
			{Name: "url", Type: effect.String, Required: true, Min: effect.Bound(1), Doc: "where its webserver is: https://host:port, or http://127.0.0.1:8081"},
			{Name: "api_key", Type: effect.String, Secret: true, Required: true, Min: effect.Bound(1), Doc: "its api-key"},
			{Name: "server_id", Type: effect.String, Default: "localhost", Min: effect.Bound(1), Doc: "which server of the API: localhost, unless a proxy has others"},
			{Name: "allow_http", Type: effect.Bool, Default: false, Doc: "send the key without TLS to other machines than this one"},
		}, post.Fields()...),
		Open: open, Settle: time.Second, OneByOne: true,
	})
}

func open(config map[string]any) (recordset.Keeper, error) {
	address, _ := config["url"].(string)
	plain, _ := config["allow_http"].(bool)
	api, err := recordset.NewAPI("powerdns", "PowerDNS", address, plain, config)
	if err != nil {
		return nil, err
	}
	api.Secret = recordset.Revealed(config, "api_key")
	api.Header.Set("X-API-Key", api.Secret)
	api.Says = func(body []byte) string {
		var said struct {
			Error string `json:"error"`
		}
		_ = json.Unmarshal(body, &said) // what is no JSON is shown as it is
		return said.Error
	}
	id, _ := config["server_id"].(string)
	return &server{api: api, id: id}, nil
}
