package exec

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/output"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

func TestStreamsAreApartAndInOrder(t *testing.T) {
	var shown []string
	b := configured(t, nil)
	// One write each, with nothing between them.
	var script, want strings.Builder
	var outs, errs string
	for i := range 200 {
		n := string(rune('a'+i%26)) + strings.Repeat("x", i%7)
		if i%3 == 1 {
			script.WriteString("echo e" + n + " >&2\n")
			errs += "e" + n + "\n"
			want.WriteString("e" + n + "\n")
			continue
		}
		script.WriteString("echo o" + n + "\n")
		outs += "o" + n + "\n"
		want.WriteString("o" + n + "\n")
	}
	for range 20 {
		shown = nil
		req := request(t, sh(script.String()))
		req.Progress = func(line string) { shown = append(shown, line) }
		value, err := b.Invoke(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		v := value.(map[string]any)
		if v["stdout"] != outs || v["stderr"] != errs {
			t.Fatalf("stdout %q, stderr %q", v["stdout"], v["stderr"])
		}
		if v["output"] != want.String() || strings.Join(shown, "\n")+"\n" != want.String() {
			t.Fatalf("the order is lost: output %q, shown %q", v["output"], shown)
		}
	}
}

func TestJSON(t *testing.T) {
	b := configured(t, map[string]any{"secrets": map[string]any{"PIN": "4711047", "TOKEN": "hunter2222"}})
	asJSON := func(text string) map[string]any {
		return map[string]any{"argv": []any{"/bin/sh", "-c", `echo "Warning: old" >&2; cat; exit 0`}, "stdin": text, "json": true}
	}
	for in, want := range map[string]string{
		`[{"Member":"pg-2","Lag":0.5,"ok":true,"x":null}]`: `[{"Lag":0.5,"Member":"pg-2","ok":true,"x":null}]`,
		"\n\t7 \n": "7",
		`{"id":9007199254740993,"n":9007199254740992}`:    `{"id":"9007199254740993","n":9007199254740992}`,
		`{"pin":4711047,"t":"is hunter2222"}`:             `{"pin":"[secret PIN]","t":"is [secret TOKEN]"}`,
		strings.Repeat(" ", 2*output.TailSize) + `"late"`: `"late"`,
	} {
		v, err := run(t, b, asJSON(in))
		if err != nil {
			t.Errorf("%.40q: %v", in, err)
			continue
		}
		if got, _ := effect.Encode(v["json"], nil); string(got) != want {
			t.Errorf("%.40q: got %s, want %s", in, got, want)
		}
		if hides := strings.Contains(want, "[secret"); (v["redacted"] == true) != hides {
			t.Errorf("%.40q: redacted is %v", in, v["redacted"])
		}
	}
	for in, want := range map[string]string{
		"":                    "it is empty",
		"{\n \"a\": nope}":    "line 2, column",
		`{"a":1} {"b":2}`:     "more follows",
		`{"hunter2222": oops`: "line 1",
		"1e999":               "too large",
	} {
		_, err := run(t, b, asJSON(in))
		e := effect.AsError(err)
		if e == nil || e.Code != effect.CodeFailed || !strings.Contains(e.Message, want) || !strings.Contains(e.Hint, "is done") || strings.Contains(e.Message, "hunter2222") {
			t.Errorf("%q: got %v", in, err)
		}
	}
}

func TestPass(t *testing.T) {
	t.Setenv("KUBECONFIG", "/etc/kube")
	t.Setenv("AWS_PROFILE", "prod")
	t.Setenv("AWS_REGION", "eu")
	t.Setenv("PLAIN", "1")
	for _, c := range []struct {
		name         string
		config, args map[string]any
		want         string // KUBECONFIG, AWS_PROFILE, AWS_REGION, PLAIN
		told         []string
	}{
		{"nothing passes by itself", nil, nil, "///", []string{"AWS_PROFILE", "AWS_REGION", "KUBECONFIG"}},
		{"by the call", nil, map[string]any{"pass": []any{"KUBECONFIG", "AWS_*", "PLAIN"}}, "/etc/kube/prod/eu/1", nil},
		{"by the configuration", map[string]any{"pass": []any{"KUBECONFIG", "NOT_SET"}}, nil, "/etc/kube///", []string{"AWS_PROFILE", "AWS_REGION"}},
		{"withheld", map[string]any{"withhold": []any{"AWS_*", "KUBECONFIG"}}, nil, "///", nil},
		{"the call's own word", nil, map[string]any{"pass": []any{"AWS_*"}, "env": map[string]any{"AWS_PROFILE": "test", "KUBECONFIG": "k"}}, "k/test/eu/", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var said []string
			b := configured(t, c.config)
			b.notice.Say = func(text string) { said = append(said, text) }
			for range 2 { // it is said once
				v, err := run(t, b, with(sh(`echo "$KUBECONFIG/$AWS_PROFILE/$AWS_REGION/$PLAIN"`), c.args))
				if err != nil {
					t.Fatal(err)
				}
				if got := strings.TrimSpace(v["stdout"].(string)); got != c.want {
					t.Errorf("the program sees %q, want %q", got, c.want)
				}
			}
			told := strings.Join(said, "\n")
			for _, name := range []string{"AWS_PROFILE", "AWS_REGION", "KUBECONFIG"} {
				if want := slices.Contains(c.told, name); strings.Count(told, name+",")+strings.Count(told, name+":") > 0 != want {
					t.Errorf("of %s, it was said %q", name, told)
				}
			}
			if len(said) > 1 {
				t.Errorf("it was said twice: %q", said)
			}
		})
	}
	for name, args := range map[string]map[string]any{
		"not set here":        {"pass": []any{"RUNBOOK_TEST_NOWHERE"}},
		"no name":             {"pass": []any{"A=B"}},
		"runbook's own":       {"env": map[string]any{"RUNBOOK_KEY": "x"}},
		"runbook's, a secret": {"secrets": map[string]any{"RUNBOOK_RUN": "x"}},
	} {
		if _, err := run(t, configured(t, nil), with(sh("true"), args)); effect.AsError(err) == nil {
			t.Errorf("%s: it ran", name)
		}
	}
}

func TestShownOutput(t *testing.T) {
	for how, want := range map[string]string{"": "1 … 30", "all": "1 … 30", "tail": "21 … 30", "none": ""} {
		var shown []string
		args := sh("seq 1 30")
		if how != "" {
			args["output"] = how
		}
		req := request(t, args)
		req.Progress = func(line string) { shown = append(shown, line) }
		v, err := configured(t, nil).Invoke(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if len(shown) > 0 {
			got = shown[0] + " … " + shown[len(shown)-1]
		}
		if got != want || !strings.HasSuffix(v.(map[string]any)["stdout"].(string), "29\n30\n") {
			t.Errorf("output = %q: shown %q, want %q", how, shown, want)
		}
	}
}

// TestSessionsEndToo stops programs whose children left the group, the session
// and their parent.
func TestSessionsEndToo(t *testing.T) {
	for name, line := range map[string]string{
		"setsid":        `setsid sh -c 'echo $$ > child; exec sleep 1000' & wait`,
		"a daemon":      `setsid sh -c 'sh -c "echo \$\$ > child; exec sleep 1000" & exit' & sleep 1000`,
		"deaf":          `setsid sh -c 'trap "" TERM; echo $$ > child; while :; do sleep 1; done' & wait`,
		"empty handed":  `env -i /usr/bin/setsid /bin/sh -c 'echo $$ > child; exec /bin/sleep 1000' & wait`,
		"when it exits": `setsid sh -c 'echo $$ > child; exec sleep 1000' & trap 'exit 0' TERM; while :; do sleep 0.05; done`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			b := configured(t, map[string]any{"dir": dir, "grace": "300ms"})
			_, err := run(t, b, with(sh(line), map[string]any{"timeout": "1s"}))
			if e := effect.AsError(err); e == nil || e.Code != effect.CodeUnknown {
				t.Errorf("got %v", err)
			}
			if pid := readPid(t, filepath.Join(dir, "child")); alive(pid) {
				t.Errorf("the child (%d) is alive after the call", pid)
			}
		})
	}
}

func TestSupervisorIsKilled(t *testing.T) {
	dir := t.TempDir()
	line := "echo $$ > self; setsid sleep 1000 & echo $! > child; echo begun; kill -9 $PPID; sleep 1000"
	_, err := run(t, configured(t, map[string]any{"dir": dir}), sh(line))
	if e := effect.AsError(err); e == nil || e.Code != effect.CodeUnknown || !strings.Contains(e.Message, "supervisor was killed") || !strings.Contains(e.Message, "begun") {
		t.Errorf("got %v", err)
	}
	plugintest.Until(t, "the program's end", func() bool { return !alive(readPid(t, filepath.Join(dir, "self"))) })
	if pid := readPid(t, filepath.Join(dir, "child")); alive(pid) {
		t.Errorf("what the program started (%d) is alive after the call", pid)
	}
}

func TestBytesReachTheProgram(t *testing.T) {
	dir := t.TempDir()
	name := "caf\xe9 \xff"
	if _, err := run(t, configured(t, map[string]any{"dir": dir}), argv("touch", name)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
		t.Error(err)
	}
}
