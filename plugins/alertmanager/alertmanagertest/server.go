// Package alertmanagertest runs a real Alertmanager for tests.
package alertmanagertest

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// startTimeout bounds how long the server may take to get ready.
const startTimeout = 30 * time.Second

// Start runs a server that tells nobody of alerts, and returns its address. It
// ends with the test. Without the program the test is skipped, or fails if
// RUNBOOK_REQUIRE_SERVERS is 1.
func Start(t *testing.T) string {
	t.Helper()
	program, err := exec.LookPath("prometheus-alertmanager")
	if err != nil {
		if os.Getenv("RUNBOOK_REQUIRE_SERVERS") == "1" {
			t.Fatalf("Alertmanager is not installed: %v", err)
		}
		t.Skip("prometheus-alertmanager is not installed; RUNBOOK_REQUIRE_SERVERS=1 makes this a failure")
	}
	dir := t.TempDir()
	config := filepath.Join(dir, "alertmanager.yml")
	if err := os.WriteFile(config, []byte("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// The port may be taken between here and there: then another one is tried.
	for range 3 {
		if address, ok := launch(t, program, config, filepath.Join(dir, "data")); ok {
			return address
		}
	}
	t.Fatal("Alertmanager does not start")
	return ""
}

func launch(t *testing.T, program, config, data string) (string, bool) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	var said bytes.Buffer
	cmd := exec.Command(program, "--config.file="+config, "--storage.path="+data, "--web.listen-address="+addr, "--cluster.listen-address=", "--log.level=warn")
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	deadline := time.After(startTimeout)
	for {
		res, err := http.Get("http://" + addr + "/-/ready")
		if err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return "http://" + addr, true
			}
		}
		select {
		case <-ended:
			t.Logf("Alertmanager ended: %s", said.String())
			return "", false
		case <-deadline:
			t.Fatalf("Alertmanager is not ready in time: %s", said.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Fire lets alerts with these labels fire.
func Fire(t *testing.T, address string, alerts ...map[string]string) {
	t.Helper()
	var list []any
	for _, labels := range alerts {
		list = append(list, map[string]any{"labels": labels, "annotations": map[string]string{"summary": labels["alertname"] + " fires"}})
	}
	body, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.Post(address+"/api/v2/alerts", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("alerts were answered %s", res.Status)
	}
}
