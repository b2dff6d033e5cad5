package powerdns

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/q-ecosystem/runbook/plugins/internal/recordset"
	"github.com/q-ecosystem/runbook/plugins/internal/recordsettest"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

type obj = map[string]any

const apiKey = "sesame-of-the-tests"

func TestMain(m *testing.M) { os.Exit(plugintest.Main(m, New())) }

// start runs Debian's PowerDNS on loopback, with the zone of the tests in a
// database of its own.
func start(t *testing.T) recordsettest.Subject {
	t.Helper()
	bin := recordsettest.Program(t, "pdns_server", "pdns-server pdns-backend-sqlite3")
	schema, err := os.ReadFile("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql")
	if err != nil {
		t.Skipf("skipped: no SQLite for PowerDNS: apt-get install pdns-backend-sqlite3")
	}
	dir, err := os.MkdirTemp("", "rb-pdns")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	serve, web := plugintest.FreeAddress(t), plugintest.FreeAddress(t)
	host, port, _ := net.SplitHostPort(serve)
	_, webPort, _ := net.SplitHostPort(web)
	database(t, filepath.Join(dir, "zones.db"), string(schema))
	modules := filepath.Join("/usr/lib", map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]+"-linux-gnu", "pdns")
	config := fmt.Sprintf(`launch=gsqlite3
gsqlite3-database=%s/zones.db
module-dir=%s
local-address=%s
local-port=%s
webserver=yes
webserver-address=127.0.0.1
webserver-port=%s
webserver-allow-from=127.0.0.0/8
api=yes
api-key=%s
socket-dir=%s
daemon=no
guardian=no
disable-syslog=yes
negquery-cache-ttl=0
zone-cache-refresh-interval=0
`, dir, modules, host, port, webPort, apiKey, dir)
	if err := os.WriteFile(filepath.Join(dir, "pdns.conf"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(bin, "--config-dir="+dir)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("PowerDNS:\n%s", text)
		}
	})
	s := recordsettest.Subject{
		System: plugintest.Program(t, "PowerDNS", bin, "--version"), Fresh: New, Negative: 120, Asked: true,
		Config: obj{"url": "http://" + web, "api_key": apiKey, "servers": []any{serve}, "timeout": "5s"},
	}
	s.See = func(t *testing.T, name, kind string) string { return recordsettest.Dig(t, serve, name, kind) }
	b := s.Backend(t, nil)
	plugintest.Until(t, "PowerDNS answers", func() bool { return b.Health(t.Context()) == nil })
	plugintest.Until(t, "PowerDNS listens", func() bool {
		conn, err := net.Dial("tcp", serve)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	create(t, "http://"+web, "Native")
	return s
}

// create makes the zone of the tests.
func create(t *testing.T, url, kind string) {
	t.Helper()
	sets := []obj{}
	add := func(name, kind string, ttl uint32, values ...string) {
		records := []obj{}
		for _, v := range values {
			records = append(records, obj{"content": recordset.Absolute(kind, v)})
		}
		sets = append(sets, obj{"name": name + ".", "type": kind, "ttl": ttl, "records": records})
	}
	add("example.org", "SOA", 300, "ns1.example.org. hostmaster.example.org. 1 60 30 600 120")
	add("example.org", "NS", 300, "ns1.example.org", "ns2.example.org")
	for _, s := range recordsettest.Sets() {
		add(s.Name, s.Kind, s.TTL, s.Values...)
	}
	call(t, http.MethodPost, url+"/api/v1/servers/localhost/zones", obj{"name": "example.org.", "kind": kind, "nameservers": []any{}, "rrsets": sets})
}

// call is another client of the API.
func call(t *testing.T, method, url string, body any) []byte {
	t.Helper()
	text, _ := json.Marshal(body)
	req, err := http.NewRequest(method, url, strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-API-Key", apiKey)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		t.Fatalf("%s %s: %s", method, url, resp.Status)
	}
	said, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return said
}
