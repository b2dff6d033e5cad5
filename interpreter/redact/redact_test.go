package redact

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

const pem = "-----BEGIN KEY-----\nMIIEabcdefgh+/yz==\nx\nZZZZ0123\n-----END KEY-----\n"

// known returns a scrubber for values by name: "A", "value", …
func known(pairs ...string) *Scrubber {
	var list []effect.Secret
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, effect.NewSecret(pairs[i], pairs[i+1]))
	}
	return New(list...)
}

func TestReplace(t *testing.T) {
	for _, c := range []struct {
		name     string
		secrets  []string
		in, want string
	}{
		{"none", nil, "as it is", "as it is"},
		{"plain", []string{"A", "abcdef"}, "xabcdefx abcdef", "x[secret A]x [secret A]"},
		{"empty secret", []string{"A", ""}, "text", "text"},
		{"too short to look for", []string{"A", "1", "B", "abcde"}, "10.1.1.17 abcde", "10.1.1.17 abcde"},
		{"beginning only", []string{"A", "abcdef"}, "abcde abcdx abcde", "abcde abcdx abcde"},
		{"repeated beginning", []string{"A", "aaaaab"}, "aaaaaaab aaaaab", "aa[secret A] [secret A]"},
		{"longest first", []string{"A", "abcdef", "B", "abcdefgh"}, "abcdefgh abcdefg abcdef", "[secret B] [secret A]g [secret A]"},
		{"one inside another", []string{"A", "cdefgh", "B", "abcdefghij"}, "abcdefghij abcdefghi", "[secret B] ab[secret A]i"},
		{"overlapping", []string{"A", "abcdef", "B", "defghijk"}, "abcdefghijk", "[secret A]"},
		{"itself, over and over", []string{"A", "aaaaaa"}, strings.Repeat("a", 100) + "b", "[secret A]b"},
		{"newline at its end", []string{"A", "token77\n"}, "token77! token77\n", "[secret A]! [secret A]\n"},
		{"same value twice", []string{"A", "values", "B", "values"}, "values", "[secret A]"},
		{"several lines", []string{"K", pem}, "key: " + pem + "line: MIIEabcdefgh+/yz==; x", "key: [secret K]\nline: [secret K]; x"},
		{"CRLF", []string{"K", pem}, "ZZZZ0123\r\nx\r\n", "[secret K]\r\nx\r\n"},
		{"not UTF-8", []string{"A", "\xff\x00\xfe\xff\x00\x01"}, "a\xff\x00\xfe\xff\x00\x01b\xff\x00", "a[secret A]b\xff\x00"},
		{"base64 over a line end", []string{"A", "0123456789abcdef"}, "MDEyMzQ1Njc4\nOWFiY2RlZg==", "[secret A]=="},
		{"after some of it was let pass", []string{"A", "0123456789abcdef"}, "x MDEy\nMzQ1Njc4OWFiY2RlZg==\ny", "x MDEy\n[secret A]==\ny"},
		{"hex dump", []string{"A", "s3cr3t!"}, "73:33:63 72\n33 74 21", "[secret A]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := known(c.secrets...)
			if c.name != "after some of it was let pass" { // which depends on when it was read
				if got, changed := s.Replace(c.in); got != c.want || changed != (c.in != c.want) {
					t.Errorf("whole: got %q (changed %v), want %q", got, changed, c.want)
				}
			}
			for size := 1; size <= 9; size++ { // in pieces it comes out the same
				if size > 1 && c.name == "after some of it was let pass" {
					break
				}
				if got := inPieces(s, c.in, func() int { return size }); got != c.want {
					t.Errorf("by %d: got %q, want %q", size, got, c.want)
				}
			}
		})
	}
}

func inPieces(s *Scrubber, text string, size func() int) string {
	st, got := s.Stream(), ""
	for text != "" {
		n := min(max(size(), 1), len(text))
		got += string(st.Write([]byte(text[:n])))
		text = text[n:]
	}
	return got + string(st.Close())
}

// TestForms writes a secret in every form that common tools give it.
func TestForms(t *testing.T) {
	for _, value := range []string{"s3cr3t-valu3", `p&ss "w<rd>/\'$`, "gr\u00fc\u00dfe an alle", "0123456789", pem} {
		s := known("A", value)
		asJSON, _ := json.Marshal(map[string]any{"k": "(" + value + ")"})
		asJSON2, _ := json.Marshal(map[string]any{"log": string(asJSON)})
		forms := map[string]string{
			"JSON": string(asJSON), "Go": fmt.Sprintf("%q", value), "Go, ASCII": fmt.Sprintf("%+q", value), "query": url.QueryEscape(value), "path": url.PathEscape(value),
			"lower query": lowerPercent(url.QueryEscape(value)), "every byte": percent(value, ""),
			"hex": hex.EncodeToString([]byte(value)), "HEX": strings.ToUpper(hex.EncodeToString([]byte(value))), "hex dump": fmt.Sprintf("% x", value),
			"JSON in JSON": string(asJSON2), "HTML": html.EscapeString(value), "Python's repr": "'" + python(value) + "'",
			"Python's HTML": strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#x27;").Replace(value),
			"URL":           (&url.URL{Scheme: "http", User: url.UserPassword("me", value), Host: "h"}).String(),
		}
		for before := range 4 {
			text := strings.Repeat("u", before) + value + "the rest"
			forms[fmt.Sprintf("base64 after %d", before)] = base64.StdEncoding.EncodeToString([]byte(text))
			forms[fmt.Sprintf("URL's base64 after %d", before)] = base64.RawURLEncoding.EncodeToString([]byte(text))
			forms[fmt.Sprintf("wrapped base64 after %d", before)] = wrapped(base64.StdEncoding.EncodeToString([]byte(text)), 8)
		}
		for name, form := range forms {
			got := s.Text(form)
			if !strings.Contains(got, "[secret A]") {
				t.Errorf("%q in %s: %q is shown", value, name, got)
			}
			for _, line := range strings.Split(strings.TrimSpace(value), "\n") {
				if len(line) < Least {
					continue
				}
				for _, f := range written(line) {
					if strings.Contains(got, f) {
						t.Errorf("%q in %s: %q still holds %q", value, name, got, f)
					}
				}
			}
		}
	}
}

// python is what repr() writes between its quotes; it takes double ones where the
// text holds single ones alone.
func python(text string) string {
	text = strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(text)
	if strings.Contains(text, "'") && strings.Contains(text, `"`) {
		text = strings.ReplaceAll(text, "'", `\'`)
	}
	return text
}

func wrapped(s string, width int) string {
	var b strings.Builder
	for len(s) > width {
		b.WriteString(s[:width] + "\n")
		s = s[width:]
	}
	return b.String() + s
}

// TestAgainstPlainReplacement compares with marking every occurrence of every
// secret, in random texts and pieces.
func TestAgainstPlainReplacement(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	word := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = "gh"[rng.IntN(2)] // no digits of hex, no letters that an encoding makes
		}
		return string(b)
	}
	for range 2000 {
		secrets := []string{word(6), word(7), word(6 + rng.IntN(6))}
		s := known("A", secrets[0], "B", secrets[1], "C", secrets[2])
		text := word(rng.IntN(60))
		hidden := make([]bool, len(text))
		for _, secret := range secrets {
			for i := 0; i+len(secret) <= len(text); i++ {
				if text[i:i+len(secret)] == secret {
					for j := range len(secret) {
						hidden[i+j] = true
					}
				}
			}
		}
		want := ""
		for i := range text {
			if !hidden[i] {
				want += text[i : i+1]
			}
		}
		got := inPieces(s, text, func() int { return rng.IntN(5) })
		for _, label := range s.labels {
			got = strings.ReplaceAll(got, label, "")
		}
		if got != want {
			t.Fatalf("%q of %q leaves %q, want %q", text, secrets, got, want)
		}
	}
}

func TestLinesAreNotHeldBack(t *testing.T) {
	st := known("A", "secret-value", "B", pem).Stream()
	for _, line := range []string{"copying data\n", "s\n", "sec\n", "c2Vj\n"} {
		if got := string(st.Write([]byte(line))); got != line {
			t.Errorf("of %q, %q is shown", line, got)
		}
	}
}

func TestCut(t *testing.T) {
	s := known("A", "0123456789")
	for in, want := range map[string]string{"x 01234567": "x [secret A]", "x 01234": "x 01234", "x 0123456789": "x [secret A]", "x": "x"} {
		if got := s.Cut(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestValue(t *testing.T) {
	s := known("A", "0123456", "B", "1234567")
	in := map[string]any{"list": []any{"is 0123456", true, nil, 1234567.0, 7.0}, "key 0123456": "plain"}
	out, changed := s.Value(in)
	got, _ := effect.Encode(out, nil)
	if want := `{"key [secret A]":"plain","list":["is [secret A]",true,null,"[secret B]",7]}`; string(got) != want || !changed {
		t.Errorf("got %s, changed %v", got, changed)
	}
	if _, changed := s.Value(map[string]any{"a": 7.0, "b": []any{"c"}}); changed {
		t.Error("nothing was to be changed")
	}
	e := effect.Errorf(effect.CodeFailed, "0123456 is wrong").WithHint("try 1234567")
	if c := s.Error(e); c.Message != "[secret A] is wrong" || c.Hint != "try [secret B]" || e.Message != "0123456 is wrong" {
		t.Errorf("got %v", c)
	}
	var none *Scrubber
	if v, changed := none.Value("x"); v != "x" || changed || none.Text("x") != "x" {
		t.Error("nothing is known, and something changed")
	}
}

func TestParts(t *testing.T) {
	s := NewParts("[…]", "tok1", "Secret-Host")
	if got := s.Text("https://secret-host/TOK1?x=tok1"); got != "https://[…]/[…]?x=[…]" {
		t.Errorf("got %q", got)
	}
}

// BenchmarkText shows that the time goes with the text, not with the secrets:
// compare ns/byte.
func BenchmarkText(b *testing.B) {
	for _, secrets := range []int{1, 100} {
		var list []effect.Secret
		for i := range secrets {
			list = append(list, effect.NewSecret("s", fmt.Sprintf("secret-%d-%s", i, strings.Repeat("x", 40))))
		}
		s := New(list...)
		for name, unit := range map[string]string{"plain": "all is well on node 7, 12 of 12\n", "almost": strings.Repeat("secret-1-xxxxxxx", 2)} {
			b.Run(fmt.Sprintf("%s/%d", name, secrets), func(b *testing.B) {
				text := strings.Repeat(unit, 1<<15)
				b.SetBytes(int64(len(text)))
				for range b.N {
					s.Text(text)
				}
			})
		}
	}
}
