package syntax

import (
	"strings"
	"testing"
)

// Text that nests without end is found before the parser keeps it all.
func TestTooOpen(t *testing.T) {
	for _, test := range []struct{ name, before, again, after string }{
		{"brackets", "local x = ", "(", ""},
		{"tables", "local x = ", "{", ""},
		{"indexes", "local x = a", "[a", ""},
		{"blocks", "", "do ", ""},
		{"functions", "", "f(function() ", ""},
		{"branches", "", "if a then ", ""},
		{"branches of branches", "", "if a then else ", ""},
		{"loops", "", "while a do repeat ", ""},
		{"joined", "local x = ", "a .. ", "a"},
		{"joined with sums", "local x = ", "a .. b + ", "a"},
		{"powers", "local x = ", "a ^ ", "a"},
		{"negations", "local x = ", "not ", "a"},
		{"signs", "local x = ", "- ", "a"},
		{"lengths", "local x = ", "#", "a"},
	} {
		text := func(n int) []byte { return []byte(test.before + strings.Repeat(test.again, n) + test.after) }
		if wrong := tooOpen("x.lua", text(2*maxDepth)); wrong == nil {
			t.Errorf("%s: %d are not too many", test.name, 2*maxDepth)
		}
		if wrong := tooOpen("x.lua", text(maxDepth/4)); wrong != nil {
			t.Errorf("%s: %d are too many", test.name, maxDepth/4)
		}
	}
}

// What stands side by side is not deep, however much of it there is.
func TestNotTooOpen(t *testing.T) {
	const many = 4 * maxDepth
	for _, text := range []string{
		strings.Repeat("x.y = a .. b ^ -c\n", many),
		strings.Repeat("f(a .. b, not c)\n", many),
		strings.Repeat("if not a then f(#b) elseif not c then g() else h() end\n", many),
		strings.Repeat("local a = -1 local b = not a\n", many/100), // 200 locals are all there may be
		"return { " + strings.Repeat("-1, #a; 'b' .. 'c', ", many) + "}",
		"return " + strings.Repeat("not a and -b or ", many/4/maxDepth*100) + "c",
		"return 1" + strings.Repeat(" - 1", many/8),
	} {
		if wrong := tooOpen("x.lua", []byte(text)); wrong != nil {
			t.Errorf("%.40q…: %v", text, wrong)
		}
	}
	stmts, wrong := Parse("x.lua", []byte(strings.Repeat("do ", maxDepth/2)+strings.Repeat("end ", maxDepth/2)))
	if wrong != nil || len(stmts) != 1 {
		t.Errorf("%d blocks: %v", maxDepth/2, wrong)
	}
}

// A line is told, and what to do.
func TestTooDeepIsTold(t *testing.T) {
	for _, text := range []string{
		"\n\nlocal x = " + strings.Repeat("(", 3*maxDepth),
		"\n\nlocal x = f" + strings.Repeat("()", 3*maxDepth), // parsed, and then too deep for whoever looks
	} {
		_, wrong := Parse("x.lua", []byte(text))
		if wrong == nil || wrong.Line != 3 || wrong.Message != "the script is nested too deeply" || wrong.Hint == "" {
			t.Errorf("%.20q…: %+v", text, wrong)
		}
	}
}
