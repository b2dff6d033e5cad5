package config

import (
	"fmt"
	"strings"
)

// Example returns the lines of a configuration file that give modules their
// first backends, for messages.
func Example(environment string, modules ...string) string {
	if environment == "" {
		environment = "default"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "version: %d\nenvironments:\n  %s:\n", Version, environment)
	for _, module := range modules {
		fmt.Fprintf(&b, "    %s:\n", module)
		for line := range strings.SplitSeq(entryFor(module), "\n") {
			fmt.Fprintf(&b, "      %s\n", line)
		}
	}
	return b.String()
}

func entryFor(module string) string {
	switch module {
	case "traffic":
		return "backend: haproxy\nsocket: /run/haproxy/admin.sock\npool: web"
	case "health":
		return "backend: probe\ntargets:\n  green: { url: \"http://127.0.0.1:8080/health\" }"
	case "notify":
		return "backend: shoutrrr\nchannels:\n  deployments: { url: \"env:DEPLOYMENTS_URL\" }"
	case "dns":
		return "backend: rfc2136\nserver: ns1.example.org\nkey: { name: runbook, secret: \"env:DNS_KEY\" }"
	case "db":
		return "backend: sqlite\nfile: /var/lib/app/app.db\nbackups: /var/lib/backups/app"
	case "hosts":
		return "backend: ssh\nhosts:\n  web-1: { address: 192.0.2.11, user: deploy, groups: [web] }"
	case "files":
		return "backend: files\nroots: [/var/log]\narchives: [/var/lib/runbook/archives]"
	case "deploy":
		return "backend: script\nprogram: ./deploy.sh"
	case "secrets":
		return "backend: file\ndir: /etc/runbook/secrets"
	case "exec", "http":
		return "backend: " + module
	}
	return "backend: …    # runbook plugins list shows what there is"
}
