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
	case "exec":
		return "backend: exec"
	}
	return "backend: …    # runbook plugins list shows what there is"
}
