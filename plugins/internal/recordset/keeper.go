package recordset

import (
	"context"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Keeper is who keeps the records: a server that takes updates, or a service
// with an API. Names are in lower case, without the dot at their end. What it
// says in errors names it, and what it was asked.
type Keeper interface {
	// Title names it: "the primary 192.0.2.1:53".
	Title() string
	// Hint says how a person asks it for a set.
	Hint(name, kind string) string
	// Reach says whether it answers, and takes us for who we are.
	Reach(ctx context.Context) *effect.Error
	// Find returns the zone that holds a name; if whole, the name is the
	// zone's own. The code is not_found if it keeps none.
	Find(ctx context.Context, name string, whole bool) (*Zone, *effect.Error)
	// Look returns a set as it keeps it; one that does not exist has no values,
	// and the time for which resolvers keep that. If beside, Others are told.
	Look(ctx context.Context, z *Zone, name, kind string, beside bool) (*Set, *effect.Error)
	// Change puts after in the place of before, which Look has returned; without
	// values it removes the set. It is not done, and nothing has changed, if the
	// keeper found something else there.
	Change(ctx context.Context, z *Zone, before, after *Set) (done bool, e *effect.Error)
	// MayChange says whether records of a zone may be changed with the key or token
	// that is configured, by what changes nothing. The error says that they may
	// not; doubt, why that cannot be told.
	MayChange(ctx context.Context, z *Zone) (doubt string, e *effect.Error)
	// Peers returns the DNS servers by which it is known, beside those that the
	// zone has; none for an API.
	Peers() []Peer
}

// Zone is a zone of a keeper.
type Zone struct {
	Name string
	ID   string // what the keeper calls it, if that is not its name
	// Servers are the names of its authoritative servers; nil for those of its
	// NS records.
	Servers []string
	// Fixed says why nothing can be changed in it here: "is a secondary there".
	Fixed string
}

// Set is a record set as somebody has it.
type Set struct {
	Name, Kind string
	Values     []string // in the form of contract.Canonical, sorted; none if it does not exist
	TTL        uint32
	Others     []string // the kinds of which the name has records too, of those that matter for a CNAME
	Fixed      string   // why it cannot be changed: "is an alias of …"; "" if it can
	Origin     any      // what the keeper needs to change it
}

// Title names the set: "www.example.org A".
func (s *Set) Title() string { return s.Name + " " + s.Kind }

// Lower returns a name as this package has it: in lower case, without the dot
// at its end.
func Lower(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// Longest finds the zone of a name by asking for one after the other: for the
// name, for what stands above it, and so on. find returns nil for none; it is
// not asked for wildcards, which are no zones.
func Longest(k Keeper, name string, whole bool, find func(zone string) (*Zone, *effect.Error)) (*Zone, *effect.Error) {
	for at := name; ; {
		if !strings.HasPrefix(at, "*") {
			z, e := find(at)
			if z != nil || e != nil {
				return z, e
			}
		}
		_, up, more := strings.Cut(at, ".")
		if whole || !more {
			break
		}
		at = up
	}
	if whole {
		return nil, effect.Errorf(effect.CodeNotFound, "the zone %s is none that %s keeps", name, k.Title()).
			WithHint("check the zone, and what the token may see")
	}
	return nil, effect.Errorf(effect.CodeNotFound, "%s is in no zone that %s keeps", name, k.Title()).
		WithHint("check the name, and what the token may see")
}

// Clashes returns those of the kinds of a name's sets that cannot stand beside
// one of kind: a CNAME stands alone.
func Clashes(kind string, there []string) []string {
	var out []string
	for _, k := range there {
		if k != kind && (kind == "CNAME" || k == "CNAME") {
			out = append(out, k)
		}
	}
	return out
}

// Unknown is the error of a change of which nobody knows whether it was made.
func Unknown(k Keeper, set *Set, why string) *effect.Error {
	return effect.Errorf(effect.CodeUnknown, "%s was told to change %s, and %s; it is not known whether it did", k.Title(), set.Title(), why).
		WithHint("%s", k.Hint(set.Name, set.Kind))
}
