package haproxy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func groupsField() effect.Field {
	return effect.Field{Name: "groups", Type: effect.Map, Elem: &effect.Field{Type: effect.List, Min: effect.Bound(1), Elem: &effect.Field{Type: effect.String, Min: effect.Bound(1)}},
		Doc: "names for scripts that stand for several servers: { blue = { \"web-1\", \"web-2\" } }; a share is spread over them evenly"}
}

// newAliases reads the names that scripts use, and which servers they mean.
func newAliases(config map[string]any) (map[string][]string, error) {
	aliases, owner := map[string][]string{}, map[string]string{}
	take := func(key, alias string, v any) error {
		name, _ := v.(string)
		switch other, taken := owner[name]; {
		case !validName(name):
			return effect.Errorf(effect.CodeInvalid, "%s.%s: %q is no name of an HAProxy server", key, alias, name)
		case taken:
			return effect.Errorf(effect.CodeInvalid, "%s: %s and %s both mean the server %s", key, other, alias, name)
		case alias == "pool" || alias == "others":
			return effect.Errorf(effect.CodeInvalid, "%s: a server cannot be called %s, which is an argument of traffic.split", key, alias)
		}
		aliases[alias], owner[name] = append(aliases[alias], name), alias
		return nil
	}
	servers, _ := config["servers"].(map[string]any)
	for _, alias := range sortedKeys(servers) {
		if err := take("servers", alias, servers[alias]); err != nil {
			return nil, err
		}
	}
	groups, _ := config["groups"].(map[string]any)
	for _, alias := range sortedKeys(groups) {
		if servers[alias] != nil {
			return nil, effect.Errorf(effect.CodeInvalid, "groups: %s stands in servers as well", alias).WithHint("leave it in one of them")
		}
		list, _ := groups[alias].([]any)
		for _, v := range list {
			if err := take("groups", alias, v); err != nil {
				return nil, err
			}
		}
	}
	return aliases, nil
}

// spread divides a weight over the servers of a group, as evenly as whole numbers
// allow.
func spread(weights map[string]int, servers []*server, weight int) {
	for i, s := range servers {
		weights[s.real] = weight / len(servers)
		if i < weight%len(servers) {
			weights[s.real]++
		}
	}
}

// together returns the status of a group, which is up as long as one of its servers
// is, and what is to be said of them.
func together(group []state) (status, notes string) {
	var said []string
	for _, word := range []string{"up", "down", "drain", "maint"} {
		if slices.ContainsFunc(group, func(s state) bool { return s.status == word }) {
			status = word
			break
		}
	}
	for _, s := range group {
		of := slices.Clone(s.notes)
		if s.status != status {
			of = append([]string{s.status}, of...)
		}
		if len(group) > 1 && len(of) > 0 {
			of = []string{fmt.Sprintf("%s: %s", s.real, strings.Join(of, ", "))}
		}
		said = append(said, of...)
	}
	return status, strings.Join(said, "; ")
}
