package cloudflare

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/recordset"
)

const (
	automatic    = 1     // stands for a time to live that Cloudflare chooses
	automaticTTL = 300   // which is five minutes
	leastTTL     = 30    // of Enterprise zones; 60 for others, which Cloudflare checks
	mostTTL      = 86400 // a day
	serversTTL   = 86400 // of the NS records of a zone
	freshNone    = 1800  // how long resolvers keep that there is no record, if nothing else is set
	page         = 5000  // records of one answer
)

// Codes of failures by which Cloudflare says that it found something else.
const (
	codeGone      = 81044 // a record that is to be deleted is not there
	codeBesideA   = 81053 // an A, AAAA or CNAME record of that name is there
	codeBeside    = 81054 // a CNAME of that name is there
	codeThere     = 81057 // the record is there
	codeIdentical = 81058
)

// account is a recordset.Keeper: what a token opens.
type account struct {
	api *recordset.API
	ids map[string]string // zones by name; empty for all that are listed
}

// zone is one as the API has it.
type zone struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Type    string   `json:"type"`
	Servers []string `json:"name_servers"`
}

// reply is the envelope of answers.
type reply[T any] struct {
	Success bool `json:"success"`
	Result  T    `json:"result"`
	Info    struct {
		Total int `json:"total_count"`
	} `json:"result_info"`
}

// get reads the result at a path; there is none where it was answered 404.
func get[T any](ctx context.Context, a *account, what, path string) (r reply[T], there bool, e *effect.Error) {
	there, e = a.api.Get(ctx, what, "/client/v4"+path, &r)
	if e == nil && there && !r.Success {
		e = effect.Errorf(effect.CodeFailed, "%s was asked for %s and did not answer as its API does", a.api.Title, what).WithHint("check the address: something else seems to answer there")
	}
	return r, there, e
}

// Title implements recordset.Keeper.
func (a *account) Title() string { return a.api.Title }

// Hint implements recordset.Keeper.
func (a *account) Hint(name, kind string) string {
	return fmt.Sprintf("look at %s %s under DNS, Records in the dashboard", name, kind)
}

// MayChange implements recordset.Keeper. What the API tells of permissions is what the
// user may who made the token, and not what the token may.
func (a *account) MayChange(_ context.Context, _ *recordset.Zone) (doubt string, e *effect.Error) {
	return "the token may read it; whether it may edit DNS the API does not tell without a change", nil
}

// Peers implements recordset.Keeper.
func (a *account) Peers() []recordset.Peer { return nil }

// Reach implements recordset.Keeper.
func (a *account) Reach(ctx context.Context) *effect.Error {
	for name := range a.ids {
		z, e := a.Find(ctx, name, true)
		if e == nil {
			_, e = a.records(ctx, z, name)
		}
		if e != nil {
			return e
		}
	}
	if len(a.ids) > 0 {
		return nil
	}
	_, _, e := get[[]zone](ctx, a, "its zones", "/zones?per_page=5")
	return e
}

// Find implements recordset.Keeper.
func (a *account) Find(ctx context.Context, name string, whole bool) (*recordset.Zone, *effect.Error) {
	return recordset.Longest(a, name, whole, func(at string) (*recordset.Zone, *effect.Error) {
		if len(a.ids) > 0 {
			if id, ok := a.ids[at]; ok {
				return &recordset.Zone{Name: at, ID: id}, nil
			}
			return nil, nil
		}
		got, _, e := get[[]zone](ctx, a, "the zone "+at, "/zones?name="+url.QueryEscape(at))
		if e != nil {
			return nil, e
		}
		for _, z := range got.Result {
			if recordset.Lower(z.Name) != at {
				continue
			}
			out := &recordset.Zone{Name: at, ID: z.ID, Servers: []string{}}
			for _, s := range z.Servers {
				out.Servers = append(out.Servers, recordset.Lower(s))
			}
			slices.Sort(out.Servers)
			if z.Type == "secondary" {
				out.Fixed = "is a secondary there, which another server fills"
			}
			return out, nil
		}
		return nil, nil
	})
}

// records returns the records of a name.
func (a *account) records(ctx context.Context, z *recordset.Zone, name string) ([]record, *effect.Error) {
	what := "the records of " + name
	got, there, e := get[[]record](ctx, a, what, fmt.Sprintf("/zones/%s/dns_records?per_page=%d&name.exact=%s", url.PathEscape(z.ID), page, url.QueryEscape(name)))
	switch {
	case e != nil:
		return nil, e
	case !there:
		return nil, effect.Errorf(effect.CodeNotFound, "%s was asked for %s, and has no zone %s with the ID %s", a.api.Title, what, z.Name, z.ID).WithHint("check zone_ids")
	case got.Info.Total > len(got.Result):
		return nil, effect.Errorf(effect.CodeUnsupported, "%s has %d records of %s, of which it tells %d", a.api.Title, got.Info.Total, name, len(got.Result)).WithHint("remove some")
	}
	return slices.DeleteFunc(got.Result, func(r record) bool { return recordset.Lower(r.Name) != name }), nil
}

// Look implements recordset.Keeper.
func (a *account) Look(ctx context.Context, z *recordset.Zone, name, kind string, beside bool) (*recordset.Set, *effect.Error) {
	out := &recordset.Set{Name: name, Kind: kind, Values: []string{}}
	if kind == "NS" && name == z.Name { // which the API does not list
		out.Values, out.TTL, out.Fixed = append(out.Values, z.Servers...), serversTTL, "are the servers that Cloudflare gave the zone"
		return out, nil
	}
	all, e := a.records(ctx, z, name)
	if e != nil {
		return nil, e
	}
	var kinds []string
	var own []record
	alias := false
	for _, r := range all {
		kinds = append(kinds, r.Type)
		if r.Type == "CNAME" && kind != "CNAME" {
			alias, out.TTL = true, r.ttl() // as long as that counts, there is nothing else
		}
		if r.Type != kind {
			continue
		}
		v, err := r.value()
		if err != nil {
			return nil, effect.Errorf(effect.CodeFailed, "%s holds in %s what cannot be read: %v", a.api.Title, out.Title(), err).WithHint("mend it in the dashboard")
		}
		if len(own) > 0 && r.Proxied != own[0].Proxied {
			out.Fixed = "is proxied in part"
		}
		if out.TTL == 0 || r.ttl() < out.TTL {
			out.TTL = r.ttl()
		}
		own, out.Values = append(own, r), append(out.Values, v)
	}
	slices.Sort(out.Values)
	out.Values, out.Origin = slices.Compact(out.Values), own
	if beside {
		if name == z.Name {
			kinds = append(kinds, "NS", "SOA")
		}
		out.Others = recordset.Clashes(kind, slices.Compact(slices.Sorted(slices.Values(kinds))))
	}
	if len(out.Values) == 0 && !alias {
		out.TTL, e = a.negative(ctx, z)
	}
	return out, e
}

// negative is for how long resolvers keep that there is no such set: as the
// settings of the zone say, or Cloudflare's own if the token may not read them.
func (a *account) negative(ctx context.Context, z *recordset.Zone) (uint32, *effect.Error) {
	type settings struct {
		SOA struct {
			TTL   uint32 `json:"ttl"`
			Least uint32 `json:"min_ttl"`
		} `json:"soa"`
	}
	got, there, e := get[settings](ctx, a, "the DNS settings of "+z.Name, "/zones/"+url.PathEscape(z.ID)+"/dns_settings")
	switch {
	case e != nil && e.Code != effect.CodeRefused:
		return 0, e
	case e != nil || !there || got.Result.SOA.Least == 0:
		return freshNone, nil
	}
	return min(got.Result.SOA.TTL, got.Result.SOA.Least), nil
}

// Change implements recordset.Keeper: one batch.
func (a *account) Change(ctx context.Context, z *recordset.Zone, before, after *recordset.Set) (done bool, e *effect.Error) {
	b, e := newBatch(before, after)
	if e != nil {
		return false, e
	}
	answer, failure, e := a.api.Send(ctx, http.MethodPost, "/client/v4/zones/"+url.PathEscape(z.ID)+"/dns_records/batch", b)
	if e != nil {
		return false, e
	}
	if answer != nil && answer.Status >= 400 && answer.Status < 500 {
		for _, f := range failures(answer.Body) {
			if slices.Contains([]int{codeGone, codeBeside, codeBesideA, codeThere, codeIdentical}, f.Code) {
				return false, nil
			}
		}
	}
	if e := a.api.Changed(a, after, answer, failure); e != nil {
		return false, e
	}
	return true, nil
}
