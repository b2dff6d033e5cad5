package host_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/host"
	"github.com/q-ecosystem/runbook/stdlib"
)

// pluginFile writes an executable into a directory of its own and returns its
// path and digest.
func pluginFile(t *testing.T, name string, content []byte) (path, sum string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "runbook-plugin-"+name)
	if err := os.WriteFile(path, content, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o755); err != nil { // whatever the umask
		t.Fatal(err)
	}
	h := sha256.Sum256(content)
	return path, hex.EncodeToString(h[:])
}

// self returns the test binary.
func self(t *testing.T) []byte {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// openError opens a host that cannot be opened.
func openError(t *testing.T, spec host.Spec, timeout time.Duration) error {
	t.Helper()
	h, err := host.New(host.Options{Specs: []host.Spec{spec}, Contract: stdlib.Contract, StartTimeout: timeout})
	if err != nil {
		return err
	}
	defer h.Close()
	err = h.Open(t.Context())
	if err == nil {
		t.Fatal("the host opened")
	}
	return err
}

func TestPinnedPlugin(t *testing.T) {
	path, sum := pluginFile(t, "lamp", self(t))
	spec := host.Spec{Name: "lamp", Module: "lamp", Path: path, SHA256: strings.ToUpper(sum), Args: []string{"plugin", "lamp"}}
	h := open(t, spec)
	said(t, h, look("echo"))

	// The file is replaced while the run goes on: the process stays, another
	// is not started from it.
	victim := pid(t, h)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if pid(t, h) != victim {
		t.Error("the process changed with the file")
	}
	failure(t, t.Context(), h, change("exit"), effect.CodeUnknown)
	e := failure(t, t.Context(), h, look("echo"), effect.CodeUnavailable)
	if !strings.Contains(e.Message, sum) || !strings.Contains(e.Message, "pin the new one") {
		t.Errorf("a changed file reads %q", e.Message)
	}
}

func TestRefusedFiles(t *testing.T) {
	script := []byte("#!/bin/sh\nexit 0\n")
	for name, test := range map[string]struct {
		spoil func(t *testing.T, spec *host.Spec)
		want  string
	}{
		"unpinned":       {func(_ *testing.T, s *host.Spec) { s.SHA256 = "" }, "is not pinned"},
		"other digest":   {func(_ *testing.T, s *host.Spec) { s.SHA256 = strings.Repeat("0", 64) }, "is not the file that was pinned"},
		"missing":        {func(_ *testing.T, s *host.Spec) { s.Path += "x" }, "no such file"},
		"no path":        {func(_ *testing.T, s *host.Spec) { s.Path = "" }, "no plugin runbook-plugin-lamp was found"},
		"writable file":  {func(t *testing.T, s *host.Spec) { chmod(t, s.Path, 0o775) }, "mode 0775"},
		"writable dir":   {func(t *testing.T, s *host.Spec) { chmod(t, filepath.Dir(s.Path), 0o777) }, "mode 0777"},
		"not executable": {func(t *testing.T, s *host.Spec) { chmod(t, s.Path, 0o644) }, "is not executable"},
		"no module":      {func(_ *testing.T, s *host.Spec) { s.Module = "" }, "no module is named"},
	} {
		t.Run(name, func(t *testing.T) {
			path, sum := pluginFile(t, "lamp", script)
			spec := host.Spec{Name: "lamp", Module: "lamp", Path: path, SHA256: sum}
			test.spoil(t, &spec)
			if err := openError(t, spec, 0); !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v\nwant %q in it", err, test.want)
			}
		})
	}
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func TestProgramsThatAreNoPlugins(t *testing.T) {
	for name, test := range map[string]struct {
		script string
		want   []string
	}{
		"newer":  {`echo "1|99|unix|/nowhere|grpc|"; exec sleep 60`, []string{"speaks version 99", "this program speaks [1]", "upgrade this program"}},
		"older":  {`echo "1|0|unix|/nowhere|grpc|"; exec sleep 60`, []string{"speaks version 0", "build the plugin against"}},
		"chatty": {`echo "hello there"; exec sleep 60`, []string{`"hello there"`, "is it a plugin of runbook"}},
		"broken": {`echo "no licence" >&2; exit 7`, []string{"exit status 7", "no licence"}},
		"mute":   {`exec sleep 60`, []string{"not ready within 200ms"}},
	} {
		t.Run(name, func(t *testing.T) {
			path, sum := pluginFile(t, "lamp", []byte("#!/bin/sh\n"+test.script+"\n"))
			timeout := 10 * time.Second
			if name == "mute" {
				timeout = 200 * time.Millisecond
			}
			err := openError(t, host.Spec{Name: "lamp", Module: "lamp", Path: path, SHA256: sum}, timeout)
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v\nwant %q in it", err, want)
				}
			}
		})
	}
}

func TestBrokenContract(t *testing.T) {
	err := openError(t, host.Spec{Name: "crooked", Module: "traffic", Builtin: true}, 0)
	var ce *host.ContractError
	if !errors.As(err, &ce) {
		t.Fatalf("%v, want a *ContractError", err)
	}
	want := []string{
		"traffic.switch: argument to has the type int, the contract says string",
		"traffic.switch: argument pool is missing",
		"traffic.switch: argument speed is not in the contract",
		"traffic.drain: its class is read, the contract says write",
		"traffic.drain: its recovery is retry, the contract says observe",
		"traffic.jam: is not in the contract",
	}
	if !slices.Equal(ce.Differences, want) {
		t.Errorf("got  %s\nwant %s", strings.Join(ce.Differences, "\n     "), strings.Join(want, "\n     "))
	}
	if ce.Backend != "crooked" || ce.Module != "traffic" {
		t.Errorf("the error names %s and %s", ce.Backend, ce.Module)
	}
}

func TestWrongConfiguration(t *testing.T) {
	for name, test := range map[string]struct {
		spec host.Spec
		want string
	}{
		"unknown key":  {host.Spec{Config: map[string]any{"color": "red"}}, `did you mean "colour"?`},
		"wrong type":   {host.Spec{Config: map[string]any{"delay": "soon"}}, "delay: wants a duration"},
		"refused":      {host.Spec{Config: map[string]any{"colour": "black"}}, "a black lamp gives no light"},
		"other module": {host.Spec{Module: "health"}, "backend lamp carries the module lamp, the configuration gives it health"},
		"other name":   {host.Spec{Name: "candle", Args: []string{"plugin", "lamp"}}, `says that it is "lamp"`},
	} {
		t.Run(name, func(t *testing.T) {
			spec := test.spec
			spec.Builtin = true
			if spec.Name == "" {
				spec.Name = "lamp"
			}
			if spec.Module == "" {
				spec.Module = "lamp"
			}
			if err := openError(t, spec, 0); !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v\nwant %q in it", err, test.want)
			}
		})
	}
}

func TestOneBackendTwice(t *testing.T) {
	_, err := host.New(host.Options{Specs: []host.Spec{lampSpec(), lampSpec()}})
	if err == nil || !strings.Contains(err.Error(), "module lamp names the backend lamp twice") {
		t.Errorf("one backend twice: %v", err)
	}
}

func TestOpenIsCanceled(t *testing.T) {
	path, sum := pluginFile(t, "lamp", []byte("#!/bin/sh\nexec sleep 60\n"))
	h, err := host.New(host.Options{Specs: []host.Spec{{Name: "lamp", Module: "lamp", Path: path, SHA256: sum}}})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := h.Open(ctx); err == nil || !strings.Contains(err.Error(), context.DeadlineExceeded.Error()) {
		t.Errorf("Open of a canceled context: %v", err)
	}
}
