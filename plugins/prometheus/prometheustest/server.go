// Package prometheustest runs a real Prometheus server for tests.
package prometheustest

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startTimeout bounds how long the server may take to get ready.
const startTimeout = 30 * time.Second

// Start runs a server that scrapes the jobs, each a host:port by name or
// several with commas between, every interval, and returns its address. It ends with the test. Without the
// program the test is skipped, or fails if RUNBOOK_REQUIRE_SERVERS is 1.
func Start(t *testing.T, interval time.Duration, jobs map[string]string) string {
	t.Helper()
	return StartWithRules(t, interval, jobs, "")
}

// StartWithRules is Start with the text of a file of rules, which are evaluated
// every interval.
func StartWithRules(t *testing.T, interval time.Duration, jobs map[string]string, rules string) string {
	t.Helper()
	program, err := exec.LookPath("prometheus")
	if err != nil {
		if os.Getenv("RUNBOOK_REQUIRE_SERVERS") == "1" {
			t.Fatalf("prometheus is not installed: %v", err)
		}
		t.Skip("prometheus is not installed; RUNBOOK_REQUIRE_SERVERS=1 makes this a failure")
	}
	dir := t.TempDir()
	config := fmt.Sprintf("global:\n  scrape_interval: %[1]dms\n  scrape_timeout: %[1]dms\n  evaluation_interval: %[1]dms\n", interval.Milliseconds())
	if rules != "" {
		file := filepath.Join(dir, "rules.yml")
		if err := os.WriteFile(file, []byte(rules), 0o600); err != nil {
			t.Fatal(err)
		}
		config += fmt.Sprintf("rule_files: [%q]\n", file)
	}
	config += "scrape_configs:\n"
	for name, addr := range jobs {
		config += fmt.Sprintf("  - job_name: %q\n    static_configs: [{targets: %s}]\n", name, list(addr))
	}
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	// The port may be taken between here and there; then the server ends and
	// another port is tried.
	for try := 1; ; try++ {
		address, err := launch(t, program, file, filepath.Join(dir, fmt.Sprintf("data%d", try)))
		if err == nil {
			return address
		}
		if try == 3 {
			t.Fatal(err)
		}
	}
}

// list returns the addresses as YAML writes a list.
func list(addrs string) string {
	return `["` + strings.Join(strings.Split(addrs, ","), `", "`) + `"]`
}

func launch(t *testing.T, program, config, data string) (string, error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		return "", err
	}
	logFile, err := os.Create(data + ".log")
	if err != nil {
		return "", err
	}
	defer func() { _ = logFile.Close() }()
	cmd := exec.Command(program, "--config.file="+config, "--storage.tsdb.path="+data, "--web.listen-address="+addr,
		"--log.level=warn")
	cmd.Stdout, cmd.Stderr = logFile, logFile
	if err := cmd.Start(); err != nil {
		return "", err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(startTimeout):
			_ = cmd.Process.Kill()
			<-ended
		}
	})
	deadline := time.After(startTimeout)
	for {
		res, err := http.Get("http://" + addr + "/-/ready")
		if err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return "http://" + addr, nil
			}
		}
		select {
		case <-ended:
			text, _ := os.ReadFile(logFile.Name())
			return "", fmt.Errorf("prometheus ended: %s", text)
		case <-deadline:
			return "", errors.New("prometheus is not ready in time")
		case <-time.After(20 * time.Millisecond):
		}
	}
}
