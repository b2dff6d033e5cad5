package vault

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib/secrets"
)

type obj = map[string]any

// root is the token of the servers that the tests start.
const root = "root-token-of-the-tests"

// server is a running OpenBao or Vault, with the key-value engine at secret/.
type server struct {
	t       *testing.T
	address string
	on      plugintest.System
}

// start runs the server that is installed, bao or vault. Debian has neither, so
// that nothing asks for it: without one the test is skipped.
func start(t *testing.T) *server {
	t.Helper()
	s := &server{t: t}
	var program string
	for _, one := range []struct{ name, product string }{{"bao", "OpenBao"}, {"vault", "Vault"}} {
		if path, err := exec.LookPath(one.name); err == nil && program == "" {
			program, s.on = path, plugintest.Program(t, one.product, path, "version")
		}
	}
	if program == "" {
		t.Skip("skipped: neither bao nor vault is installed: see openbao.org")
	}
	listen := plugintest.FreeAddress(t)
	s.address = "http://" + listen
	cmd := exec.Command(program, "server", "-dev", "-dev-no-store-token", "-dev-root-token-id="+root, "-dev-listen-address="+listen)
	cmd.Env = []string{"HOME=" + t.TempDir()}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	b := s.backend(nil)
	plugintest.Until(t, s.on.Name+" serves", func() bool {
		select {
		case <-ended:
			t.Fatalf("%s ended: %s", s.on.Name, said.String())
		default:
		}
		return b.Health(t.Context()) == nil
	})
	// More than the walks make; the default is ten.
	s.order(http.MethodPost, "secret/config", obj{"max_versions": 1000}, nil)
	return s
}

func (s *server) config(more obj) obj {
	config := obj{"address": s.address, "token": root}
	for k, v := range more {
		if config[k] = v; v == nil {
			delete(config, k)
		}
	}
	return config
}

func (s *server) backend(more obj) *Backend {
	s.t.Helper()
	return plugintest.Configured(s.t, New(), s.config(more))
}

// order tells the server something, as an administrator does.
func (s *server) order(method, path string, body, into any, expected ...int) {
	s.t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	req, err := http.NewRequest(method, s.address+"/v1/"+path, bytes.NewReader(data))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("X-Vault-Token", root)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode/100 != 2 && !slices.Contains(expected, resp.StatusCode) {
		s.t.Fatalf("%s %s: %s %s %v", method, path, resp.Status, said, err)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal(said, into); err != nil {
		s.t.Fatal(err)
	}
}

// put makes a version of a secret, as somebody else does.
func (s *server) put(path string, data obj) {
	s.t.Helper()
	s.order(http.MethodPost, "secret/data/"+path, obj{"data": data}, nil)
}

// read returns all fields of the newest version of a secret.
func (s *server) read(path string) obj {
	s.t.Helper()
	var got struct{ Data struct{ Data obj } }
	s.order(http.MethodGet, "secret/data/"+path, nil, &got)
	return got.Data.Data
}

func request(t *testing.T, op, key string, args obj) plugins.Request {
	t.Helper()
	return plugintest.Request(t, secrets.Module(), op, key, args)
}

func do(t *testing.T, b *Backend, op, key string, args obj) (obj, *effect.Error) {
	t.Helper()
	v, err := b.Invoke(t.Context(), request(t, op, key, args))
	m, _ := v.(obj)
	return m, effect.AsError(err)
}

// must carries out an op that has to succeed.
func must(t *testing.T, b *Backend, op, key string, args obj) obj {
	t.Helper()
	v, e := do(t, b, op, key, args)
	if e != nil {
		t.Fatalf("%s %v: %v (%s)", op, args, e, e.Hint)
	}
	return v
}

// silent checks that an error tells no value.
func silent(t *testing.T, err error, value string) {
	t.Helper()
	if e := effect.AsError(err); e != nil && strings.Contains(e.Message+e.Hint, value) {
		t.Errorf("%v (%s) tells the value %q", e, e.Hint, value)
	}
}
