package remote

import (
	"cmp"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	contract "github.com/q-ecosystem/runbook/stdlib/hosts"
)

// inventory collects hosts and groups from wherever they are declared.
type inventory struct {
	hosts  map[string]*entry
	groups map[string]*entry
}

// entry is what is said of a host or of a group.
type entry struct {
	access
	address  string
	port     int
	labels   map[string]string
	members  map[string]bool // of a group: hosts
	children map[string]bool // of a group: groups
}

func newInventory() *inventory {
	return &inventory{map[string]*entry{}, map[string]*entry{}}
}

func newEntry() *entry {
	return &entry{labels: map[string]string{}, members: map[string]bool{}, children: map[string]bool{}}
}

func (v *inventory) host(name string) *entry { return find(v.hosts, name) }

func (v *inventory) group(name string) *entry { return find(v.groups, name) }

func find(in map[string]*entry, name string) *entry {
	if in[name] == nil {
		in[name] = newEntry()
	}
	return in[name]
}

// takeConfig adds what runbook.yaml says; it goes before a file of Ansible.
func (v *inventory) takeConfig(config map[string]any) {
	take := func(e *entry, c map[string]any) {
		e.access = accessOf(c).or(e.access)
		if port, ok := c["port"].(float64); ok {
			e.port = int(port)
		}
		maps.Copy(e.labels, texts(c["labels"]))
	}
	for name := range table(config, "hosts") {
		c, e := table(table(config, "hosts"), name), v.host(name)
		take(e, c)
		if address := str(c["address"]); address != "" {
			e.address = address
		}
		for _, g := range list(c["groups"]) {
			v.group(g).members[name] = true
		}
	}
	for name := range table(config, "groups") {
		c, e := table(table(config, "groups"), name), v.group(name)
		take(e, c)
		for _, h := range list(c["hosts"]) {
			e.members[h] = true
		}
	}
}

// targets puts together what is known of each host. What a host says itself
// goes before its groups, a group before those that it is a part of, and of two
// groups the later one in the order of names.
func (v *inventory) targets(preset access) (map[string]*Host, error) {
	for _, name := range sorted(v.groups) {
		for member := range v.groups[name].members {
			if v.hosts[member] == nil {
				return nil, invalid("group %s: there is no host %q", name, member).WithHint("declare it under hosts")
			}
		}
	}
	if len(v.hosts) == 0 {
		return nil, invalid("there is no host").WithHint("name them under hosts, or an inventory file of Ansible under inventory")
	}
	all := map[string]*Host{}
	for _, name := range sorted(v.hosts) {
		h := v.hosts[name]
		t := &Host{Host: contract.Host{Name: name, Address: h.address, Labels: map[string]string{}}, access: h.access, port: h.port}
		near := v.groupsOf(name)
		for _, g := range near {
			e := v.groups[g]
			t.access = t.access.or(e.access)
			if t.port == 0 {
				t.port = e.port
			}
			if g != "all" && g != "ungrouped" {
				t.Groups = append(t.Groups, g)
			}
		}
		for _, g := range slices.Backward(near) {
			maps.Copy(t.Labels, v.groups[g].labels)
		}
		maps.Copy(t.Labels, h.labels)
		slices.Sort(t.Groups)
		if t.sudo == "" && t.become == "true" {
			t.sudo = cmp.Or(t.becomeUser, "root")
		}
		t.access = t.access.or(preset)
		if h.via == nil && slices.Contains(t.via, name) { // the way in, which what holds for all does not mean
			t.via = []string{}
		}
		if t.port == 0 {
			t.port = 22
		}
		if t.Address == "" {
			t.Address = name
		}
		all[name] = t
	}
	for _, name := range sorted(all) {
		if err := all[name].check(all); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// groupsOf returns the groups that a host is in, the nearest ones first.
func (v *inventory) groupsOf(host string) []string {
	depth := map[string]int{}
	var up func(group string, at int)
	up = func(group string, at int) {
		if d, seen := depth[group]; seen && d <= at {
			return
		}
		depth[group] = at
		for name, g := range v.groups {
			if g.children[group] {
				up(name, at+1)
			}
		}
	}
	for name, g := range v.groups {
		if g.members[host] {
			up(name, 0)
		}
	}
	if v.groups["all"] != nil {
		depth["all"] = 1 << 20
	}
	names := sorted(depth)
	slices.SortStableFunc(names, func(a, b string) int {
		if depth[a] != depth[b] {
			return depth[a] - depth[b]
		}
		return strings.Compare(b, a)
	})
	return names
}

// Addr returns where the host listens.
func (t *Host) Addr() string {
	return net.JoinHostPort(strings.Trim(t.Address, "[]"), strconv.Itoa(t.port))
}

// String names a host for messages, with its address.
func (t *Host) String() string {
	if t.Name == t.Addr() {
		return t.Name
	}
	return t.Name + " (" + t.Addr() + ")"
}

// hop returns the host that a word of via names.
func (s *settings) hop(word string, from *Host) *Host {
	if t := s.targets[word]; t != nil {
		return t
	}
	t := &Host{access: access{user: from.user, keys: from.keys}, port: 22}
	if name, rest, ok := strings.Cut(word, "@"); ok {
		t.user, word = name, rest
	}
	t.Address = word
	if host, port, err := net.SplitHostPort(word); err == nil {
		t.Address = host
		t.port, _ = strconv.Atoi(port)
	}
	t.Name = t.Addr()
	return t
}
