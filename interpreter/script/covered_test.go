package script

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestCoverageCountsStatements(t *testing.T) {
	cover, cache := NewCoverage(), NewCache()
	text := `runbook { name = "x" }
local lib = require "lib"
local function unused()
  return 1
end
for i = 1, 3 do
  if i == 2 then
    lib.two()
  elseif i == 9 then
    unused()
  else
    print(i)
  end
end
if lib.no then return end
local t = { f = function()
  print "never"
end }
repeat
  local done = true
until done
step("s", function()
  print "in a step"
end)
goto over
print "jumped over"
::over::
`
	for range 2 {
		s, err := New(Options{Main: Source{Name: "x.lua", Text: []byte(text)}, Catalog: testCatalog(t), Handler: &recorder{}, Cache: cache, Cover: cover,
			Loader: files{"lib": "return {\n  two = function()\n    return 2\n  end,\n  no = false }"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.Close()
	}
	var got []string
	for _, l := range cover.Lines("x.lua") {
		got = append(got, fmt.Sprintf("%d:%d/%d:%d", l.Line, l.Ran, l.Statements, l.Hits))
	}
	want := "1:1/1:2 2:1/1:2 3:1/1:2 4:0/1:0 6:1/1:2 7:1/1:6 8:1/1:2 9:1/1:4 10:0/1:0 12:1/1:4 15:1/2:2 16:1/1:2 17:0/1:0 " +
		"19:1/1:2 20:1/1:2 22:1/1:2 23:1/1:2 25:1/1:2 26:0/1:0"
	if strings.Join(got, " ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, " "), want)
	}
	if names := cover.Files(); len(names) != 2 || names[0].Name != "lib.lua" || cover.Lines("lib.lua")[1].Hits != 2 {
		t.Errorf("files %v, lib %v", names, cover.Lines("lib.lua"))
	}
}

// What the language's own tests do, they do while they are counted.
func TestCoverageChangesNothing(t *testing.T) {
	for _, name := range []string{"language", "control", "effects", "globals"} {
		text, err := os.ReadFile("testdata/" + name + ".lua")
		if err != nil {
			t.Fatal(err)
		}
		run := func(cover *Coverage) string {
			r := &recorder{answer: func(context.Context, effect.Call) (any, error) { return nil, nil }}
			s, err := New(Options{Main: Source{Name: name + ".lua", Text: text}, Catalog: testCatalog(t), Handler: r, Cover: cover})
			if err != nil {
				return err.Error()
			}
			defer s.Close()
			return fmt.Sprint(s.Run(t.Context()), "\n", strings.Join(r.seen(), "\n"))
		}
		if plain, counted := run(nil), run(NewCoverage()); plain != counted {
			t.Errorf("%s: plain\n%s\ncounted\n%s", name, plain, counted)
		}
	}
}
