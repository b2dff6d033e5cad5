package model

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func ran(place effect.Place, class effect.Class, told string, words ...any) effect.Occurrence {
	return effect.Occurrence{Place: place, Module: "exec", Name: "run", Class: class, Args: map[string]any{"argv": words}, Value: map[string]any{"stdout": told}}
}

func TestFillsUp(t *testing.T) {
	slot := ran("1", effect.Write, "", "psql", "-c", "SELECT pg_create_physical_replication_slot('c', true)")
	snapshot := ran("1", effect.Write, "", "lvcreate", "-L", "10G", "-s", "-n", "pre", "/dev/vg/data")
	for name, c := range map[string]struct {
		past  []effect.Occurrence
		finds bool
	}{
		"a slot":               {[]effect.Occurrence{slot}, true},
		"a slot that is gone":  {[]effect.Occurrence{slot, ran("r1.1", effect.Write, "", "psql", "-c", "SELECT pg_drop_replication_slot('c')")}, false},
		"another slot is gone": {[]effect.Occurrence{slot, ran("r1.1", effect.Write, "", "psql", "-c", "SELECT pg_drop_replication_slot('x')")}, true},
		"a snapshot":           {[]effect.Occurrence{snapshot}, true},
		"a volume":             {[]effect.Occurrence{ran("1", effect.Write, "", "lvcreate", "-L", "10G", "-n", "data", "vg")}, false},
		"a snapshot that goes": {[]effect.Occurrence{snapshot, ran("r1.1", effect.Write, "", "lvremove", "-f", "/dev/vg/pre")}, false},
	} {
		v := &effect.View{Done: func() []effect.Occurrence { return c.past }}
		if got := FillsUp("exec", Command).End(v, effect.Ending{Status: effect.StatusRolledBack}); (got != "") != c.finds {
			t.Errorf("%s: %q", name, got)
		}
	}
	// What the run has made itself is its own to remove.
	own := []effect.Occurrence{snapshot, ran("2", effect.Write, "", "lvremove", "-f", "/dev/vg/pre")}
	for i, finds := range []bool{false, true} {
		past := own[i:]
		v := &effect.View{Done: func() []effect.Occurrence { return past }}
		if got := Destroys("exec", Command).After(v, own[1]); (got != "") != finds {
			t.Errorf("of a snapshot, %d: %q", i, got)
		}
	}
}

func TestNameMissing(t *testing.T) {
	rm := func(path string) effect.Occurrence { return ran("2", effect.Write, "", "rm", "-rf", path) }
	for name, c := range map[string]struct {
		past  []effect.Occurrence
		finds bool
	}{
		"it told nothing":     {[]effect.Occurrence{ran("1", effect.Read, "\n", "ls", "/srv/app/releases"), rm("/srv/app/releases/")}, true},
		"it told a name":      {[]effect.Occurrence{ran("1", effect.Read, "v1\n", "ls", "/srv/app/releases"), rm("/srv/app/releases/v1")}, false},
		"meant to be all":     {[]effect.Occurrence{ran("1", effect.Read, "9", "du", "-s", "/srv/app/cache"), rm("/srv/app/cache/")}, false},
		"nobody looked":       {[]effect.Occurrence{rm("/srv/app/cache/")}, false},
		"it looked elsewhere": {[]effect.Occurrence{ran("1", effect.Read, "", "ls", "/srv/other"), rm("/srv/app/releases/")}, false},
	} {
		v := &effect.View{Done: func() []effect.Occurrence { return c.past }}
		if got := NameMissing("exec").After(v, c.past[len(c.past)-1]); (got != "") != c.finds {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestForgets(t *testing.T) {
	for line, want := range map[string]bool{
		"POST https://cdn.example.net/zones/shop/purge":      true,
		"aws cloudfront create-invalidation --paths /*":      true,
		"POST https://mail.example.net/queues/dead/purge":    false,
		"POST https://api.cloudflare.com/client/v4/accounts": false,
	} {
		if Forgets(line) != want {
			t.Errorf("%q: %v", line, !want)
		}
	}
}
