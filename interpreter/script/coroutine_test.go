package script

import (
	"slices"
	"strings"
	"testing"
)

// A coroutine that waits for an effect in one branch runs in no other: else
// both would go on from one stack, and carry out what follows twice.
func TestCoroutineAtAnEffectIsNotResumed(t *testing.T) {
	const shared = `
local c = coroutine.create(function()
  traffic.split { green = 10, blue = 90 }
  coroutine.yield("first")
  traffic.split { green = 20, blue = 80 }
  return "end"
end)
local out = {}
local function try(name)
  return function()
    out[#out + 1] = name .. ": " .. coroutine.status(c)
    local results = { pcall(coroutine.resume, c) }
    for i, v in ipairs(results) do results[i] = tostring(v) end
    out[#out + 1] = name .. ": " .. table.concat(results, " ")
  end
end
parallel { a = try "a", b = try "b" }
out[#out + 1] = "main: " .. coroutine.status(c)
print(table.concat(out, "\n"))
`
	c := &conductor{choose: func([]string) int { return 0 }}
	got := conduct(t, c, shared, 2)
	for _, want := range []string{
		"a: suspended\nb: normal\n",
		`b: false main.lua:12: this coroutine is at work in branch "a", inside an effect at main.lua:3, and cannot be resumed here`,
		"a: true true first\nmain: suspended",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in:\n%s", want, got)
		}
	}
	if n := len(c.settled); n != 1 || !slices.Equal(c.settled, []string{"1.a.1"}) {
		t.Errorf("carried out: %v", c.settled)
	}
}
