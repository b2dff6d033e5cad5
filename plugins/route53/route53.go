// Package route53 carries the module dns by the API of Amazon Route 53, through
// the AWS SDK.
//
// # What the API promises
//
// A batch of changes is made wholly or not at all, and the deletion in it has to
// name what is there exactly: values and time to live. A change deletes the set
// that was read and creates the new one, in one batch. That is
// compare-and-swap; where Route 53 found something else, nothing changed. Only
// the NS records of the zone itself, which cannot be deleted, are put without a
// comparison.
//
// Where no answer came, the outcome is unknown, and Observe reads what is there:
// the API shows a change at once, its name servers mostly within a minute.
package route53

import (
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/route53"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/post"
	"github.com/q-ecosystem/runbook/plugins/internal/recordset"
)

// New returns a backend that is not configured yet.
func New() *recordset.Backend {
	return recordset.New(recordset.Service{
		Name: "route53", Version: "1.0.0", Doc: "Change DNS records in Amazon Route 53",
		Config: append([]effect.Field{
			{Name: "access_key_id", Type: effect.String, Required: true, Min: effect.Bound(1), Doc: "the ID of the access key"},
			{Name: "secret_access_key", Type: effect.String, Secret: true, Required: true, Min: effect.Bound(1), Doc: "its secret"},
			{Name: "session_token", Type: effect.String, Secret: true, Doc: "of temporary credentials"},
			recordset.IDs("its hosted zone ID"),
			{Name: "private", Type: effect.Bool, Default: false, Doc: "take private hosted zones, instead of public ones"},
			{Name: "url", Type: effect.String, Default: "https://route53.amazonaws.com", Min: effect.Bound(1), Doc: "where the API is"},
			{Name: "region", Type: effect.String, Default: "us-east-1", Min: effect.Bound(1), Doc: "the region that requests are signed for"},
		}, post.Fields()...),
		Open: open, Settle: 2 * time.Second,
	})
}

func open(config map[string]any) (recordset.Keeper, error) {
	str := func(name string) string { s, _ := config[name].(string); return s }
	if err := recordset.CheckURL("route53", str("url"), false); err != nil {
		return nil, err
	}
	client, err := post.New("route53", config)
	if err != nil {
		return nil, err
	}
	private, _ := config["private"].(bool)
	return &zones{
		title: "Route 53 at " + str("url"), ids: recordset.ZoneIDs(config), private: private,
		api: newAPI(route53.Options{
			Region: str("region"), BaseEndpoint: aws.String(str("url")), HTTPClient: once{client},
			Credentials:                credentials.NewStaticCredentialsProvider(str("access_key_id"), recordset.Revealed(config, "secret_access_key"), recordset.Revealed(config, "session_token")),
			Retryer:                    aws.NopRetryer{}, // a change is sent once
			DisableClockSkewCorrection: true,
		}),
	}, nil
}

// once sends requests of the SDK once, and tells what is known of those
// that have no answer.
type once struct{ client *post.Client }

// unanswered is the error of a request without an answer.
type unanswered struct{ *post.Failure }

func (u unanswered) Error() string { return u.Failure.Error().Message }

// Do implements route53.HTTPClient.
func (o once) Do(req *http.Request) (*http.Response, error) {
	body, err := readAll(req.Body)
	if err != nil {
		return nil, err
	}
	answer, failure := o.client.Do(req.Context(), req.Method, req.URL, req.Header, body)
	if failure != nil {
		return nil, unanswered{failure}
	}
	return response(req, answer), nil
}
