package haproxy

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	osexec "os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib/traffic"
)

// proxy is a running HAProxy with the pool web of blue and green, which name
// themselves in the header X-Env.
type proxy struct {
	turn   sync.Mutex // held by whoever kills or starts it
	cmd    *osexec.Cmd
	dir    string
	socket string // level admin
	front  string // "http://…" of the pool web
	down   map[string]*atomic.Bool
}

// startProxy runs Debian's HAProxy. extra is added to its configuration.
func startProxy(t *testing.T, extra string) *proxy {
	t.Helper()
	bin, err := osexec.LookPath("haproxy")
	if err != nil {
		if os.Getenv("RUNBOOK_REQUIRE_SERVERS") == "1" {
			t.Fatal("haproxy is not installed, and RUNBOOK_REQUIRE_SERVERS=1 asks for it")
		}
		t.Skip("haproxy is not installed: apt-get install haproxy")
	}
	dir, err := os.MkdirTemp("", "rb")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	p := &proxy{dir: dir, socket: filepath.Join(dir, "admin.sock"), front: "http://" + plugintest.FreeAddress(t), down: map[string]*atomic.Bool{}}
	addr := map[string]string{}
	for _, name := range []string{"blue", "green", "red", "spare"} {
		p.down[name] = &atomic.Bool{}
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Env", name)
			if r.URL.Path == "/healthz" && p.down[name].Load() {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		}))
		t.Cleanup(s.Close)
		addr[name] = s.Listener.Addr().String()
	}
	config := fmt.Sprintf(`global
  stats socket %[1]s/admin.sock level admin
  stats socket %[1]s/operator.sock level operator
defaults
  mode http
  timeout connect 2s
  timeout client 5s
  timeout server 5s
  timeout check 5s
frontend front
  bind %[2]s
  default_backend web
backend web
  balance roundrobin
  option httpchk GET /healthz
  default-server check inter 50ms fall 1 rise 1
  server blue %[3]s weight 100
  server green %[4]s weight 0
backend more
  server blue %[3]s weight 1
  server green %[4]s weight 1
  server red %[5]s weight 1
  server spare %[5]s backup weight 7
backend mixed
  balance roundrobin
  option httpchk GET /healthz
  default-server check inter 20ms fall 1 rise 1
  server blue %[3]s weight 100
  server green %[4]s weight 0
  server red %[5]s weight 0
  server spare %[7]s backup weight 7
backend filled
  balance first
  server blue %[3]s weight 1
  server green %[4]s weight 1
backend fixed
  balance source
  server blue %[3]s weight 1
  server green %[4]s weight 1
%[6]s
`, dir, strings.TrimPrefix(p.front, "http://"), addr["blue"], addr["green"], addr["red"], strings.ReplaceAll(extra, "STATE", filepath.Join(dir, "state")), addr["spare"])
	path := filepath.Join(dir, "haproxy.cfg")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	p.cmd = osexec.Command(bin, "-db", "-f", path)
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		if said, err := os.ReadFile(log.Name()); t.Failed() {
			t.Logf("HAProxy said: %s (%v)", said, err)
		}
	})
	b := p.backend(t, nil)
	plugintest.Until(t, "HAProxy serves", func() bool { return b.Health(t.Context()) == nil && statusOf(t, b, "green") == "up" })
	return p
}

// suspend stops HAProxy, and returns when none of its threads runs any more.
func (p *proxy) suspend(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	plugintest.Until(t, "HAProxy stands still", func() bool {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", p.cmd.Process.Pid))
		return err == nil && !slices.ContainsFunc(threads, func(stat string) bool {
			text, err := os.ReadFile(stat)
			return err != nil || !strings.Contains(string(text), ") T ")
		})
	})
}

// backend returns a backend configured for the pool web of the proxy; more
// adds to the configuration or replaces what is there.
func (p *proxy) backend(t *testing.T, more map[string]any) *Backend {
	t.Helper()
	config := map[string]any{"socket": p.socket, "pool": "web"}
	for k, v := range more {
		config[k] = v
	}
	return configured(t, config)
}

// configured returns a backend with a configuration that passed the checks of
// the host.
func configured(t *testing.T, config map[string]any) *Backend {
	t.Helper()
	b := New()
	checked, err := effect.CheckFields(b.Describe().Config, nil, config)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Configure(t.Context(), checked); err != nil {
		t.Fatal(err)
	}
	return b
}

// request returns a request whose arguments passed the contract.
func request(t *testing.T, op string, args map[string]any) plugins.Request {
	t.Helper()
	catalog, err := effect.NewCatalog(traffic.Module())
	if err != nil {
		t.Fatal(err)
	}
	declared, ok := catalog.Op("traffic." + op)
	if !ok {
		t.Fatalf("no op %s", op)
	}
	checked, err := declared.Check(args)
	if err != nil {
		t.Fatal(err)
	}
	return plugins.Request{Op: op, Args: checked, Attempt: 1, Progress: func(string) {}}
}

func invoke(t *testing.T, b *Backend, op string, args map[string]any) (map[string]any, error) {
	t.Helper()
	v, err := b.Invoke(t.Context(), request(t, op, args))
	if err != nil {
		return nil, err
	}
	return v.(map[string]any), nil
}

// must carries out an op that has to succeed, and returns the weights.
func must(t *testing.T, b *Backend, op string, args map[string]any) map[string]any {
	t.Helper()
	v, err := invoke(t, b, op, args)
	if err != nil {
		t.Fatalf("%s %v: %v", op, args, err)
	}
	weights, _ := v["weights"].(map[string]any)
	return weights
}

func statusOf(t *testing.T, b *Backend, name string) string {
	t.Helper()
	v, err := b.Invoke(context.Background(), request(t, "servers", nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range v.(map[string]any)["servers"].([]any) {
		if s := s.(map[string]any); s["name"] == name {
			return s["status"].(string)
		}
	}
	return "absent"
}

// distribution sends requests, a few at a time, and counts who answered.
func distribution(t *testing.T, url string, n int) map[string]int {
	t.Helper()
	const clients = 20
	var mu sync.Mutex
	var all sync.WaitGroup
	count := map[string]int{}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer client.CloseIdleConnections()
	for range clients {
		all.Go(func() {
			for range n / clients {
				answer := "failed"
				resp, err := client.Get(url)
				if err == nil {
					_ = resp.Body.Close()
					if answer = resp.Status; resp.StatusCode == http.StatusOK {
						answer = resp.Header.Get("X-Env")
					}
				}
				mu.Lock()
				count[answer]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return count
}

func testedOn(t testing.TB) plugintest.System {
	t.Helper()
	return plugintest.Program(t, "HAProxy", "haproxy", "-v")
}
