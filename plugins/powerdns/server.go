package powerdns

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/recordset"
	contract "github.com/q-ecosystem/runbook/stdlib/dns"
)

// server is a recordset.Keeper: a PowerDNS with its API.
type server struct {
	api *recordset.API
	id  string
}

// zone is one as the API has it.
type zone struct {
	ID     string  `json:"id"`
	Name   string  `json:"name"`
	Kind   string  `json:"kind"`
	RRSets []rrset `json:"rrsets"`
}

type rrset struct {
	Name       string   `json:"name"`
	Type       string   `json:"type"`
	TTL        uint32   `json:"ttl"`
	ChangeType string   `json:"changetype,omitempty"`
	Records    []record `json:"records"`
}

type record struct {
	Content  string `json:"content"`
	Disabled bool   `json:"disabled"` // kept, and not served
}

// Title implements recordset.Keeper.
func (s *server) Title() string { return s.api.Title }

// Hint implements recordset.Keeper.
func (s *server) Hint(name, kind string) string {
	return fmt.Sprintf("ask it: dig @SERVER %s %s, or pdnsutil list-zone ZONE there", name, kind)
}

// Peers implements recordset.Keeper.
func (s *server) Peers() []recordset.Peer { return nil }

func (s *server) path(rest string) string {
	return "/api/v1/servers/" + url.PathEscape(s.id) + rest
}

// Reach implements recordset.Keeper.
func (s *server) Reach(ctx context.Context) *effect.Error {
	var about struct {
		Type string `json:"daemon_type"`
	}
	there, e := s.api.Get(ctx, "what it is", s.path(""), &about)
	if e != nil {
		return e
	}
	if !there || about.Type != "authoritative" {
		return effect.Errorf(effect.CodeNotFound, "%s has no authoritative server called %s", s.api.Title, s.id).
			WithHint("check url and server_id; the API of a recursor is another one")
	}
	return nil
}

// Find implements recordset.Keeper.
func (s *server) Find(ctx context.Context, name string, whole bool) (*recordset.Zone, *effect.Error) {
	return recordset.Longest(s, name, whole, func(at string) (*recordset.Zone, *effect.Error) {
		var zones []zone
		there, e := s.api.Get(ctx, "the zone "+at, s.path("/zones?dnssec=false&zone="+url.QueryEscape(at+".")), &zones)
		if e != nil {
			return nil, e
		}
		if !there { // a list of none is 200
			return nil, s.Reach(ctx)
		}
		for _, z := range zones {
			if recordset.Lower(z.Name) == at {
				out := &recordset.Zone{Name: at, ID: z.ID}
				if slices.Contains([]string{"slave", "secondary", "consumer"}, strings.ToLower(z.Kind)) {
					out.Fixed = "is a secondary there, which another server fills"
				}
				return out, nil
			}
		}
		return nil, nil
	})
}

// sets returns the record sets of a name.
func (s *server) sets(ctx context.Context, z *recordset.Zone, name string) ([]rrset, *effect.Error) {
	var got zone
	what := "the records of " + name
	there, e := s.api.Get(ctx, what, s.path("/zones/"+url.PathEscape(z.ID)+"?rrset_name="+url.QueryEscape(name+".")), &got)
	if e != nil {
		return nil, e
	}
	if !there || recordset.Lower(got.Name) != z.Name {
		return nil, effect.Errorf(effect.CodeNotFound, "%s was asked for %s, and has no zone %s any more", s.api.Title, what, z.Name).WithHint("see who removes it")
	}
	// Servers before 4.6 answer with the whole zone.
	return slices.DeleteFunc(got.RRSets, func(r rrset) bool { return recordset.Lower(r.Name) != name }), nil
}

// served are the records that are not disabled. Asked for one name, not all
// servers show the others.
func (r *rrset) served() []record {
	return slices.DeleteFunc(slices.Clone(r.Records), func(rec record) bool { return rec.Disabled })
}

// disabled finds the records of a set that are kept and not served. A change
// that does not send them along would remove them.
func (s *server) disabled(ctx context.Context, z *recordset.Zone, of *recordset.Set) ([]record, *effect.Error) {
	var found []struct {
		Name     string `json:"name"`
		Type     string `json:"type"`
		ZoneID   string `json:"zone_id"`
		Content  string `json:"content"`
		Disabled bool   `json:"disabled"`
	}
	there, e := s.api.Get(ctx, "disabled records of "+of.Title(), s.path("/search-data?object_type=record&max=1000&q="+url.QueryEscape(of.Name)), &found)
	if e != nil || !there {
		return nil, e
	}
	var out []record
	for _, f := range found {
		if f.Disabled && recordset.Lower(f.Name) == of.Name && f.Type == of.Kind && f.ZoneID == z.ID {
			out = append(out, record{Content: f.Content, Disabled: true})
		}
	}
	return out, nil
}

// Look implements recordset.Keeper.
func (s *server) Look(ctx context.Context, z *recordset.Zone, name, kind string, beside bool) (*recordset.Set, *effect.Error) {
	sets, e := s.sets(ctx, z, name)
	if e != nil {
		return nil, e
	}
	out, alias := &recordset.Set{Name: name, Kind: kind, Values: []string{}}, false
	var kinds []string
	for i := range sets {
		r := &sets[i]
		served := r.served()
		if r.Type == kind {
			out.TTL = r.TTL
		}
		if len(served) == 0 {
			continue
		}
		kinds = append(kinds, r.Type)
		if r.Type == "CNAME" && kind != "CNAME" {
			alias, out.TTL = true, r.TTL // as long as that counts, there is nothing else
		}
		for _, rec := range served {
			if r.Type != kind {
				break
			}
			v, err := contract.Canonical(kind, rec.Content)
			if err != nil {
				return nil, effect.Errorf(effect.CodeFailed, "%s holds in %s what cannot be read: %v", s.api.Title, out.Title(), err).WithHint("mend it where it is kept")
			}
			out.Values = append(out.Values, v)
		}
	}
	slices.Sort(out.Values)
	out.Values = slices.Compact(out.Values)
	if beside {
		out.Others = recordset.Clashes(kind, kinds)
	}
	if len(out.Values) == 0 && !alias {
		out.TTL, e = s.negative(ctx, z)
	}
	return out, e
}

// negative is for how long resolvers keep that there is no such set (RFC 2308).
func (s *server) negative(ctx context.Context, z *recordset.Zone) (uint32, *effect.Error) {
	sets, e := s.sets(ctx, z, z.Name)
	if e != nil {
		return 0, e
	}
	for _, r := range sets {
		if r.Type != "SOA" || len(r.Records) == 0 {
			continue
		}
		words := strings.Fields(r.Records[0].Content)
		if least, err := strconv.ParseUint(words[len(words)-1], 10, 32); err == nil && len(words) == 7 {
			return min(r.TTL, uint32(least)), nil
		}
	}
	return 0, effect.Errorf(effect.CodeFailed, "%s has the zone %s without a start of authority (SOA) that can be read", s.api.Title, z.Name).WithHint("pdnsutil check-zone %s", z.Name)
}

// MayChange implements recordset.Keeper. The API knows one key, which opens all of it;
// what a proxy or the database behind it allows it does not tell, and an empty change
// would count the zone's serial up.
func (s *server) MayChange(_ context.Context, z *recordset.Zone) (doubt string, e *effect.Error) {
	return "the key is taken, and PowerDNS knows none that may only read; whether a proxy before it, or the database behind it, lets " + z.Name + " be changed its API does not tell without a change", nil
}

// Change implements recordset.Keeper: the whole set in one transaction, and
// without a comparison.
func (s *server) Change(ctx context.Context, z *recordset.Zone, before, after *recordset.Set) (done bool, e *effect.Error) {
	r := rrset{Name: after.Name + ".", Type: after.Kind, ChangeType: "REPLACE", TTL: after.TTL, Records: []record{}}
	for _, v := range after.Values {
		r.Records = append(r.Records, record{Content: recordset.Absolute(after.Kind, v)})
	}
	disabled, e := s.disabled(ctx, z, before)
	if e != nil {
		return false, e
	}
	r.Records = append(r.Records, disabled...)
	if len(r.Records) == 0 {
		r.ChangeType = "DELETE"
	}
	answer, failure, e := s.api.Send(ctx, http.MethodPatch, s.path("/zones/"+url.PathEscape(z.ID)), map[string]any{"rrsets": []rrset{r}})
	if e != nil {
		return false, e
	}
	if answer != nil && answer.Status == http.StatusUnprocessableEntity && strings.Contains(s.api.Says(answer.Body), "Conflicts with pre-existing RRset") {
		return false, nil // a CNAME beside others, which was not there a moment ago
	}
	if e := s.api.Changed(s, after, answer, failure); e != nil {
		return false, e
	}
	return true, nil
}
