package app

import (
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/age"
	"github.com/q-ecosystem/runbook/plugins/alertmanager"
	"github.com/q-ecosystem/runbook/plugins/caddy"
	"github.com/q-ecosystem/runbook/plugins/cloudflare"
	"github.com/q-ecosystem/runbook/plugins/env"
	"github.com/q-ecosystem/runbook/plugins/exec"
	"github.com/q-ecosystem/runbook/plugins/file"
	"github.com/q-ecosystem/runbook/plugins/files"
	"github.com/q-ecosystem/runbook/plugins/haproxy"
	"github.com/q-ecosystem/runbook/plugins/http"
	"github.com/q-ecosystem/runbook/plugins/kubo"
	"github.com/q-ecosystem/runbook/plugins/mariadb"
	"github.com/q-ecosystem/runbook/plugins/nginx"
	"github.com/q-ecosystem/runbook/plugins/pagerduty"
	"github.com/q-ecosystem/runbook/plugins/pinning"
	"github.com/q-ecosystem/runbook/plugins/postgres"
	"github.com/q-ecosystem/runbook/plugins/powerdns"
	"github.com/q-ecosystem/runbook/plugins/probe"
	"github.com/q-ecosystem/runbook/plugins/prometheus"
	"github.com/q-ecosystem/runbook/plugins/rfc2136"
	"github.com/q-ecosystem/runbook/plugins/route53"
	"github.com/q-ecosystem/runbook/plugins/script"
	"github.com/q-ecosystem/runbook/plugins/shoutrrr"
	"github.com/q-ecosystem/runbook/plugins/smtp"
	"github.com/q-ecosystem/runbook/plugins/sqlite"
	"github.com/q-ecosystem/runbook/plugins/ssh"
	"github.com/q-ecosystem/runbook/plugins/statuspage"
	"github.com/q-ecosystem/runbook/plugins/vault"
	"github.com/q-ecosystem/runbook/plugins/webhook"
)

// shipped returns a backend that every program has.
func shipped(name string) (plugins.Backend, bool) {
	switch name {
	case "age":
		return age.New(), true
	case "alertmanager":
		return alertmanager.New(), true
	case "caddy":
		return caddy.New(), true
	case "cloudflare":
		return cloudflare.New(), true
	case "env":
		return env.New(), true
	case "exec":
		return exec.New(), true
	case "file":
		return file.New(), true
	case "files":
		return files.New(), true
	case "haproxy":
		return haproxy.New(), true
	case "http":
		return http.New(), true
	case "kubo":
		return kubo.New(), true
	case "mariadb":
		return mariadb.New(), true
	case "nginx":
		return nginx.New(), true
	case "pagerduty":
		return pagerduty.New(), true
	case "pgbackrest":
		return postgres.NewPgBackRest(), true
	case "pinning":
		return pinning.New(), true
	case "postgres":
		return postgres.New(), true
	case "powerdns":
		return powerdns.New(), true
	case "probe":
		return probe.New(), true
	case "prometheus":
		return prometheus.New(), true
	case "rfc2136":
		return rfc2136.New(), true
	case "route53":
		return route53.New(), true
	case "script":
		return script.New(), true
	case "shoutrrr":
		return shoutrrr.New(), true
	case "smtp":
		return smtp.New(), true
	case "sqlite":
		return sqlite.New(), true
	case "ssh":
		return ssh.New(), true
	case "statuspage":
		return statuspage.New(), true
	case "vault":
		return vault.New(), true
	case "webhook":
		return webhook.New(), true
	}
	return nil, false
}

// shippedNames lists the names that shipped knows.
func shippedNames() []string {
	return []string{
		"age",
		"alertmanager",
		"caddy",
		"cloudflare",
		"env",
		"exec",
		"file",
		"files",
		"haproxy",
		"http",
		"kubo",
		"mariadb",
		"nginx",
		"pagerduty",
		"pgbackrest",
		"pinning",
		"postgres",
		"powerdns",
		"probe",
		"prometheus",
		"rfc2136",
		"route53",
		"script",
		"shoutrrr",
		"smtp",
		"sqlite",
		"ssh",
		"statuspage",
		"vault",
		"webhook",
	}
}
