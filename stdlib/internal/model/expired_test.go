package model

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestMadeFirst: old copies are removed after the new one is made, unless somebody
// looked at what there is.
func TestMadeFirst(t *testing.T) {
	run := func(class effect.Class, argv ...any) effect.Occurrence {
		return effect.Occurrence{Module: "exec", Name: "run", Class: class, Args: obj{"argv": argv}}
	}
	db := func(op string, class effect.Class) effect.Occurrence {
		return effect.Occurrence{Module: "db", Name: op, Class: class, Args: obj{}}
	}
	backup, expire := db("backup", effect.Write), run(effect.Irreversible, "pgbackrest", "--stanza=a", "expire")
	ask := effect.Occurrence{Module: effect.ControlModule, Name: "approve", Class: effect.Value, Args: obj{"title": "expire?"}}
	for name, c := range map[string]struct {
		past []effect.Occurrence
		want bool
	}{
		"before":                  {[]effect.Occurrence{expire, backup}, true},
		"after":                   {[]effect.Occurrence{backup, expire}, false},
		"between two":             {[]effect.Occurrence{backup, expire, backup}, false},
		"no new one":              {[]effect.Occurrence{expire}, false},
		"after a look":            {[]effect.Occurrence{db("backups", effect.Read), expire, backup}, false},
		"after a yes":             {[]effect.Occurrence{ask, expire, backup}, false},
		"by commands alone":       {[]effect.Occurrence{run(effect.Write, "borg", "prune", "--keep-daily=7"), run(effect.Write, "borg", "create", "::new", "/srv")}, true},
		"by commands, after":      {[]effect.Occurrence{run(effect.Write, "restic", "backup", "/srv"), run(effect.Write, "restic", "forget", "--prune")}, false},
		"what is no copy":         {[]effect.Occurrence{run(effect.Write, "docker", "image", "prune", "-f"), backup}, false},
		"a look at what would be": {[]effect.Occurrence{run(effect.Read, "restic", "forget", "--dry-run"), backup}, false},
	} {
		v := &effect.View{Done: func() []effect.Occurrence { return c.past }}
		if got := MadeFirst("exec").End(v, effect.Ending{Status: effect.StatusSucceeded}); (got != "") != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestKeptItself: a backup is of the database that is changed after it.
func TestKeptItself(t *testing.T) {
	of := func(op, name string) effect.Occurrence {
		e := effect.Occurrence{Module: "db", Name: op, Class: effect.Write, Args: obj{}}
		if name != "" {
			e.Args["db"] = name
		}
		if op == "migrate" {
			e.Changes = []effect.Change{{Module: "db", Path: []string{"version"}}}
		}
		return e
	}
	rows := of("exec", "orders")
	rows.Args["sql"] = "INSERT INTO notes VALUES (1)"
	dump := effect.Occurrence{Module: "exec", Name: "run", Class: effect.Write, Args: obj{"argv": []any{"pg_dump", "orders"}}}
	for name, c := range map[string]struct {
		past []effect.Occurrence
		want bool
	}{
		"of another one":              {[]effect.Occurrence{of("backup", ""), of("migrate", "orders")}, true},
		"of the same":                 {[]effect.Occurrence{of("backup", "orders"), of("migrate", "orders")}, false},
		"of both":                     {[]effect.Occurrence{of("backup", "orders"), of("backup", ""), of("migrate", "orders")}, false},
		"of none":                     {[]effect.Occurrence{of("migrate", "orders")}, false},
		"of the one that matters":     {[]effect.Occurrence{of("backup", ""), of("migrate", ""), of("migrate", "orders")}, false},
		"nothing is overwritten":      {[]effect.Occurrence{of("backup", ""), rows}, false},
		"a command may have made one": {[]effect.Occurrence{of("backup", ""), dump, of("migrate", "orders")}, false},
	} {
		v := &effect.View{Done: func() []effect.Occurrence { return c.past }}
		if got := KeptItself().End(v, effect.Ending{Status: effect.StatusSucceeded}); (got != "") != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestRegisteredInTime: what the first rollback takes back was set right before it was
// registered.
func TestRegisteredInTime(t *testing.T) {
	put := func(place effect.Place, share float64) effect.Occurrence {
		return effect.Occurrence{Place: place, Module: "http", Name: "request", Class: effect.Write, Args: obj{"method": "PUT", "url": "https://flags/a", "json": obj{"share": share}}}
	}
	look := func(place effect.Place) effect.Occurrence {
		return effect.Occurrence{Place: place, Module: "health", Name: "check", Class: effect.Read, Args: obj{}}
	}
	tell := effect.Occurrence{Place: "2", Module: "notify", Name: "send", Class: effect.Irreversible, Tells: true}
	for name, c := range map[string]struct {
		past     []effect.Occurrence
		register int // after how many of them
		want     bool
	}{
		"after a look":          {[]effect.Occurrence{put("1", 5), look("2"), put("3", 100), put("r1.1.1", 0)}, 2, true},
		"at once":               {[]effect.Occurrence{put("1", 5), look("2"), put("r1.1.1", 0)}, 1, false},
		"before":                {[]effect.Occurrence{put("1", 5), look("2"), put("r1.1.1", 0)}, 0, false},
		"after a message":       {[]effect.Occurrence{put("1", 5), tell, put("r1.1.1", 0)}, 2, false},
		"it was as it is to be": {[]effect.Occurrence{put("1", 0), look("2"), put("3", 100), put("r1.1.1", 0)}, 2, false},
		"nothing was set":       {[]effect.Occurrence{look("1"), look("2"), put("3", 100), put("r1.1.1", 0)}, 2, false},
	} {
		var events []effect.Event
		for i, e := range c.past {
			if i == c.register {
				events = append(events, effect.Event{Kind: effect.RollbackRegistered, Place: "~1"})
			}
			events = append(events, effect.Event{Kind: effect.EffectDone, Place: e.Place})
		}
		v := &effect.View{Done: func() []effect.Occurrence { return c.past }}
		said := RegisteredInTime("http", func(args map[string]any) string { return "" }).End(v, effect.Ending{Status: effect.StatusRolledBack, RollsBack: true, Events: events})
		if (said != "") != c.want {
			t.Errorf("%s: %q", name, said)
		}
	}
}
