package exec

import (
	"strings"
	"testing"
)

func TestScrubber(t *testing.T) {
	const pem = "-----BEGIN KEY-----\nMIIEabcdefgh\nx\n-----END KEY-----\n"
	for _, c := range []struct {
		name     string
		secrets  map[string]string
		in, want string
	}{
		{"none", nil, "as it is", "as it is"},
		{"plain", map[string]string{"A": "abc"}, "xabcx abc", "x[secret A]x [secret A]"},
		{"empty secret", map[string]string{"A": ""}, "text", "text"},
		{"beginning only", map[string]string{"A": "abc"}, "ab abx ab", "ab abx ab"},
		{"repeated beginning", map[string]string{"A": "aab"}, "aaab aaaab", "a[secret A] aa[secret A]"},
		{"longest first", map[string]string{"A": "abc", "B": "abcdef"}, "abcdef abcde abc", "[secret B] [secret A]de [secret A]"},
		{"shorter at the end", map[string]string{"A": "abc", "B": "abcdef"}, "abcd", "[secret A]d"},
		{"newline at its end", map[string]string{"A": "token\n"}, "token! token\n", "[secret A]! [secret A]"},
		{"same value twice", map[string]string{"A": "v1", "B": "v1"}, "v1", "[secret A]"},
		{"several lines", map[string]string{"K": pem}, "key: " + pem + "line: MIIEabcdefgh; x", "key: [secret K]line: [secret K]; x"},
		{"not UTF-8", map[string]string{"A": "\xff\x00\xfe"}, "a\xff\x00\xfeb\xff\x00", "a[secret A]b\xff\x00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScrubber(c.secrets)
			if got := s.text(c.in); got != c.want {
				t.Errorf("whole: got %q, want %q", got, c.want)
			}
			for size := 1; size <= 3; size++ { // in pieces it comes out the same
				f, got := s.fresh(), ""
				for rest := c.in; rest != ""; {
					n := min(size, len(rest))
					got += string(f.write([]byte(rest[:n])))
					rest = rest[n:]
				}
				if got += string(f.flush()); got != c.want {
					t.Errorf("by %d: got %q, want %q", size, got, c.want)
				}
			}
		})
	}
}

func TestOutputCutsLongLinesAndCharacters(t *testing.T) {
	var lines []string
	o := newOutput(newScrubber(nil), func(l string) { lines = append(lines, l) })
	o.write([]byte(strings.Repeat("é", tailSize))) // two bytes each
	o.write([]byte("x\n"))
	o.close()
	text, truncated := o.kept()
	if !truncated || !strings.HasPrefix(text, "éé") || !strings.HasSuffix(text, "éx\n") || len(text) > tailSize {
		t.Errorf("kept %d bytes, begins %q", len(text), text[:4])
	}
	if len(lines) < 2*tailSize/lineSize {
		t.Errorf("%d lines were shown", len(lines))
	}
}
