package systems

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	prometheusNode   = "prometheus"
	alertmanagerNode = "alertmanager"
	// watchdog is an alert that always fires: without it, silence means nothing.
	watchdog = "Watchdog"
)

// rules are what Prometheus alerts of. A service that was never up is not missed.
const rules = `groups:
  - name: lab
    rules:
      - {alert: Watchdog, expr: vector(1), labels: {severity: none}}
      - alert: Down
        expr: up{job="web"} == 0 and max_over_time(up{job="web"}[10m]) == 1
        labels: {severity: critical}
        annotations: {summary: "{{ $labels.env }} does not answer"}
      - alert: Errors
        expr: sum by (env) (rate(http_requests_total{code=~"5.."}[5s])) / sum by (env) (rate(http_requests_total[5s])) > 0.03
        labels: {severity: warning}
        annotations: {summary: "{{ $labels.env }} fails {{ $value | humanizePercentage }} of its requests"}
`

// Monitoring is a Prometheus that scrapes services twice a second, and an
// Alertmanager that tells of what it alerts.
type Monitoring struct {
	Dir string
	// Services are what is scraped, host:port by name, each with /metrics.
	Services map[string]string
	// Webhook is where Alertmanager tells of alerts; nobody is told without it.
	Webhook string
	// Environment names where they carry health, beside another backend.
	Environment string

	addrs map[string]string
	nodes
}

// Missing implements System.
func (m *Monitoring) Missing() *Missing {
	if program("prometheus") == "" {
		return &Missing{"prometheus is not installed", "apt-get install prometheus"}
	}
	if alertmanager() == "" {
		return &Missing{"Alertmanager is not installed", "apt-get install prometheus-alertmanager"}
	}
	return nil
}

// alertmanager finds the program, by Debian's name for it or by its own.
func alertmanager() string {
	if path := program("prometheus-alertmanager"); path != "" {
		return path
	}
	return program("alertmanager")
}

// Nodes implements Breakable.
func (m *Monitoring) Nodes() []string { return []string{prometheusNode, alertmanagerNode} }

// Start implements System.
func (m *Monitoring) Start(ctx context.Context) error {
	if err := os.MkdirAll(m.Dir, 0o700); err != nil {
		return fmt.Errorf("start Prometheus: %w", err)
	}
	m.addrs = map[string]string{}
	for _, node := range m.Nodes() {
		addr, err := freeAddr()
		if err != nil {
			return fmt.Errorf("start %s: %w", node, err)
		}
		m.addrs[node] = addr
	}
	for name, text := range map[string]string{"prometheus.yml": m.scrapes(), "rules.yml": rules, "alertmanager.yml": m.routes()} {
		if err := os.WriteFile(m.path(name), []byte(text), 0o600); err != nil {
			return fmt.Errorf("start Prometheus: %w", err)
		}
	}
	for _, node := range m.Nodes() {
		if err := m.Revive(ctx, node); err != nil {
			return err
		}
	}
	return nil
}

func (m *Monitoring) path(name string) string { return filepath.Join(m.Dir, name) }

// scrapes returns Prometheus' configuration.
func (m *Monitoring) scrapes() string {
	var b strings.Builder
	fmt.Fprintf(&b, "global: {scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms}\nrule_files: [%q]\n"+
		"alerting: {alertmanagers: [{static_configs: [{targets: [%q]}]}]}\nscrape_configs:\n  - job_name: web\n    static_configs:\n",
		m.path("rules.yml"), m.addrs[alertmanagerNode])
	for _, name := range slices.Sorted(maps.Keys(m.Services)) {
		fmt.Fprintf(&b, "      - {targets: [%q], labels: {env: %q}}\n", m.Services[name], name)
	}
	return b.String()
}

// routes returns Alertmanager's configuration.
func (m *Monitoring) routes() string {
	if m.Webhook == "" {
		return "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"
	}
	return fmt.Sprintf("route:\n  receiver: people\n  group_by: [alertname, env]\n  group_wait: 0s\n  group_interval: 1s\n"+
		"  routes: [{matchers: ['alertname=%q'], receiver: nobody}]\n"+
		"receivers:\n  - {name: nobody}\n  - {name: people, webhook_configs: [{url: %q}]}\n", watchdog, m.Webhook)
}

// Revive implements Breakable. Prometheus has what it had written down, and
// Alertmanager no silence that it was killed with.
func (m *Monitoring) Revive(ctx context.Context, node string) error {
	if err := noNode(m, node); err != nil || m.Alive(node) {
		return err
	}
	// Whoever repeats alerts every second is missed after four.
	argv := []string{program("prometheus"), "--config.file=" + m.path("prometheus.yml"), "--storage.tsdb.path=" + m.path("data"),
		"--rules.alert.resend-delay=1s"}
	if node == alertmanagerNode {
		argv = []string{alertmanager(), "--config.file=" + m.path("alertmanager.yml"), "--storage.path=" + m.path("silences"),
			"--cluster.listen-address="}
	}
	argv = append(argv, "--web.listen-address="+m.addrs[node], "--log.level=warn")
	p, err := launch(node, m.path(node+".log"), syscall.SIGKILL, nil, argv...)
	if err != nil {
		return err
	}
	m.set(node, p)
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	return p.await(ctx, func() bool {
		res, err := client.Get(m.url(node) + "/-/ready")
		if err != nil {
			return false
		}
		_ = res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

func (m *Monitoring) url(node string) string { return "http://" + m.addrs[node] }

// Kill implements Breakable.
func (m *Monitoring) Kill(node string) error { return m.kill(m, node) }

// Halt implements Breakable.
func (m *Monitoring) Halt(ctx context.Context, node string) error { return m.halt(ctx, m, node) }

// Describe implements System. Load is sent by probe, past both.
func (m *Monitoring) Describe() Description {
	series, labels, urls := map[string]any{}, map[string]any{}, map[string]any{}
	for name, addr := range m.Services {
		series[name] = map[string]any{"selector": fmt.Sprintf(`job="web",env=%q`, name), "objective": "99.9%"}
		labels[name] = map[string]any{"env": name}
		urls[name] = map[string]any{"url": "http://" + addr + "/"}
	}
	entry := func(backend string, settings map[string]any, ops ...string) Entry {
		settings["ops"] = ops
		return Entry{Module: "health", Backend: backend, Environment: m.Environment, Settings: settings}
	}
	note := ""
	if m.Environment != "" {
		note = "health, with --env " + m.Environment
	}
	return Description{
		Lines: []Line{{Name: prometheusNode, Where: m.url(prometheusNode), Note: note}, {Name: alertmanagerNode, Where: m.url(alertmanagerNode), Note: "silences, and who is told"}},
		Entries: []Entry{
			entry("prometheus", map[string]any{"address": m.url(prometheusNode), "targets": series}, "check", "measure"),
			entry("alertmanager", map[string]any{"address": m.url(alertmanagerNode), "watchdog": watchdog, "targets": labels}, "alerts", "silence", "unsilence", "silences"),
			entry("probe", map[string]any{"targets": urls}, "load"),
		},
	}
}

// Stop implements System.
func (m *Monitoring) Stop() {
	for _, node := range m.Nodes() {
		m.get(node).kill()
	}
}
