package effect

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// People are those who answer what runs ask, by name. Nil People are those of a
// configuration that names nobody: everybody is who they say, and has no role.
type People map[string]Member

// Member is one of the People.
type Member struct {
	Roles  []string `json:"roles,omitempty"`
	Users  []string `json:"users,omitempty"` // accounts of the operating system: "ana", or "ana@host"
	Tokens []Token  `json:"tokens,omitempty"`
}

// Identity is who somebody is, and how that is known.
type Identity struct {
	Name  string
	Roles []string
	// Via is what People told it by: ViaAccount, or ViaToken and the first digits
	// of the token's digest; empty where they did not.
	Via string
}

// What tells who somebody is.
const (
	ViaAccount = "account"
	ViaToken   = "token "
)

// Names returns the names of all, in order.
func (p People) Names() []string { return sortedNames(p, func(Member) bool { return true }) }

// Meant returns whom a name that a question asks stands for: one person, or all
// who have a role.
func (p People) Meant(name string) []string {
	if _, is := p[name]; is {
		return []string{name}
	}
	return sortedNames(p, func(m Member) bool { return slices.Contains(m.Roles, name) })
}

func sortedNames(p People, is func(Member) bool) []string {
	var names []string
	for name, m := range p {
		if is(m) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// has reports whether an account ("user@host") is one of the member's.
func (m Member) has(account string) bool {
	user, _, _ := strings.Cut(account, "@")
	return slices.Contains(m.Users, user) || slices.Contains(m.Users, account)
}

// Identify tells who somebody is who types in an account ("user@host"), says to be
// as ("" for nobody in particular), and has shown a token of this digest ("" for
// none, now).
func (p People) Identify(as, account, digest string, now time.Time) (Identity, error) {
	user, _, _ := strings.Cut(account, "@")
	if digest != "" {
		return p.byToken(as, digest, now)
	}
	if p == nil {
		if as == "" {
			as = user
		}
		return Identity{Name: as}, nil
	}
	may := sortedNames(p, func(m Member) bool { return m.has(account) })
	_, known := p[as]
	_, named := p[user]
	switch {
	case as == "" && len(may) == 1:
		as = may[0]
	case as == "" && len(may) > 1:
		return Identity{}, fmt.Errorf("the account %s may be %s: say who with --as, or show a token", user, strings.Join(may, " or "))
	case as == "" && named:
		return Identity{}, fmt.Errorf("the account %s is none of %s's: show %s's token", account, user, user)
	case len(may) == 0 && (as == "" || as == user && !named):
		return Identity{Name: user}, nil
	case !known:
		return Identity{}, fmt.Errorf("there is nobody called %s; there are %s", as, strings.Join(p.Names(), ", "))
	case !slices.Contains(may, as):
		return Identity{}, fmt.Errorf("the account %s is none of %s's: show %s's token", account, as, as)
	}
	return Identity{as, p[as].Roles, ViaAccount}, nil
}

// byToken tells who somebody is who has shown a token.
func (p People) byToken(as, digest string, now time.Time) (Identity, error) {
	for _, name := range p.Names() {
		i := slices.IndexFunc(p[name].Tokens, func(t Token) bool { return t.Digest == digest })
		if i < 0 {
			continue
		}
		t := p[name].Tokens[i]
		switch {
		case as != "" && as != name:
			return Identity{}, fmt.Errorf("the token is %s's, not %s's", name, as)
		case t.Expired(now):
			return Identity{}, fmt.Errorf("%s's token expired at %s; `runbook token new %s` makes another", name, t.Expires.UTC().Format(clock), name)
		}
		return Identity{name, p[name].Roles, t.via()}, nil
	}
	return Identity{}, errors.New("the token is nobody's")
}

// Vouch reports whether an answer, given at a time, may be by whom it says: in a role
// that they have, from an account or by a token of theirs that held then. Who is none of People has no role,
// and an account that is nobody's: people have one word each, whatever else their
// accounts are called.
func (p People) Vouch(answer *Body, at time.Time) bool {
	m, known := p[answer.By]
	if !known {
		theirs := func(name string) bool { return answer.User != "" && p[name].has(answer.User) }
		return len(answer.Roles) == 0 && answer.Via == "" && !slices.ContainsFunc(p.Names(), theirs)
	}
	for _, role := range answer.Roles {
		if !slices.Contains(m.Roles, role) {
			return false
		}
	}
	if answer.Via == ViaAccount {
		return m.has(answer.User)
	}
	return slices.ContainsFunc(m.Tokens, func(t Token) bool { return answer.Via == t.via() && !t.Expired(at) })
}

// Lacks says why a question that asks these names, of whom count have to agree,
// cannot be answered; "" if it can.
func (p People) Lacks(by []string, count int) string {
	if len(by) == 0 {
		return ""
	}
	meant := map[string]bool{}
	for _, name := range by {
		list := p.Meant(name)
		if p == nil {
			list = []string{name}
		}
		if len(list) == 0 {
			return fmt.Sprintf("by names %q, which is no person and nobody's role", name)
		}
		for _, person := range list {
			meant[Person(person)] = true
		}
	}
	if count > len(meant) {
		return fmt.Sprintf("count is %d and by names %d", count, len(meant))
	}
	return ""
}
