// Package cloudflare carries the module dns by Cloudflare's API, version 4.
//
// # What the API promises
//
// Cloudflare keeps records, each with an id, not record sets. A change is one
// batch, which is made wholly or not at all: records that go are deleted by the
// ids that were read, in the same batch as those that come in their place. So
// of two programs that replace one record one finds the id gone, and nothing
// changed. The API does not compare more than that: a record that somebody adds,
// or edits in place, in between is not seen before the set is read back. This
// program makes its own changes one after the other.
//
// Where no answer came, the outcome is unknown, and Observe reads what is there.
package cloudflare

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/post"
	"github.com/q-ecosystem/runbook/plugins/internal/recordset"
)

// New returns a backend that is not configured yet.
func New() *recordset.Backend {
	return recordset.New(recordset.Service{
		Name: "cloudflare", Version: "1.0.0", Doc: "Change DNS records at Cloudflare",
		Config: append([]effect.Field{
			{Name: "api_token", Type: effect.String, Secret: true, Required: true, Min: effect.Bound(1), Doc: "an API token that may read zones and edit DNS"},
			recordset.IDs("the zone's ID of its overview page"),
			{Name: "url", Type: effect.String, Default: "https://api.cloudflare.com", Min: effect.Bound(1), Doc: "where the API is"},
		}, post.Fields()...),
		Open: open, Settle: 2 * time.Second, OneByOne: true,
	})
}

func open(config map[string]any) (recordset.Keeper, error) {
	address, _ := config["url"].(string)
	api, err := recordset.NewAPI("cloudflare", "Cloudflare", address, false, config)
	if err != nil {
		return nil, err
	}
	api.Secret = recordset.Revealed(config, "api_token")
	api.Header.Set("Authorization", "Bearer "+api.Secret)
	api.Says = says
	return &account{api: api, ids: recordset.ZoneIDs(config)}, nil
}

// failure is one of those that an answer tells.
type failure struct {
	Code    int       `json:"code"`
	Message string    `json:"message"`
	Chain   []failure `json:"error_chain"`
}

// failures returns what an answer tells.
func failures(body []byte) []failure {
	var said struct {
		Errors []failure `json:"errors"`
	}
	_ = json.Unmarshal(body, &said) // what is no JSON is shown as it is
	var out []failure
	for _, f := range said.Errors {
		out = append(append(out, f), f.Chain...)
	}
	return out
}

func says(body []byte) string {
	var texts []string
	for _, f := range failures(body) {
		texts = append(texts, fmt.Sprintf("%s (%d)", strings.TrimSuffix(f.Message, "."), f.Code))
	}
	return strings.Join(texts, "; ")
}
