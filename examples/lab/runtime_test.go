package lab_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/q-ecosystem/runbook/examples/lab"
)

// haproxy starts the real one before two servers, blue healthy and green not,
// with the lab's settings. green makes the second healthy.
func haproxy(t *testing.T) (socket string, green *atomic.Bool) {
	t.Helper()
	binary, err := exec.LookPath("haproxy")
	if err != nil {
		if os.Getenv("RUNBOOK_REQUIRE_SERVERS") == "1" {
			t.Fatal("haproxy is not installed and RUNBOOK_REQUIRE_SERVERS=1")
		}
		t.Skip("haproxy is not installed: nothing to compare with")
	}
	green = &atomic.Bool{}
	server := func(healthy func() bool) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if !healthy() {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		}))
		t.Cleanup(s.Close)
		return strings.TrimPrefix(s.URL, "http://")
	}
	dir, err := os.MkdirTemp("", "rb")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket = filepath.Join(dir, "s")
	config := fmt.Sprintf(`global
  stats socket %s mode 600 level admin
defaults
  mode http
  timeout connect 1s
  timeout client 30s
  timeout server 30s
frontend http
  bind %s
  maxconn 2000
  default_backend web
backend web
  balance roundrobin
  fullconn 200
  option httpchk GET /healthz
  http-check expect status 200
  server blue %s check inter 100ms fall 2 rise 1 weight 100
  server green %s check inter 100ms fall 2 rise 1 weight 0
`, socket, filepath.Join(dir, "front"), server(func() bool { return true }), server(green.Load))
	file := filepath.Join(dir, "haproxy.cfg")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "-db", "-q", "-f", file)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	eventually(t, "haproxy listens", func() bool {
		c, err := net.Dial("unix", socket)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	return socket, green
}

// status returns a server's status as `show stat` tells it.
func status(t *testing.T, socket, name string) string {
	t.Helper()
	lines := strings.Split(command(t, socket, "show stat web 4 -1"), "\n")
	column := slices.Index(strings.Split(lines[0], ","), "status")
	for _, line := range lines[1:] {
		if values := strings.Split(line, ","); len(values) > column && values[1] == name {
			return values[column]
		}
	}
	return ""
}

// volatile are the columns of `show stat` that depend on time, on the requests
// so far, on the connections of health checks and on the machine.
var volatile = []string{"smax", "stot", "bin", "bout", "chkfail", "chkdown", "lastchg", "downtime", "check_duration",
	"lbtot", "rate_max", "conn_rate_max", "conn_tot", "req_rate_max", "req_tot", "lastsess", "connect", "reuse",
	"hrsp_2xx", "addr", "h1_total_connections", "h1_total_streams", "h1_bytes_in", "h1_bytes_out",
	"h1_open_connections", "h1_open_streams", "slim", "ssl_sess", "check_code"}

var help = regexp.MustCompile(`(?m)^  .*: .*\n`)

// checking matches a table that was written while HAProxy's health check of a
// server was under way: srv_check_state is odd then, and check_status begins
// with a star.
var checking = regexp.MustCompile(`(?m)^\d+ web( \S+){11} \d*[13579] |,\* L\d`)

// normal makes answers comparable: help texts without the commands that only
// the real one has, tables without what differs by nature.
func normal(cmd, answer string) string {
	answer = help.ReplaceAllString(answer, "")
	lines := strings.Split(answer, "\n")
	for i, line := range lines {
		switch {
		case cmd == "show info":
			key, value, _ := strings.Cut(line, ": ")
			if _, err := strconv.ParseFloat(value, 64); err == nil {
				value = "N"
			} else if slices.Contains([]string{"Version", "Build info", "Release_date", "node", "Uptime"}, key) {
				value = "TEXT"
			}
			lines[i] = key + ": " + value
		case cmd == "show version":
			lines[i] = regexp.MustCompile(`^\d+\.\d+\.\S+$`).ReplaceAllString(line, "VERSION")
		case strings.HasPrefix(cmd, "show stat") && !strings.HasPrefix(line, "#"):
			columns, values := strings.Split(lines[0], ","), strings.Split(line, ",")
			if len(values) != len(columns) {
				continue
			}
			for j := range values {
				if slices.Contains(volatile, columns[j]) && values[j] != "" {
					values[j] = "N"
				}
			}
			lines[i] = strings.Join(values, ",")
		case strings.HasPrefix(cmd, "show servers state"):
			if f := strings.Fields(line); len(f) == 25 && f[0] != "#" {
				f[9], f[18] = "N", "PORT" // time since last change
				lines[i] = strings.Join(f, " ")
			}
		}
	}
	return strings.Join(lines, "\n")
}

// The lab answers as HAProxy does, command by command, through the states that
// a server goes through.
func TestRuntimeAnswersAsHAProxy(t *testing.T) {
	real, green := haproxy(t)
	l := start(t, lab.Options{})
	here := l.Info().Socket
	waitFor := func(name, want string) {
		t.Helper()
		for _, socket := range []string{real, here} {
			eventually(t, name+" is "+want+" on "+socket, func() bool { return status(t, socket, name) == want })
		}
	}
	compare := func(cmds ...string) {
		t.Helper()
		for _, cmd := range cmds {
			var want string
			eventually(t, "no check of haproxy is under way", func() bool {
				want = command(t, real, cmd)
				return !checking.MatchString(want)
			})
			got := command(t, here, cmd)
			if w, g := normal(cmd, want), normal(cmd, got); w != g {
				t.Errorf("%s: %s", cmd, firstDifference(w, g))
			}
		}
	}
	tables := []string{"show servers state", "show servers state web", "show stat", "show stat web 4 -1",
		"show stat -1 2 -1", "show stat web 4 2", "get weight web/blue", "get weight web/green"}

	waitFor("blue", "UP")
	waitFor("green", "DOWN")
	compare(tables...)
	compare("show info", "show version", "show backend", "help", "", ";", "bogus", "show", "set", "get", "show bogus",
		"show servers", "GET weight web/blue", "get weights web/blue", "# hello", "help get",
		"show servers state nope", "show stat nope 4 -1", "show stat 2 4 -1", "show stat web", "quit",
		"get weight", "get weight web", "get weight web/", "get weight /blue", "get weight web/none", "get weight none/x",
		"get weight http/blue", "get  weight   web/blue extra", "   get weight web/blue   ", "get weight web/blue\r",
		`get weight web/bl\ ue`, `get weight web/bl\ue`, "get weight web/blue;", ";get weight web/blue",
		"get weight web/blue;;get weight web/green", "get weight web/blue ; get weight web/green ; bogus",
		"get weight web/blue\nget weight web/green", "prompt\nget weight web/blue\nquit",
		"set weight", "set weight a b c", "set weight web 5", "set weight web/none 5", "set weight none/blue 5",
		"set server", "set server web state ready", "set server web/none state ready", "set server none/blue state ready",
		"set server web/blue", "set server web/blue bogus", "set server web/blue state", "set server web/blue state bogus",
		"set server web/blue weight", "disable server", "disable server web", "disable server web/none")
	for _, weight := range []string{"50", "0", "256", "257", "300", "-1", "-0", "+5", "++5", "abc", "", "5x", "5.5", "0x10", "%",
		"50%", "100%", "101%", "300%", "0%", "-5%", "5%%", "99999999999999999999", "100"} {
		for _, cmd := range []string{"set weight web/blue " + weight, "set server web/blue weight " + weight,
			"set weight web/green " + weight} {
			compare(cmd, "get weight web/blue", "get weight web/green")
		}
	}
	compare("set weight web/blue 90;set weight web/green 10")
	compare(tables...)

	green.Store(true)
	if err := l.Deploy(t.Context(), "green", "v1.1.0"); err != nil {
		t.Fatal(err)
	}
	waitFor("green", "UP")
	compare(tables...)
	for _, state := range []struct{ order, want string }{{"drain", "DRAIN"}, {"maint", "MAINT"}, {"drain", "DRAIN"},
		{"ready", "UP"}, {"maint", "MAINT"}, {"ready", "UP"}} {
		compare("set server web/green state " + state.order)
		waitFor("green", state.want)
		compare(tables...)
	}
	compare("set server web/blue state drain", "set server web/green state maint") // nobody is left
	waitFor("green", "MAINT")
	compare(tables...)
	compare("enable server web/green", "enable server web/blue")
	waitFor("green", "UP")
	waitFor("blue", "UP")
	compare("set server web/blue weight 77 extra", "get weight web/blue")

	compare("set server web/green state drain")
	green.Store(false)
	if err := l.SetFault(t.Context(), "green", lab.Fault{}); err != nil {
		t.Fatal(err)
	}
	if err := l.Decommission("green"); err != nil {
		t.Fatal(err)
	}
	waitFor("green", "DOWN")
	compare(tables...)
}

// firstDifference shows the first line that differs, of a CSV table the first
// column.
func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	header := strings.Split(w[0], ",")
	for i := 0; i < len(w) && i < len(g); i++ {
		if w[i] == g[i] {
			continue
		}
		a, b := strings.Split(w[i], ","), strings.Split(g[i], ",")
		for j := 0; len(a) == len(header) && len(b) == len(header) && j < len(a); j++ {
			if a[j] != b[j] {
				return fmt.Sprintf("line %d, column %s:\nhaproxy: %q\nlab:     %q", i, header[j], a[j], b[j])
			}
		}
		return fmt.Sprintf("line %d:\nhaproxy: %q\nlab:     %q", i, w[i], g[i])
	}
	return fmt.Sprintf("\nhaproxy: %q\nlab:     %q", want, got)
}
