package caddy

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib/traffic"
)

type obj = map[string]any

// source is where the program is that runs Caddy; a module of its own.
const source = "../../examples/bench/caddyserver"

var built struct {
	once         sync.Once
	dir, program string
	err          error
}

func TestMain(m *testing.M) {
	code := plugintest.Main(m, New())
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// program builds Caddy, once.
func program(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "rb-caddy"); built.err != nil {
			return
		}
		built.program = filepath.Join(built.dir, "caddyserver")
		cmd := osexec.Command("go", "build", "-ldflags", "-s -w", "-o", built.program, ".")
		cmd.Dir, cmd.Env = source, append(os.Environ(), "GOWORK=off", "GOFLAGS=", "GOGC=off", "GOMEMLIMIT=2GiB") // flags as those of the tests: what both need is compiled once
		if out, err := cmd.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("build the Caddy of %s (its modules have to be had from the network): %w\n%s", source, err, out)
		}
	})
	if built.err != nil {
		if os.Getenv("RUNBOOK_REQUIRE_SERVERS") == "1" {
			t.Fatalf("%v\nRUNBOOK_REQUIRE_SERVERS=1 asks for it", built.err)
		}
		t.Skip(built.err)
	}
	return built.program
}

func tried(t *testing.T) plugintest.System {
	t.Helper()
	return plugintest.Program(t, "Caddy", program(t), "-version")
}

// server is a running Caddy with the pool web of blue, green and canary, which name
// themselves in the header X-Env.
type server struct {
	front, admin string // addresses
	upstreams    map[string]string
	conf         string
	dir          string
	cmd          *osexec.Cmd
	stop         func()
}

// start runs Caddy with the configuration of docs/backends/caddy.md.
func start(t *testing.T) *server {
	t.Helper()
	s := &server{dir: t.TempDir(), upstreams: map[string]string{}}
	conf := page(t)
	for i, name := range []string{"blue", "green", "canary"} {
		up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Env", name) }))
		t.Cleanup(up.Close)
		s.upstreams[name] = up.Listener.Addr().String()
		conf = strings.ReplaceAll(conf, fmt.Sprintf("10.0.0.1%d:8080", i+1), s.upstreams[name])
	}
	for range 5 { // somebody else may take a free port first
		s.front, s.admin = plugintest.FreeAddress(t), plugintest.FreeAddress(t)
		s.conf = strings.NewReplacer(`":80"`, `"`+s.front+`"`, "localhost:2019", s.admin).Replace(conf)
		if s.run(t) {
			return s
		}
	}
	log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	t.Fatalf("Caddy does not start:\n%s", log)
	return nil
}

// page returns the configuration that docs/backends/caddy.md shows.
func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/backends/caddy.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "\n```json\n")
	if len(blocks) != 2 {
		t.Fatalf("the page has %d blocks of JSON", len(blocks)-1)
	}
	conf, _, _ := strings.Cut(blocks[1], "```")
	return conf
}

// run starts Caddy, which forgets what a run before had in force. It reports whether
// that serves, and did not end.
func (s *server) run(t *testing.T) bool {
	t.Helper()
	file := filepath.Join(s.dir, "caddy.json")
	if err := os.WriteFile(file, []byte(s.conf), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	s.cmd = osexec.Command(program(t), file)
	s.cmd.Env = append(os.Environ(), "HOME="+s.dir, "XDG_CONFIG_HOME="+s.dir, "XDG_DATA_HOME="+s.dir)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := s.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func(cmd *osexec.Cmd) {
		_ = cmd.Wait()
		close(ended)
	}(s.cmd)
	process := s.cmd.Process
	s.stop = sync.OnceFunc(func() {
		_ = in.Close()
		_ = process.Kill()
		<-ended
	})
	t.Cleanup(s.stop)
	b, serves := s.backend(t, nil), false
	plugintest.Until(t, "Caddy serves", func() bool {
		select {
		case <-ended:
			return true
		default:
			serves = b.Health(t.Context()) == nil
			return serves
		}
	})
	return serves
}

// config is the backend's; more replaces what is there.
func (s *server) config(more obj) obj {
	config := obj{"address": "http://" + s.admin, "pools": obj{"web": obj{"handler": "web", "servers": obj{
		"blue": s.upstreams["blue"], "green": s.upstreams["green"], "canary": s.upstreams["canary"]}}}}
	maps.Copy(config, more)
	return config
}

// pool is the configuration of a pool with these servers and the ones of web.
func (s *server) pool(handler string, more obj) obj {
	servers := obj{}
	for name, dial := range s.upstreams {
		servers[name] = dial
	}
	maps.Copy(servers, more)
	return obj{"web": obj{"handler": handler, "servers": servers}}
}

func (s *server) backend(t *testing.T, more obj) *Backend {
	t.Helper()
	return plugintest.Configured(t, New(), s.config(more))
}

// ask gives Caddy's admin API a request, as somebody else does, and returns the
// status and what came.
func (s *server) ask(t *testing.T, method, path, body string) (int, string) {
	t.Helper()
	var status int
	var text string
	plugintest.Until(t, method+" "+path, func() bool { // a reload drops connections
		req, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.admin+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		data, err := io.ReadAll(resp.Body)
		status, text = resp.StatusCode, string(data)
		return err == nil
	})
	return status, text
}

// set changes Caddy's configuration as somebody else does.
func (s *server) set(t *testing.T, method, path, body string) {
	t.Helper()
	if status, text := s.ask(t, method, path, body); status != http.StatusOK {
		t.Fatalf("%s %s %s: %d %s", method, path, body, status, text)
	}
}

// held returns the weights that Caddy has, as they stand there.
func (s *server) held(t *testing.T) []float64 {
	t.Helper()
	_, text := s.ask(t, http.MethodGet, "/id/web/load_balancing/selection_policy/weights", "")
	var list []float64
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return list
}

func request(t *testing.T, op string, args obj) plugins.Request {
	t.Helper()
	return plugintest.Request(t, traffic.Module(), op, "key", args)
}

func invoke(t *testing.T, b *Backend, op string, args obj) (obj, error) {
	t.Helper()
	v, err := b.Invoke(t.Context(), request(t, op, args))
	if err != nil {
		return nil, err
	}
	return v.(obj), nil
}

// must carries out an op that has to succeed.
func must(t *testing.T, b *Backend, op string, args obj) obj {
	t.Helper()
	v, err := invoke(t, b, op, args)
	if err != nil {
		t.Fatalf("%s %v: %v", op, args, err)
	}
	return v
}

// distribution sends requests, each on a connection of its own, and counts who
// answered.
func (s *server) distribution(t *testing.T, n int) map[string]int {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	count := map[string]int{}
	for range n {
		resp, err := client.Get("http://" + s.front + "/")
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			count[resp.Status]++
		} else {
			count[resp.Header.Get("X-Env")]++
		}
	}
	return count
}

// stopped reports whether Caddy's process has been stopped by a signal, or is gone.
func (s *server) stopped() bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	return err != nil || strings.Contains(string(stat), ") T ")
}
