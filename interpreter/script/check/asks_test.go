package check_test

import (
	"slices"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/script/check"
)

func TestStrangers(t *testing.T) {
	people := effect.People{"ana": {Roles: []string{"lead"}}, "bob": {Roles: []string{"lead"}}}
	catalog, err := effect.NewCatalog(effect.Control())
	if err != nil {
		t.Fatal(err)
	}
	const text = `runbook { name = "x", on_failure = "ask", ask = { by = { "nobody" } }, unplanned = { by = { "lead" }, count = 4 } }
local who = "dba"
approve { title = "1", by = { "lead", who } }
approve { title = "2", by = { "lead" }, count = 1 + 1 }
approve { title = "3", by = { "lead" }, count = 3 }
checklist { title = "4", items = { "a" }, by = { "kim" } }
window { open = { "daily 00:00-23:00 UTC" }, outside = "ask", by = { "lea" .. "d", "ana" }, count = 3 }
approve { title = "5", by = params.by }
approve "6"`
	var got []string
	for _, f := range check.Read(script.Source{Name: "x.lua", Text: []byte(text)}, nil).Strangers(catalog, people) {
		got = append(got, f.Where.String()+" "+f.Message)
	}
	want := []string{
		`x.lua:1 nobody can agree to runbook's ask: by names "nobody", which is no person and nobody's role`,
		`x.lua:1 nobody can agree to runbook's unplanned: count is 4 and by names 2`,
		`x.lua:3 nobody can agree to approve: by names "dba", which is no person and nobody's role`,
		`x.lua:5 nobody can agree to approve: count is 3 and by names 2`,
		`x.lua:6 nobody can agree to checklist: by names "kim", which is no person and nobody's role`,
		`x.lua:7 nobody can agree to window: count is 3 and by names 2`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}
