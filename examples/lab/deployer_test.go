package lab_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/examples/lab"
)

// TestReleaseIsNotActivation: a version that is brought to an environment serves
// once it is activated, and what was there is told until then.
func TestReleaseIsNotActivation(t *testing.T) {
	l := start(t, lab.Options{})
	c := connect(t, l.Info().Dir)
	for _, s := range []struct {
		op, env, version string
		want             lab.Deployment
		fails            string
	}{
		{op: "status", env: "green", want: lab.Deployment{State: "absent"}},
		{op: "activate", env: "green", fails: "nothing is released there"},
		{op: "status", env: "blue", want: lab.Deployment{State: "active", Version: "v1.0.0", Serving: "v1.0.0"}},
		{op: "release", env: "blue", version: "v1.1.0", want: lab.Deployment{State: "released", Version: "v1.1.0", Serving: "v1.0.0", Previous: "v1.0.0", Key: "k"}},
		{op: "release", env: "blue", version: "v1.1.0", want: lab.Deployment{State: "released", Version: "v1.1.0", Serving: "v1.0.0", Previous: "v1.0.0", Key: "k"}},
		{op: "activate", env: "blue", want: lab.Deployment{State: "active", Version: "v1.1.0", Serving: "v1.1.0", Previous: "v1.0.0", Key: "k"}},
		{op: "activate", env: "blue", want: lab.Deployment{State: "active", Version: "v1.1.0", Serving: "v1.1.0", Previous: "v1.0.0", Key: "k"}},
		{op: "decommission", env: "blue", fails: "it takes traffic"},
		{op: "release", env: "blue", version: "v 1", fails: "not a version"},
		{op: "release", env: "red", version: "v1", fails: "there are blue and green"},
		{op: "explode", env: "blue", fails: "does not know this op"},
	} {
		got, err := c.Carry(t.Context(), s.op, s.env, s.version, "k")
		switch {
		case s.fails != "" && (err == nil || !strings.Contains(err.Error(), s.fails)):
			t.Errorf("%s %s: %v, want %s", s.op, s.env, err, s.fails)
		case s.fails == "" && (err != nil || got != s.want):
			t.Errorf("%s %s: %+v, %v; want %+v", s.op, s.env, got, err, s.want)
		}
	}
	// Somebody deploys past it.
	if err := c.Deploy(t.Context(), "blue", "v2.0.0"); err != nil {
		t.Fatal(err)
	}
	got, err := c.Carry(t.Context(), "status", "blue", "", "")
	if want := (lab.Deployment{State: "active", Version: "v2.0.0", Serving: "v2.0.0", Previous: "v1.1.0"}); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

// TestDeployProgram runs what the lab writes for the backend script.
func TestDeployProgram(t *testing.T) {
	l := start(t, lab.Options{})
	for _, s := range []struct {
		op, env, out string
		code         int
	}{
		{"status", "blue", `"state":"active"`, 0},
		{"activate", "green", `"error":"conflict"`, 1},
		{"release", "green", `"error":"invalid"`, 1},
		{"regions", "green", "", 64},
	} {
		cmd := exec.Command(filepath.Join(l.Info().Dir, "lab.systems", "deploy.sh"), s.op)
		// The program of the test is the lab's here, which takes no word "lab".
		text, err := os.ReadFile(cmd.Path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(cmd.Path, []byte(strings.Replace(string(text), " lab carry ", " carry ", 1)), 0o700); err != nil {
			t.Fatal(err)
		}
		cmd.Env = append(os.Environ(), "RUNBOOK_LAB_MAIN=1", "DEPLOY_ENV="+s.env, "DEPLOY_VERSION=")
		out, _ := cmd.Output()
		if cmd.ProcessState.ExitCode() != s.code || !strings.Contains(string(out), s.out) {
			t.Errorf("%s %s: exit code %d, %s; want %d, %s", s.op, s.env, cmd.ProcessState.ExitCode(), out, s.code, s.out)
		}
	}
}

// TestFoldersOfOthersStay: a lab that is started in somebody's folder removes
// nothing there but what is the lab's.
func TestFoldersOfOthersStay(t *testing.T) {
	dir := t.TempDir()
	mine := []string{"systems/mine", "secrets/mine", "mine"}
	for _, name := range mine {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_ = start(t, lab.Options{Dir: dir}).Close()
	for _, name := range mine {
		if text, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(text) != "mine" {
			t.Errorf("%s: %s, %v", name, text, err)
		}
	}
	for _, name := range []string{"lab.systems", "lab.secrets", "lab.elsewhere"} {
		if _, err := os.Stat(filepath.Join(dir, name)); !os.IsNotExist(err) {
			t.Errorf("a closed lab leaves %s: %v", name, err)
		}
	}
}
