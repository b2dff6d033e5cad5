package route53

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/post"
	"github.com/q-ecosystem/runbook/plugins/internal/recordset"
)

// elsewise are parts of what Route 53 says of a batch that was made for something
// else than what is there.
var elsewise = []string{
	"but the values provided do not match the current values", "but it was not found", "but it already exists", "conflicts with other records with the same DNS name",
}

// said returns what an answer says, its status, and whether it is an answer of
// the API at all.
func said(err error) (code, text string, status int, isAPI bool) {
	var resp *smithyhttp.ResponseError
	if errors.As(err, &resp) {
		status = resp.HTTPStatusCode()
	}
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() == "UnknownError" {
		return "", "", status, false
	}
	text = api.ErrorMessage()
	var invalid *types.InvalidChangeBatch
	if errors.As(err, &invalid) && len(invalid.Messages) > 0 {
		text = strings.Join(invalid.Messages, "; ")
	}
	return api.ErrorCode(), text, status, true
}

// failed is the error of a request that changes nothing; nil for none.
func (z *zones) failed(ctx context.Context, what string, err error) *effect.Error {
	if err == nil {
		return nil
	}
	if f := without(err); f != nil {
		e := f.Error()
		return effect.Errorf(e.Code, "%s was asked for %s: %s", z.title, what, e.Message).WithHint("%s", e.Hint)
	}
	if ctx.Err() != nil {
		return effect.Errorf(effect.CodeTimeout, "%s was asked for %s, and the call ended before it answered", z.title, what)
	}
	return z.refusal("was asked for "+what, err)
}

// rubbish is the error of an answer that lacks what every answer of the API has.
func (z *zones) rubbish(what string) *effect.Error {
	return effect.Errorf(effect.CodeFailed, "%s was asked for %s and answered, but not as its API does", z.title, what).WithHint("check url: something else seems to answer there")
}

// refusal is the error of an answer that is not what was asked for; did says
// what was. Messages of SignatureDoesNotMatch show what was signed, and no secret;
// they are left out for their length.
func (z *zones) refusal(did string, err error) *effect.Error {
	code, text, status, isAPI := said(err)
	answered := fmt.Sprintf("%s %s and answered", z.title, did)
	if status != 0 {
		answered += " " + post.StatusName(status)
	}
	switch {
	case !isAPI && status >= 500:
		return effect.Errorf(effect.CodeUnavailable, "%s", answered).WithHint("see the AWS Health Dashboard")
	case !isAPI && (status == 401 || status == 403):
		return effect.Errorf(effect.CodeRefused, "%s", answered).WithHint("check the access key, and what its policy allows")
	case !isAPI && status == 429:
		return effect.Errorf(effect.CodeUnavailable, "%s", answered).WithHint("it wants fewer requests: try again later")
	case !isAPI && status >= 300 && status < 400:
		return effect.Errorf(effect.CodeRefused, "%s", answered).WithHint("check the address: redirects are not followed")
	case !isAPI:
		return effect.Errorf(effect.CodeFailed, "%s, but not as its API does", answered).WithHint("check url: something else seems to answer there")
	}
	answered += " " + code
	if code != "SignatureDoesNotMatch" && text != "" {
		answered += ": " + text
	}
	switch code {
	case "AccessDenied", "AccessDeniedException", "NotAuthorizedException":
		return effect.Errorf(effect.CodeRefused, "%s", answered).WithHint("check what the policy of the access key allows")
	case "InvalidClientTokenId", "SignatureDoesNotMatch", "ExpiredToken", "MissingAuthenticationToken", "IncompleteSignature", "OptInRequired":
		return effect.Errorf(effect.CodeRefused, "%s", answered).WithHint("check access_key_id, secret_access_key and session_token, and this machine's clock")
	case "NoSuchHostedZone":
		return effect.Errorf(effect.CodeNotFound, "%s", answered).WithHint("check zone_ids")
	case "PriorRequestNotComplete", "Throttling", "ThrottlingException":
		e := effect.Errorf(effect.CodeUnavailable, "%s", answered).WithHint("it takes five requests a second from an account: try again later")
		e.Retryable = true
		return e
	}
	if status >= 500 {
		return effect.Errorf(effect.CodeUnavailable, "%s", answered).WithHint("see the AWS Health Dashboard")
	}
	return effect.Errorf(effect.CodeRefused, "%s", answered).WithHint("see what it says")
}

// changed reads the answer to a batch.
func (z *zones) changed(set *recordset.Set, err error) (done bool, e *effect.Error) {
	if err == nil {
		return true, nil
	}
	f := without(err)
	if f != nil && !f.Sent {
		e := f.Error()
		return false, effect.Errorf(e.Code, "%s cannot be told to change %s: %s", z.title, set.Title(), e.Message).WithHint("%s", e.Hint)
	}
	if f != nil {
		return false, recordset.Unknown(z, set, "no answer came: "+f.Error().Message)
	}
	code, text, status, isAPI := said(err)
	switch {
	case status == 0 && !isAPI: // the SDK sent nothing
		return false, effect.Errorf(effect.CodeInvalid, "%s cannot be told to change %s: %v; nothing was sent", z.title, set.Title(), err).WithHint("check zone_ids, and the values")
	case status < 300 || status >= 500:
		return false, recordset.Unknown(z, set, "it answered "+strings.TrimSpace(post.StatusName(status)+" "+code+" "+text))
	case code == "InvalidChangeBatch" && slices.ContainsFunc(elsewise, func(part string) bool { return strings.Contains(text, part) }):
		return false, nil
	}
	e = z.refusal("was told to change "+set.Title(), err)
	e.Message += "; nothing changed"
	return false, e
}
