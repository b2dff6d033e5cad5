package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Difference is one field in which an environment is another one than it was.
type Difference struct {
	Path string `json:"path" doc:"as exec.env.TARGET or traffic.sockets[1]"`
	Was  string `json:"was,omitempty" doc:"as JSON, or in words; left out if it was not set"`
	Is   string `json:"is,omitempty" doc:"likewise"`
}

// String says it in a line.
func (d Difference) String() string {
	or := func(text string) string {
		if text == "" {
			return "not set"
		}
		return text
	}
	return fmt.Sprintf("%s: was %s, is %s", d.Path, or(d.Was), or(d.Is))
}

// concealed stands for what may be a secret that was written in clear.
const concealed = "a value that is not shown"

// Differences says, field by field, in what now is another environment than p,
// in the modules that p holds. What stands at a path of which secret reports true
// is shown if it is a reference to a secret: else it may be one, written in clear.
func (p *Pin) Differences(now *Pin, secret func(backend string, path []string) bool) []Difference {
	var out []Difference
	add := func(path, was, is string) {
		if was != is {
			out = append(out, Difference{path, was, is})
		}
	}
	for _, module := range sortedKeys(p.Modules) {
		was, is := p.Modules[module], now.Modules[module]
		several := len(was) > 1 || len(is) > 1
		add(module+"."+plural(max(len(was), len(is)), "backend", "backends"), backendsOf(was), backendsOf(is))
		for _, before := range was {
			i := slices.IndexFunc(is, func(m PinModule) bool { return m.Backend == before.Backend })
			if i < 0 {
				continue
			}
			at, after := pathOf(module, before.Backend, several), is[i]
			add(at+" (its plugin)", before.Plugin, after.Plugin)
			add(at+" (sha256 of its plugin)", before.SHA256, after.SHA256)
			add(at+".ops", inOrder(before.Ops), inOrder(after.Ops))
			c := comparison{secret: func(path []string) bool { return secret(before.Backend, path) }, add: add}
			c.tables(at, nil, before.Config, after.Config)
		}
	}
	said := map[bool]string{true: "refuse"}
	add("approvals.as", said[p.Approvals.OwnName], said[now.Approvals.OwnName])
	for _, name := range slices.Compact(slices.Sorted(slices.Values(append(p.People.Names(), now.People.Names()...)))) {
		was, is := p.People[name], now.People[name]
		add("people."+name+".roles", inOrder(was.Roles), inOrder(is.Roles))
		add("people."+name+".users", inOrder(was.Users), inOrder(is.Users))
		add("people."+name+".tokens", shortly(was.Tokens), shortly(is.Tokens))
	}
	return out
}

// shortly names tokens by the first digits of their digests, and when they expire.
func shortly(tokens []effect.Token) string {
	short := make([]string, len(tokens))
	for i, t := range tokens {
		if short[i] = t.Digest[:12]; !t.Expires.IsZero() {
			short[i] += " until " + t.Expires.UTC().Format(time.RFC3339)
		}
	}
	return inOrder(short)
}

// backendsOf names the backends of a module, in the order in which they are asked.
func backendsOf(modules []PinModule) string {
	names := make([]string, len(modules))
	for i, m := range modules {
		names[i] = m.Backend
	}
	return strings.Join(names, ", ")
}

// inOrder names ops whose order says nothing.
func inOrder(ops []string) string {
	return strings.Join(slices.Sorted(slices.Values(ops)), ", ")
}

// comparison compares two values.
type comparison struct {
	secret func(path []string) bool
	add    func(path, was, is string)
}

// unset is the value of a key that is not there.
type unset struct{}

func missing(v any) bool { _, ok := v.(unset); return ok }

func (c comparison) tables(at string, path []string, was, is map[string]any) {
	keys := append(sortedKeys(was), sortedKeys(is)...)
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		name := at + "." + key
		if strings.ContainsAny(key, ". []") {
			name = at + "[" + strconv.Quote(key) + "]"
		}
		c.values(name, append(slices.Clone(path), key), member(was, key), member(is, key))
	}
}

func member(m map[string]any, key string) any {
	if v, ok := m[key]; ok {
		return v
	}
	return unset{}
}

func (c comparison) values(at string, path []string, was, is any) {
	w, wasTable := was.(map[string]any)
	i, isTable := is.(map[string]any)
	if (wasTable || missing(was)) && (isTable || missing(is)) {
		c.tables(at, path, w, i)
		return
	}
	if w, ok := was.([]any); ok {
		if i, ok := is.([]any); ok && len(i) == len(w) {
			for n := range w {
				c.values(at+"["+strconv.Itoa(n+1)+"]", append(slices.Clone(path), ""), w[n], i[n])
			}
			return
		}
	}
	before, after := plainly(was), plainly(is)
	if before == after {
		return
	}
	if c.secret(path) {
		before, after = c.conceal(was, before), c.conceal(is, after)
		if before == after {
			after = "another one"
		}
	}
	c.add(at, before, after)
}

// conceal returns what may be shown of a value that may be a secret.
func (c comparison) conceal(v any, text string) string {
	ref, ok := v.(string)
	if text == "" || ok && (strings.HasPrefix(ref, "env:") || strings.HasPrefix(ref, "file:")) {
		return text
	}
	return concealed
}

// plainly is a value in one line, as JSON; "" of one that is not set.
func plainly(v any) string {
	if missing(v) {
		return ""
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return concealed
	}
	return string(bytes.TrimSpace(b.Bytes()))
}
