package probe

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

var _ plugins.Backend = (*Backend)(nil)

func TestDescription(t *testing.T) {
	d := New().Describe()
	if err := effect.Verify(d.Config); err != nil {
		t.Error(err)
	}
	for i := range d.Ops {
		if err := d.Ops[i].Verify(); err != nil {
			t.Error(err)
		}
	}
}

func TestConfigErrors(t *testing.T) {
	noPEM := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(noPEM, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	url := "http://127.0.0.1:1"
	tests := []struct {
		name   string
		target map[string]any
		want   string
	}{
		{"nothing to look at", map[string]any{}, "says nothing to look at"},
		{"misspelt key", map[string]any{"urll": url}, `did you mean "url"?`},
		{"scheme", map[string]any{"url": "ftp://x"}, "green.url: its scheme is neither http nor https"},
		{"no host", map[string]any{"url": "http:///x"}, "green.url: it names no host"},
		{"no URL", map[string]any{"metrics": "http://user:secret@[::1"}, "green.metrics: it is not a URL"},
		{"no port", map[string]any{"tcp": "example.org"}, `green.tcp: "example.org" is not an address`},
		{"tls port", map[string]any{"tls": "example.org:"}, "green.tls: "},
		{"status", map[string]any{"url": url, "expect": "2xx"}, `green.expect: "2xx" is neither a status code nor a range`},
		{"ca missing", map[string]any{"url": url, "ca": "/nonexistent/ca.pem"}, "green.ca: open /nonexistent/ca.pem"},
		{"ca empty", map[string]any{"url": url, "ca": noPEM}, "holds no PEM certificate"},
		{"errors", map[string]any{"metrics": url, "errors": "code~5"}, "green.errors: "},
		{"interval", map[string]any{"url": url, "interval": "1ms"}, "must be at least 50ms"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := configure(New(), map[string]any{"green": test.target})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("shows the password: %v", err)
			}
		})
	}
	if err := configure(New(), map[string]any{}); err == nil {
		t.Error("no target at all is accepted")
	}
}

func TestParseStatuses(t *testing.T) {
	tests := []struct {
		in   any
		want string
	}{
		{200.0, "200"}, {200, "200"}, {"200-299", "200-299"}, {" 200 - 204 , 304 ", "200-204,304"},
		{[]any{200.0, "300-302"}, "200,300-302"},
		{"", ""}, {"99", ""}, {"600", ""}, {"300-200", ""}, {200.5, ""}, {true, ""}, {[]any{}, ""}, {[]any{[]any{200.0}}, ""}, {nil, ""},
	}
	for _, test := range tests {
		got, problem := parseStatuses(test.in)
		if (problem == "") != (test.want != "") || problem == "" && got.String() != test.want {
			t.Errorf("%v: got %v, %q", test.in, got, problem)
		}
	}
	s, _ := parseStatuses("200-299,304")
	for code, want := range map[int]bool{199: false, 200: true, 299: true, 300: false, 304: true} {
		if s.has(code) != want {
			t.Errorf("%d: %v", code, !want)
		}
	}
}

func TestSelector(t *testing.T) {
	series := map[string]string{"code": "503", "method": "GET", "path": `a"b`}
	label := func(name string) string { return series[name] }
	tests := []struct {
		text  string
		match bool
	}{
		{`code="503"`, true}, {`code="50"`, false}, {`code=~"5.."`, true}, {`code=~"5"`, false}, {`code=~"4..|5.."`, true},
		{`code!="503"`, false}, {`code!~"2.."`, true}, {`{code=~"5..",method="GET"}`, true},
		{` code =~ '5..' , method != "GET" , `, false}, {`absent=""`, true}, {`absent!=""`, false},
		{`path="a\"b"`, true}, {"path=`a\"b`", true}, {`path='a"b'`, true},
	}
	for _, test := range tests {
		s, err := parseSelector(test.text)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
		} else if s.match(label) != test.match {
			t.Errorf("%s: got %v", test.text, !test.match)
		}
	}
	for _, text := range []string{"", "code", `code=5`, `code="5`, `code=~"("`, `code="5" method="GET"`, `{code="5"`,
		`1code="5"`, `code=="5"`, `code="\q"`, `code="5",,`} {
		if s, err := parseSelector(text); err == nil {
			t.Errorf("%s: accepted as %v", text, s)
		}
	}
}
