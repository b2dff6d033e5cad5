package config

import (
	"fmt"
	"strings"
)

// Example returns the lines of a configuration file that give a module its
// first backend, for messages.
func Example(environment, module string) string {
	entry, ok := map[string]string{
		"traffic": "backend: haproxy\nsocket: /run/haproxy/admin.sock\npool: web",
		"health":  "backend: probe\ntargets:\n  green: { url: \"http://127.0.0.1:8080/health\" }",
		"notify":  "backend: shoutrrr\nchannels:\n  deployments: { url: \"env:DEPLOYMENTS_URL\" }",
		"exec":    "backend: exec",
	}[module]
	if !ok {
		entry = "backend: …    # runbook plugins list shows what there is"
	}
	if environment == "" {
		environment = "default"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "version: %d\nenvironments:\n  %s:\n    %s:\n", Version, environment, module)
	for line := range strings.SplitSeq(entry, "\n") {
		fmt.Fprintf(&b, "      %s\n", line)
	}
	return b.String()
}
