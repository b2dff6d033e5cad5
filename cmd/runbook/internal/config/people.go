package config

import (
	"fmt"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
)

// tokenPrefix stands before the digest of a token, to say what it is.
const tokenPrefix = "sha256:"

var tokenForm = lazyregexp.New(`^[0-9a-f]{64}$`)

// TokenEntry is how a token stands in the file: by its digest.
func TokenEntry(token string) string { return tokenPrefix + effect.TokenDigest(token) }

// people reads who may answer what runs ask.
func (r *configReader) people(n *node) {
	if !r.table("people", n) {
		return
	}
	r.config.People = effect.People{}
	roles, owners := map[string]int{}, map[string]string{}
	for _, e := range n.keys {
		where := "people: " + e.key
		if fault := effect.PersonFault(e.key); fault != "" {
			r.add(r.at(e.line), "", "people: %q is no name: it %s", e.key, fault)
		}
		if e.value.kind == "nothing" {
			e.value = &node{line: e.line, kind: "table"}
		}
		if !r.table(where, e.value, "roles", "users", "tokens") {
			continue
		}
		m := effect.Member{Users: []string{e.key}} // the account of the same name, unless said otherwise
		if users := e.value.child("users"); users != nil {
			m.Users = r.names(where+": users", users)
		}
		if list := e.value.child("roles"); list != nil {
			m.Roles = r.names(where+": roles", list)
			for _, role := range m.Roles {
				roles[role] = list.line
			}
		}
		if list := e.value.child("tokens"); list != nil {
			m.Tokens = r.tokens(where, e.key, list, owners)
		}
		r.config.People[e.key] = m
	}
	for _, role := range sortedKeys(roles) {
		if _, is := r.config.People[role]; is {
			r.add(r.at(roles[role]), "give the role another name", "people: %s is a person, and a role", role)
		}
	}
}

// names reads a list of names.
func (r *configReader) names(where string, n *node) []string {
	if n.kind != "list" {
		r.add(r.at(n.line), "write [NAME, …]", "%s: wants a list, got %s", where, n.describe())
		return nil
	}
	names := []string{}
	for _, item := range n.items {
		text, ok := item.value.(string)
		if !ok || effect.PersonFault(text) != "" {
			r.add(r.at(item.line), "", "%s: wants a name, got %s", where, item.describe())
			continue
		}
		names = append(names, text)
	}
	return names
}

// tokens reads digests, each of which is one person's: alone, or with when they expire.
func (r *configReader) tokens(where, person string, n *node, owners map[string]string) []effect.Token {
	const hint = "`runbook token new NAME` makes one, and prints the line for this file"
	if n.kind != "list" {
		r.add(r.at(n.line), hint, "%s: tokens: wants a list, got %s", where, n.describe())
		return nil
	}
	tokens := []effect.Token{}
	for _, item := range n.items {
		said, expires := item, time.Time{}
		if item.kind == "table" {
			if !r.table(where+": tokens", item, "digest", "expires") {
				continue
			}
			if said = item.child("digest"); said == nil {
				said = item
			}
			expires = r.expires(where, item)
		}
		text, _ := said.value.(string)
		digest, ok := strings.CutPrefix(text, tokenPrefix)
		other, taken := owners[digest]
		switch {
		case !ok || !tokenForm.MatchString(digest):
			r.add(r.at(item.line), hint, "%s: tokens: wants the digest of a token, sha256: and 64 hexadecimal digits, never the token itself", where)
		case taken && other != person:
			r.add(r.at(item.line), hint, "%s: tokens: the token is %s's too", where, other)
		case taken:
			r.add(r.at(item.line), "", "%s: tokens: the token stands there twice", where)
		default:
			owners[digest] = person
			tokens = append(tokens, effect.Token{Digest: digest, Expires: expires})
		}
	}
	return tokens
}

// expires reads until when a token holds: a day, to its end, or a time; UTC, if it
// says no other.
func (r *configReader) expires(where string, token *node) time.Time {
	n := token.child("expires")
	if n == nil {
		return time.Time{}
	}
	text, is := n.value.(string)
	if !is {
		text = fmt.Sprint(n.value)
	}
	at, err := effect.ParseEnd(text, time.UTC)
	if err != nil {
		r.add(r.at(n.line), "", "%s: tokens: expires: %v", where, err)
	}
	return at
}

// DecodePeople returns those of an environment that a run has pinned.
func DecodePeople(pinned []byte) (effect.People, error) {
	pin, err := DecodePin(pinned)
	if err != nil {
		return nil, err
	}
	return pin.People, nil
}

// People returns those of the environment's file.
func (e *Environment) People() effect.People {
	if e.config == nil {
		return nil
	}
	return e.config.People
}
