package hosts

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Host is what an inventory says of a host, as far as hosts are chosen by it.
type Host struct {
	Name    string
	Address string
	Groups  []string
	Labels  map[string]string
}

// fits reports whether one word means the host: its name, a group, a label, or
// "all".
func (h *Host) fits(word string) bool {
	if word == "all" || word == h.Name || slices.Contains(h.Groups, word) {
		return true
	}
	name, value, isLabel := strings.Cut(word, "=")
	has, ok := h.Labels[name]
	return isLabel && ok && has == value
}

// fitsAll reports whether each of several words, divided by "&", means the host.
func (h *Host) fitsAll(entry string) bool {
	return !slices.ContainsFunc(strings.Split(entry, "&"), func(word string) bool { return !h.fits(strings.TrimSpace(word)) })
}

// Choose returns the hosts that are meant by on, in the order of their names. An
// entry that means no host is an error, be it one that leaves out: it is
// misspelt, or the inventory is not the one that its author had in mind.
func Choose(all []Host, on []string) ([]Host, *effect.Error) {
	chosen, out := map[string]Host{}, map[string]bool{}
	entries := 0
	for _, entry := range on {
		rest, leaves := strings.CutPrefix(entry, "!")
		found := false
		for i := range all {
			if !all[i].fitsAll(rest) {
				continue
			}
			found = true
			if leaves {
				out[all[i].Name] = true
			} else {
				chosen[all[i].Name] = all[i]
			}
		}
		if !found {
			return nil, noHost(all, rest)
		}
		if !leaves {
			entries++
		}
	}
	if entries == 0 { // "all but …"
		for i := range all {
			chosen[all[i].Name] = all[i]
		}
	}
	maps.DeleteFunc(chosen, func(name string, _ Host) bool { return out[name] })
	if len(chosen) == 0 {
		return nil, effect.Errorf(effect.CodeNotFound, "on = { %s } leaves no host", quoted(on)).WithHint("hosts.list shows what there is")
	}
	hosts := slices.Collect(maps.Values(chosen))
	slices.SortFunc(hosts, func(a, b Host) int { return strings.Compare(a.Name, b.Name) })
	return hosts, nil
}

func noHost(all []Host, entry string) *effect.Error {
	words := map[string]bool{}
	for i := range all {
		words[all[i].Name] = true
		for _, g := range all[i].Groups {
			words[g] = true
		}
		for name, value := range all[i].Labels {
			words[name+"="+value] = true
		}
	}
	known := slices.Sorted(maps.Keys(words))
	hint := effect.Among("known: ", entry, known) + "; hosts.list shows all"
	if len(known) == 0 {
		hint = "the inventory is empty"
	}
	return effect.Errorf(effect.CodeNotFound, "no host is called %q, nor is it a group or a label that hosts have", entry).WithHint("%s", hint)
}

func quoted(list []string) string {
	words := make([]string, len(list))
	for i, w := range list {
		words[i] = fmt.Sprintf("%q", w)
	}
	return strings.Join(words, ", ")
}
