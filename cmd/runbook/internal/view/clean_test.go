package view

import (
	"bytes"
	"strings"
	"testing"
)

func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"traffic/web":                   "traffic/web",
		"Grüße, 世界 👩‍🚒":                 "Grüße, 世界 👩‍🚒",
		"a\tb":                          "a b",
		"a\x1b[2Jb\x07":                 `a\x1b[2Jb\x07`,
		"done\nrun 1: succeeded":        `done\nrun 1: succeeded`,
		"12%\r100%":                     `12%\r100%`,
		"\u202egnp.tac\u202c":           `\u202egnp.tac\u202c`,
		"we\u200bb\ufeff\u00ad":         `we\u200bb\ufeff\u00ad`,
		"\u2066x\u2069\u2028y":          `\u2066x\u2069\u2028y`,
		"\x9b2J\xff":                    `\x9b2J\xff`,
		"\u009b2J":                      `\x9b2J`,
		"tag\U000e0041":                 `tag\U000e0041`,
		"\x7f":                          `\x7f`,
		`C:\new`:                        `C:\new`,
		"\x1b]0;title\x07":              `\x1b]0;title\x07`,
		"\x1b[31mred\x1b[0m":            `\x1b[31mred\x1b[0m`,
		"left\r\nright":                 `left\r\nright`,
		"\xe2\x80":                      `\xe2\x80`,
		"می\u200cخواهم (zero-width nj)": "می\u200cخواهم (zero-width nj)",
	} {
		if got := clean(text); got != want {
			t.Errorf("clean(%q) = %q, want %q", text, got, want)
		}
	}
	if got, want := Clean("one\x1b[A\r\ntwo\u202e"), "one\\x1b[A\ntwo\\u202e"; got != want {
		t.Errorf("Clean gives %q, want %q", got, want)
	}
}

// TestScreen: a screen lets this package's own sequences through, and only
// where the terminal knows them.
func TestScreen(t *testing.T) {
	const text = redraw + "\x1b[2m10:00\x1b[0m \x1b[31mno\x1b[0m\t\x1b[2J\x1b]0;x\x07\x1b[8mhidden \u202e\x9b1A\n"
	for _, c := range []struct {
		name  string
		style Style
		moves bool
		want  string
	}{
		{"a terminal", Style{Color: true}, true, redraw + "\x1b[2m10:00\x1b[0m \x1b[31mno\x1b[0m\t" + `\x1b[2J\x1b]0;x\x07\x1b[8mhidden \u202e\x9b1A` + "\n"},
		{"a file", Style{}, false, `\r\x1b[K\x1b[2m10:00\x1b[0m \x1b[31mno\x1b[0m` + "\t" + `\x1b[2J\x1b]0;x\x07\x1b[8mhidden \u202e\x9b1A` + "\n"},
	} {
		var whole, parts bytes.Buffer
		if n, err := NewScreen(&whole, c.style, c.moves).Write([]byte(text)); n != len(text) || err != nil {
			t.Errorf("%s: wrote %d, %v", c.name, n, err)
		}
		if whole.String() != c.want {
			t.Errorf("%s: %q, want %q", c.name, whole.String(), c.want)
		}
		// Characters may come in pieces.
		screen := NewScreen(&parts, c.style, c.moves)
		for piece := range strings.SplitSeq("Grüße, 世界", "") {
			for i := range len(piece) {
				_, _ = screen.Write([]byte{piece[i]})
			}
		}
		if got := parts.String(); got != "Grüße, 世界" {
			t.Errorf("%s: in pieces %q", c.name, got)
		}
	}
}
