package script

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestQuestion: a program finds the request on its standard input and in its
// environment, and of runbook's own environment what was named and nothing else.
func TestQuestion(t *testing.T) {
	t.Setenv("RUNBOOK_TEST_LEAK", "leaked")
	t.Setenv("KUBECONFIG", "/etc/kube")
	t.Setenv("AWS_PROFILE", "prod")
	var said []string
	b := running(t, `[ $1 = status ] || { cat >question; env | sort >env; pwd >pwd; echo "$0 $*" >argv; }; printf '{"state":"released","version":"v2"}'`,
		obj{"environment": "blue", "env": obj{"ROOT": "/srv"}, "secrets": obj{"TOKEN": "t0ken-t0ken"}, "pass": []any{"KUBECONFIG"}, "path": "/usr/bin:/bin"})
	b.notice.Say = func(text string) { said = append(said, text) }
	program := b.settings.programs["release"]
	dir := filepath.Dir(program)
	req := request(t, "release", obj{"region": "eu", "version": "v2", "set": obj{"replicas": "3"}, "timeout": "90s"})
	req.Attempt = 2
	began := time.Now()
	if _, err := b.Invoke(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(text))
	}
	var got obj
	if err := json.Unmarshal([]byte(read("question")), &got); err != nil {
		t.Fatal(err)
	}
	deadline, err := time.Parse(time.RFC3339, got["deadline"].(string))
	if left := deadline.Sub(began); err != nil || left < 85*time.Second || left > 2*time.Minute {
		t.Errorf("deadline %v, %s from now (%v)", got["deadline"], left, err)
	}
	want := obj{"op": "release", "env": "blue", "region": "eu", "version": "v2", "set": obj{"replicas": "3"}, "key": "key-1", "run": "run-1", "attempt": 2.0, "deadline": got["deadline"]}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("asked was %v, want %v", got, want)
	}
	if text := read("argv"); text != program+" release" {
		t.Errorf("its arguments are %q", text)
	}
	if read("pwd") != dir {
		t.Errorf("it ran in %s", read("pwd"))
	}
	env := "\n" + read("env") + "\n"
	for _, line := range []string{"DEPLOY_ENV=blue", "DEPLOY_REGION=eu", "DEPLOY_VERSION=v2", "DEPLOY_DEADLINE=" + got["deadline"].(string), "RUNBOOK_KEY=key-1", "RUNBOOK_RUN=run-1",
		"RUNBOOK_ATTEMPT=2", "ROOT=/srv", "TOKEN=t0ken-t0ken", "KUBECONFIG=/etc/kube", "PATH=/usr/bin:/bin"} {
		if !strings.Contains(env, "\n"+line+"\n") {
			t.Errorf("its environment lacks %s:%s", line, env)
		}
	}
	for _, name := range []string{"RUNBOOK_TEST_LEAK", "AWS_PROFILE"} {
		if strings.Contains(env, name) {
			t.Errorf("its environment holds %s", name)
		}
	}
	if len(said) != 1 || !strings.Contains(said[0], "AWS_PROFILE") || strings.Contains(said[0], "KUBECONFIG") || !strings.Contains(said[0], "not seen by programs: add pass: [AWS_") {
		t.Errorf("said is %q", said)
	}
}

// TestQuestionOf: what else ops ask for.
func TestQuestionOf(t *testing.T) {
	for op, c := range map[string]struct{ args, asked obj }{
		"scale": {obj{"env": "green", "instances": 0}, obj{"env": "green", "instances": 0.0}},
		"job":   {obj{"name": "migrate", "version": "v2", "set": obj{"a": "b"}, "class": "read"}, obj{"name": "migrate", "version": "v2", "set": obj{"a": "b"}, "class": "read"}},
		"drain": {obj{"node": "n1", "region": "eu", "lossy": true}, obj{"node": "n1", "region": "eu", "lossy": true}},
	} {
		b := running(t, `case $1 in status) echo '{"state":"released","version":"v1","instances":0}';; nodes) echo '{"nodes":[{"name":"n1","state":"cordoned","instances":0}]}';;
*) cat >question; echo "$DEPLOY_INSTANCES,$DEPLOY_NAME,$DEPLOY_NODE,$DEPLOY_LOSSY" >env;; esac`, nil)
		must(t, b, op, c.args)
		read := func(name string) string {
			text, err := os.ReadFile(filepath.Join(filepath.Dir(b.settings.programs[op]), name))
			if err != nil {
				t.Fatal(err)
			}
			return strings.TrimSpace(string(text))
		}
		var got obj
		if err := json.Unmarshal([]byte(read("question")), &got); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"key", "run", "attempt", "deadline"} {
			delete(got, name)
		}
		c.asked["op"] = op
		if !reflect.DeepEqual(got, c.asked) {
			t.Errorf("asked was %v, want %v", got, c.asked)
		}
		if env, want := read("env"), map[string]string{"scale": "0,,,", "job": ",migrate,,", "drain": ",,n1,true"}[op]; env != want {
			t.Errorf("the environment of %s is %q, want %q", op, env, want)
		}
	}
}

// TestAnswers: what is left out is filled in, and what is only for recovery is
// not returned.
func TestAnswers(t *testing.T) {
	for answer, want := range map[string]obj{
		`{"state":"active","version":"v2","previous":"","instances":3,"key":"k","pending":"v3"}`: {"env": "green", "state": "active", "version": "v2", "serving": "v2", "instances": 3.0},
		`{"state":"released","version":"v2","serving":"v1","region":null}`:                       {"env": "green", "state": "released", "version": "v2", "serving": "v1"},
		`{"env":"green","state":"absent","version":"","serving":""}`:                             {"env": "green", "state": "absent"},
		`{"state":"failed","version":"v2","serving":"v1","previous":"v1"}`:                       {"env": "green", "state": "failed", "version": "v2", "serving": "v1", "previous": "v1"},
	} {
		if got := must(t, running(t, "echo '"+answer+"'", nil), "status", obj{"env": "green"}); !reflect.DeepEqual(got, want) {
			t.Errorf("%s gives %v, want %v", answer, got, want)
		}
	}
	b := running(t, `echo '{"regions":[{"name":"us","state":"released","version":"v2","serving":"v1"},{"name":"ap","state":"absent"},{"name":"eu","state":"active","version":"v2"}]}'`, nil)
	want := []any{obj{"name": "ap", "active": false, "state": "absent"}, obj{"name": "eu", "active": true, "state": "active", "version": "v2", "serving": "v2"},
		obj{"name": "us", "active": true, "state": "released", "version": "v2", "serving": "v1"}}
	if got := must(t, b, "regions", nil)["regions"]; !reflect.DeepEqual(got, want) {
		t.Errorf("regions are %v, want %v", got, want)
	}
}
