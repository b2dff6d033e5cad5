package view

import (
	"strings"
	"testing"
)

func TestFit(t *testing.T) {
	red := Style{Color: true}.Red
	for _, tt := range []struct {
		text string
		n    int
		want string
	}{
		{"short", 10, "short"},
		{"short", 0, "short"},
		{"exactly", 7, "exactly"},
		{"too long", 7, "too lo…"},
		{"äöü äöü", 4, "äöü…"},
		{"漢字漢字", 6, "漢字…"},
		{red("too") + " long", 6, red("too") + " l…"},
		{red("too long"), 5, "\x1b[31mtoo …\x1b[0m"},
		{"e\u0301e\u0301", 2, "e\u0301e\u0301"},
	} {
		got := fit(tt.text, tt.n)
		if got != tt.want {
			t.Errorf("fit(%q, %d) = %q, want %q", tt.text, tt.n, got, tt.want)
		}
		if tt.n > 0 && columns(got) > tt.n {
			t.Errorf("fit(%q, %d) takes %d columns", tt.text, tt.n, columns(got))
		}
	}
}

func TestWrap(t *testing.T) {
	red := Style{Color: true}.Red
	for _, tt := range []struct {
		text string
		n    int
		want []string
	}{
		{"one two", 10, []string{"one two"}},
		{"one two three", 7, []string{"one two", "three"}},
		{"one two three", 8, []string{"one two", "three"}},
		{"abcdefgh ij", 4, []string{"abcd", "efgh", "ij"}},
		{red("one two") + " three", 5, []string{"\x1b[31mone \x1b[0m", "\x1b[31mtwo\x1b[0m", "three"}},
		{"漢字漢字", 4, []string{"漢字", "漢字"}},
	} {
		got := wrap(tt.text, tt.n)
		if strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
			t.Errorf("wrap(%q, %d) = %q, want %q", tt.text, tt.n, got, tt.want)
		}
		for _, line := range got {
			if columns(line) > tt.n {
				t.Errorf("wrap(%q, %d): %q takes %d columns", tt.text, tt.n, line, columns(line))
			}
		}
	}
}

func TestReflow(t *testing.T) {
	text := "One two\nthree four.\n\nFive\n  a table  stays\nsix"
	if got, want := Reflow(text, 13), "One two three\nfour.\n\nFive\n  a table  stays\nsix"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
