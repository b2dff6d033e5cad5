package nginx

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib/traffic"
)

// proxy is a running nginx with the pool web of blue, green and canary, which name
// themselves in the header X-Env.
type proxy struct {
	bin, dir, file, conf string
	address, status      string // where it listens
	cmd                  *osexec.Cmd
}

// startProxy runs Debian's nginx as docs/backends/nginx.md has it, with the given
// lines in its server block.
func startProxy(t *testing.T, lines string) *proxy {
	t.Helper()
	bin, err := osexec.LookPath("nginx")
	if err != nil {
		if os.Getenv("RUNBOOK_REQUIRE_SERVERS") == "1" {
			t.Fatal("nginx is not installed, and RUNBOOK_REQUIRE_SERVERS=1 asks for it")
		}
		t.Skip("nginx is not installed: apt-get install nginx-light")
	}
	dir := t.TempDir()
	p := &proxy{bin: bin, dir: dir, file: filepath.Join(dir, "web.conf"), conf: filepath.Join(dir, "nginx.conf"), address: plugintest.FreeAddress(t), status: plugintest.FreeAddress(t)}
	begin, conf := page(t)
	conf = strings.NewReplacer("/etc/nginx/runbook/web.conf", p.file, "listen 80", "listen "+p.address, "listen 127.0.0.1:8081", "listen "+p.status,
		"location / {", lines+" location / {", "http {", "http {\n access_log off;"+temporary(dir)).Replace(conf)
	for i, name := range []string{"blue", "green", "canary"} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Env", name) }))
		t.Cleanup(s.Close)
		conf = strings.Replace(conf, fmt.Sprintf("10.0.0.1%d:8080", i+1), s.Listener.Addr().String(), 1)
	}
	p.write(t, p.file, begin)
	p.write(t, p.conf, fmt.Sprintf("daemon off;\nworker_processes 2;\npid %[1]s/nginx.pid;\nerror_log %[1]s/error.log;\nevents { }\n%[2]s", dir, conf))
	p.cmd = osexec.Command(bin, "-c", p.conf)
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.cmd.Process.Signal(os.Interrupt)
		_ = p.cmd.Wait()
	})
	b := p.backend(t, nil)
	plugintest.Until(t, "nginx serves", func() bool { return b.Health(t.Context()) == nil })
	return p
}

// page returns what docs/backends/nginx.md says that nginx needs: the file of a
// pool, and nginx.conf.
func page(t *testing.T) (file, conf string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/backends/nginx.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "\n```nginx\n")
	if len(blocks) != 3 {
		t.Fatalf("the page has %d blocks for nginx", len(blocks)-1)
	}
	file, _, _ = strings.Cut(blocks[1], "```")
	conf, _, _ = strings.Cut(blocks[2], "```")
	return file, conf
}

// temporary are the folders that nginx makes, below one of the test's own.
func temporary(dir string) string {
	lines := ""
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		lines += fmt.Sprintf("\n %s_temp_path %s/%s;", kind, dir, kind)
	}
	return lines
}

func (p *proxy) write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// config is the backend's; more adds to it or replaces what is there.
func (p *proxy) config(more map[string]any) map[string]any {
	config := map[string]any{
		"pools": map[string]any{"web": map[string]any{"file": p.file, "status": "http://" + p.status + "/runbook/web",
			"servers": map[string]any{"blue": "web-blue", "green": "web-green", "canary": "web-canary", "ghost": "nowhere"}}},
		"test":   []any{p.bin, "-c", p.conf, "-T"},
		"reload": []any{p.bin, "-c", p.conf, "-s", "reload"},
	}
	for k, v := range more {
		config[k] = v
	}
	return config
}

func (p *proxy) backend(t *testing.T, more map[string]any) *Backend {
	t.Helper()
	return plugintest.Configured(t, New(), p.config(more))
}

func (p *proxy) text(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(p.file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func request(t *testing.T, op string, args map[string]any) plugins.Request {
	t.Helper()
	return plugintest.Request(t, traffic.Module(), op, "key", args)
}

func invoke(t *testing.T, b *Backend, op string, args map[string]any) (map[string]any, error) {
	t.Helper()
	v, err := b.Invoke(t.Context(), request(t, op, args))
	if err != nil {
		return nil, err
	}
	return v.(map[string]any), nil
}

// must carries out an op that has to succeed.
func must(t *testing.T, b *Backend, op string, args map[string]any) map[string]any {
	t.Helper()
	v, err := invoke(t, b, op, args)
	if err != nil {
		t.Fatalf("%s %v: %v", op, args, err)
	}
	return v
}

// distribution sends requests, each on a connection of its own, and counts who
// answered.
func (p *proxy) distribution(t *testing.T, n int) map[string]int {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	count := map[string]int{}
	for range n {
		resp, err := client.Get("http://" + p.address + "/")
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
