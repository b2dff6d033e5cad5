package prometheus

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/plugins/prometheus/prometheustest"
)

// TestClocksThatDiffer: a machine whose clock is late or early measures the
// present all the same, and says so.
func TestClocksThatDiffer(t *testing.T) {
	t.Parallel() // it waits for scrapes
	good := startService(t)
	good.serve(t, 50*time.Millisecond, 0)
	address := prometheustest.Start(t, scrape, map[string]string{"good": good.addr})
	targets := map[string]any{"good": map[string]any{"selector": `job="good"`}}
	for name, off := range map[string]time.Duration{"late": -10 * time.Minute, "early": 10 * time.Minute, "right": 0} {
		t.Run(name, func(t *testing.T) {
			b := configured(t, map[string]any{"address": address, "targets": targets})
			b.clock = func() time.Time { return time.Now().Add(off) }
			_, lines, err := invoke(context.Background(), b, "check", map[string]any{"env": "good", "timeout": 30.0})
			if err != nil {
				t.Fatal(err)
			}
			if said := strings.Contains(strings.Join(lines, "\n"), "is 10m "); said != (off != 0) {
				t.Errorf("said %q", lines)
			}
			for end := time.Now().Add(time.Minute); ; { // the first windows may not hold two scrapes yet
				values, lines, err := invoke(context.Background(), b, "measure", map[string]any{"env": "good", "window": 1.0})
				if throughput, _ := values["throughput"].(float64); err == nil && throughput > 1 {
					if age, _ := values["age"].(float64); age > 60 {
						t.Errorf("samples of %v s ago", age)
					}
					if strings.Contains(strings.Join(lines, "\n"), "clock") {
						t.Errorf("said again: %q", lines)
					}
					return
				}
				if time.Now().After(end) {
					t.Fatalf("%v, %v", values, err)
				}
			}
		})
	}
}

// TestServersWithoutATime: what is no time is not taken for one.
func TestServersWithoutATime(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}`))
	}))
	t.Cleanup(server.Close)
	b := configured(t, map[string]any{"address": server.URL, "targets": map[string]any{"green": map[string]any{"check": "up"}}})
	if off := time.Until(b.present(context.Background(), func(line string) { t.Error(line) })).Abs(); off > time.Minute {
		t.Errorf("it is %v away", off)
	}
}
