package db

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestContractedEarly(t *testing.T) {
	sql := func(text string) effect.Occurrence {
		return effect.Occurrence{Place: "1", Module: "db", Name: "exec", Class: effect.Write, Args: obj{"sql": text}}
	}
	serves := func(from any) effect.Occurrence {
		return effect.Occurrence{Place: "2", Module: "deploy", Name: "activate", Class: effect.Write, Args: obj{"env": "shop"},
			Changes: []effect.Change{{Module: "deploy", Path: []string{"envs", "shop", "serving"}, From: from, To: "v2"}}}
	}
	stop := effect.Occurrence{Place: "0", Module: "deploy", Name: "scale", Class: effect.Write, Args: obj{"env": "shop", "instances": 0.0}}
	moved := effect.Occurrence{Place: "0", Module: "traffic", Name: "switch", Class: effect.Write, Args: obj{"to": "page"}}
	drop := sql("ALTER TABLE public.orders ADD COLUMN b int, DROP COLUMN legacy")
	psql := effect.Occurrence{Place: "1", Module: "exec", Name: "run", Class: effect.Write, Args: obj{"argv": []any{"psql", "-c", "ALTER TABLE orders DROP legacy"}}}
	for name, c := range map[string]struct {
		past  []effect.Occurrence
		finds bool
	}{
		"a column":              {[]effect.Occurrence{drop, serves("v1")}, true},
		"by a command":          {[]effect.Occurrence{psql, serves("v1")}, true},
		"another name":          {[]effect.Occurrence{sql("alter table orders rename column ref to reference"), serves("v1")}, true},
		"a table":               {[]effect.Occurrence{sql("DROP TABLE IF EXISTS carts CASCADE"), serves("v1")}, true},
		"afterwards":            {[]effect.Occurrence{serves("v1"), drop}, false},
		"without a release":     {[]effect.Occurrence{drop}, false},
		"nothing served":        {[]effect.Occurrence{drop, serves(nil)}, false},
		"it was stopped":        {[]effect.Occurrence{stop, drop, serves("v1")}, false},
		"traffic was moved":     {[]effect.Occurrence{moved, drop, serves("v1")}, false},
		"a constraint":          {[]effect.Occurrence{sql("ALTER TABLE orders DROP CONSTRAINT positive"), serves("v1")}, false},
		"a column comes":        {[]effect.Occurrence{sql("ALTER TABLE orders ADD COLUMN note text"), serves("v1")}, false},
		"a default of a column": {[]effect.Occurrence{sql("ALTER TABLE orders ALTER COLUMN note DROP DEFAULT"), serves("v1")}, false},
		"a table put aside":     {[]effect.Occurrence{sql("DROP TABLE orders_old"), serves("v1")}, false},
	} {
		v := &effect.View{Done: func() []effect.Occurrence { return c.past }}
		if got := contractedEarly(v, effect.Ending{Status: effect.StatusSucceeded}); (got != "") != c.finds {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestNewestGone(t *testing.T) {
	rm := func(name string) effect.Occurrence {
		return effect.Occurrence{Place: effect.Place(name), Module: "exec", Name: "run", Class: effect.Write, Args: obj{"argv": []any{"aws", "s3", "rm", "s3://b/" + name}}}
	}
	list := func(names ...string) obj {
		var all []any
		for _, name := range names {
			all = append(all, obj{"name": name})
		}
		return obj{"backups": all}
	}
	told := effect.Occurrence{Module: "db", Name: "backups", Class: effect.Read, Value: obj{"backups": []any{obj{"name": "f3", "damaged": true}}}}
	asked := effect.Occurrence{Module: effect.ControlModule, Name: "approve", Args: obj{"title": "remove f3?"}}
	for name, c := range map[string]struct {
		after obj
		past  []effect.Occurrence
		finds bool
	}{
		"from the wrong end": {list("f1", "f2", "f3"), []effect.Occurrence{rm("f2"), rm("f3")}, true},
		"the oldest":         {list("f1", "f2", "f3"), []effect.Occurrence{rm("f1"), rm("f2")}, false},
		"it is damaged":      {list("f1", "f2", "f3"), []effect.Occurrence{told, rm("f3")}, false},
		"people were asked":  {list("f1", "f2", "f3"), []effect.Occurrence{asked, rm("f3")}, false},
		"there is a new one": {list("f1", "f2", "f3", "f4"), []effect.Occurrence{rm("f3")}, false},
	} {
		v := &effect.View{Begin: func(string) map[string]any { return list("f1", "f2", "f3") }, State: func(string) map[string]any { return c.after },
			Done: func() []effect.Occurrence { return c.past }}
		if got := newestGone(v, effect.Ending{Status: effect.StatusSucceeded}); (got != "") != c.finds {
			t.Errorf("%s: %q", name, got)
		}
	}
}
