package effect

import (
	"strings"
	"testing"
)

func TestNoRace(t *testing.T) {
	set := func(place, by Place, path ...string) Occurrence {
		return Occurrence{Place: place, Module: "dns", Name: "set", Class: Write, Changes: []Change{{Module: "dns", Path: path, From: "x", To: "y", By: by}}}
	}
	read := set("4.us.2", "4.eu.2", "edge")
	read.Name = "records"
	failed := set("4.us.2", "4.eu.2", "edge")
	failed.Err = Errorf(CodeRefused, "no")
	for _, c := range []struct {
		name string
		e    Occurrence
		want string
	}{
		{"two branches", set("4.us.2", "4.eu.2", "edge"), "dns.set set dns.edge from x to y, and effect 4.eu.2 in another branch of the same parallel had set the same"},
		{"one after the other", set("5", "4", "edge"), ""},
		{"before the parallel", set("4.us.2", "3", "edge"), ""},
		{"nobody before", set("4.us.2", "", "edge"), ""},
		{"one branch", set("4.us.3", "4.us.2", "edge"), ""},
		{"another op", read, ""},
		{"one that failed", failed, ""},
	} {
		if got := NoRace("dns", "set").After(nil, c.e); (got == "") != (c.want == "") || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestWhatIsWrittenAsOne(t *testing.T) {
	for want, path := range map[string][]string{"m.a.values": {"a", "values", "2"}, "m.a": {"a", "1", "3"}, "m.servers.7.up": {"servers", "7", "up"}, "m.1": {"1"}} {
		if got := (Change{Module: "m", Path: Change{Path: path}.Whole()}).Target(); got != want {
			t.Errorf("%v: %s, want %s", path, got, want)
		}
	}
}
