package route53

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/post"
	"github.com/q-ecosystem/runbook/plugins/internal/recordset"
)

// zones is a recordset.Keeper: what the access key opens.
type zones struct {
	title   string
	api     api
	ids     map[string]string // zones by name; empty for all that are listed
	private bool
}

// Title implements recordset.Keeper.
func (z *zones) Title() string { return z.title }

// Hint implements recordset.Keeper.
func (z *zones) Hint(name, kind string) string {
	return fmt.Sprintf("ask it: aws route53 list-resource-record-sets --hosted-zone-id ID --start-record-name %s --start-record-type %s --max-items 1", name, kind)
}

// MayChange implements recordset.Keeper. Route 53 decides by the policy of the key when
// it is asked for a change, and knows no trial.
func (z *zones) MayChange(_ context.Context, _ *recordset.Zone) (doubt string, e *effect.Error) {
	return "the key may read it; whether its policy allows route53:ChangeResourceRecordSets the API does not tell without a change", nil
}

// Peers implements recordset.Keeper.
func (z *zones) Peers() []recordset.Peer { return nil }

// Reach implements recordset.Keeper.
func (z *zones) Reach(ctx context.Context) *effect.Error {
	for name, id := range z.ids {
		if _, e := z.sets(ctx, &recordset.Zone{Name: name, ID: id}, name); e != nil {
			return e
		}
	}
	if len(z.ids) > 0 {
		return nil
	}
	got, err := z.api.listZones(ctx, &route53.ListHostedZonesByNameInput{MaxItems: aws.Int32(1)})
	if err == nil && got.MaxItems == nil {
		return z.rubbish("its hosted zones")
	}
	return z.failed(ctx, "its hosted zones", err)
}

// Find implements recordset.Keeper.
func (z *zones) Find(ctx context.Context, name string, whole bool) (*recordset.Zone, *effect.Error) {
	return recordset.Longest(z, name, whole, func(at string) (*recordset.Zone, *effect.Error) {
		if len(z.ids) > 0 {
			if id, ok := z.ids[at]; ok {
				return &recordset.Zone{Name: at, ID: id}, nil
			}
			return nil, nil
		}
		got, err := z.api.listZones(ctx, &route53.ListHostedZonesByNameInput{DNSName: aws.String(at + "."), MaxItems: aws.Int32(100)})
		e := z.failed(ctx, "the hosted zone "+at, err)
		if e == nil && got.MaxItems == nil {
			e = z.rubbish("the hosted zone " + at)
		}
		if e != nil {
			return nil, e
		}
		var found []string
		for _, h := range got.HostedZones { // from that name on, by name
			if plainName(aws.ToString(h.Name)) == at && (h.Config != nil && h.Config.PrivateZone) == z.private {
				found = append(found, strings.TrimPrefix(aws.ToString(h.Id), "/hostedzone/"))
			}
		}
		switch len(found) {
		case 0:
			return nil, nil
		case 1:
			return &recordset.Zone{Name: at, ID: found[0]}, nil
		}
		return nil, effect.Errorf(effect.CodeConflict, "%s has %d hosted zones called %s: %s", z.title, len(found), at, strings.Join(found, ", ")).
			WithHint("say which one: zone_ids: { %s: %s }", at, found[0])
	})
}

// sets returns the record sets of a name.
func (z *zones) sets(ctx context.Context, in *recordset.Zone, name string) ([]types.ResourceRecordSet, *effect.Error) {
	ask := &route53.ListResourceRecordSetsInput{HostedZoneId: aws.String(in.ID), StartRecordName: aws.String(name + "."), MaxItems: aws.Int32(100)}
	var out []types.ResourceRecordSet
	for {
		got, err := z.api.listSets(ctx, ask)
		e := z.failed(ctx, "the records of "+name, err)
		if e == nil && got.MaxItems == nil {
			e = z.rubbish("the records of " + name)
		}
		if e != nil {
			return nil, e
		}
		for _, s := range got.ResourceRecordSets { // from that name on
			if plainName(aws.ToString(s.Name)) == name {
				out = append(out, s)
			}
		}
		if !got.IsTruncated || plainName(aws.ToString(got.NextRecordName)) != name {
			return out, nil
		}
		ask.StartRecordName, ask.StartRecordType, ask.StartRecordIdentifier = got.NextRecordName, got.NextRecordType, got.NextRecordIdentifier
	}
}

// Look implements recordset.Keeper.
func (z *zones) Look(ctx context.Context, in *recordset.Zone, name, kind string, beside bool) (*recordset.Set, *effect.Error) {
	all, e := z.sets(ctx, in, name)
	if e != nil {
		return nil, e
	}
	out, alias := &recordset.Set{Name: name, Kind: kind, Values: []string{}}, false
	var kinds []string
	for _, s := range all {
		kinds = append(kinds, string(s.Type))
		if s.Type == types.RRTypeCname && kind != "CNAME" {
			alias, out.TTL = true, uint32(aws.ToInt64(s.TTL)) // as long as that counts, there is nothing else
		}
		if string(s.Type) != kind {
			continue
		}
		if why := special(s); why != "" {
			return nil, effect.Errorf(effect.CodeUnsupported, "%s: %s %s, for which the module dns has no words", z.title, out.Title(), why).WithHint("change it in Route 53, or make it a plain record set first")
		}
		out.TTL, out.Origin = uint32(aws.ToInt64(s.TTL)), s
		for _, r := range s.ResourceRecords {
			v, err := fromRoute53(kind, aws.ToString(r.Value))
			if err != nil {
				return nil, effect.Errorf(effect.CodeFailed, "%s holds in %s what cannot be read: %v", z.title, out.Title(), err).WithHint("mend it in Route 53")
			}
			out.Values = append(out.Values, v)
		}
	}
	slices.Sort(out.Values)
	out.Values = slices.Compact(out.Values)
	if beside {
		out.Others = recordset.Clashes(kind, slices.Compact(kinds))
	}
	if len(out.Values) == 0 && !alias {
		out.TTL, e = z.negative(ctx, in)
	}
	return out, e
}

// special says what makes a set more than values and a time to live.
func special(s types.ResourceRecordSet) string {
	switch {
	case s.AliasTarget != nil:
		return "is an alias of " + plainName(aws.ToString(s.AliasTarget.DNSName))
	case s.SetIdentifier != nil:
		return "has a routing policy"
	case s.HealthCheckId != nil:
		return "is bound to a health check"
	}
	return ""
}

// negative is for how long resolvers keep that there is no such set (RFC 2308).
func (z *zones) negative(ctx context.Context, in *recordset.Zone) (uint32, *effect.Error) {
	all, e := z.sets(ctx, in, in.Name)
	if e != nil {
		return 0, e
	}
	for _, s := range all {
		if s.Type != types.RRTypeSoa || len(s.ResourceRecords) != 1 {
			continue
		}
		words := strings.Fields(aws.ToString(s.ResourceRecords[0].Value))
		if least, err := strconv.ParseUint(words[len(words)-1], 10, 32); err == nil && len(words) == 7 {
			return min(uint32(aws.ToInt64(s.TTL)), uint32(least)), nil
		}
	}
	return 0, effect.Errorf(effect.CodeNotFound, "%s has no start of authority (SOA) of %s in the hosted zone %s", z.title, in.Name, in.ID).WithHint("check zone_ids")
}

// Change implements recordset.Keeper: one batch, which deletes exactly what
// was read.
func (z *zones) Change(ctx context.Context, in *recordset.Zone, before, after *recordset.Set) (done bool, e *effect.Error) {
	var changes []types.Change
	fresh := types.ResourceRecordSet{Name: aws.String(after.Name + "."), Type: types.RRType(after.Kind), TTL: aws.Int64(int64(after.TTL))}
	for _, v := range after.Values {
		fresh.ResourceRecords = append(fresh.ResourceRecords, types.ResourceRecord{Value: aws.String(toRoute53(after.Kind, v))})
	}
	old, there := before.Origin.(types.ResourceRecordSet)
	action := types.ChangeActionCreate
	switch {
	case after.Kind == "NS" && after.Name == in.Name: // a zone cannot be without
		action = types.ChangeActionUpsert
	case there:
		changes = append(changes, types.Change{Action: types.ChangeActionDelete, ResourceRecordSet: &old})
	}
	if len(after.Values) > 0 {
		changes = append(changes, types.Change{Action: action, ResourceRecordSet: &fresh})
	}
	got, err := z.api.change(ctx, &route53.ChangeResourceRecordSetsInput{
		HostedZoneId: aws.String(in.ID), ChangeBatch: &types.ChangeBatch{Changes: changes, Comment: aws.String("runbook")}})
	if err == nil && got.ChangeInfo == nil {
		return false, recordset.Unknown(z, after, "what it answered is no answer of its API")
	}
	return z.changed(after, err)
}

func readAll(body io.Reader) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	return io.ReadAll(body)
}

// response is an answer as the SDK reads it.
func response(req *http.Request, a *post.Answer) *http.Response {
	return &http.Response{Status: post.StatusName(a.Status), StatusCode: a.Status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.Header, Body: io.NopCloser(bytes.NewReader(a.Body)), ContentLength: int64(len(a.Body)), Request: req}
}

// without returns the failure of a request that has no answer, nil if it has.
func without(err error) *post.Failure {
	var u unanswered
	if errors.As(err, &u) {
		return u.Failure
	}
	return nil
}
