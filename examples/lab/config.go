package lab

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/q-ecosystem/runbook/examples/lab/systems"
)

// configMark begins a runbook.yaml that the lab may overwrite.
const configMark = "# Written by runbook lab"

// deploymentsFile and oncallFile hold the URLs of the notify channels: a
// configuration refers to a secret and never contains it.
const (
	deploymentsFile = "deployments.url"
	oncallFile      = "oncall.url"
)

// defaultEnvironment is the one that the others extend.
const defaultEnvironment = "default"

// writeConfig writes the configuration that points the engine at the lab, and
// the secrets that it refers to.
func (c *claim) writeConfig(entries []systems.Entry, secrets map[string]string) error {
	path := c.path(configFile)
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("start lab: %w", err)
	}
	if err == nil && !bytes.HasPrefix(old, []byte(configMark)) {
		return fmt.Errorf("start lab: %s is not a file of the lab and stays as it is: use another directory", path)
	}
	for name, secret := range secrets {
		if err := os.MkdirAll(filepath.Dir(c.path(name)), 0o700); err != nil {
			return fmt.Errorf("start lab: %w", err)
		}
		if err := writeFile(c.path(name), []byte(secret)); err != nil {
			return err
		}
	}
	text, err := config(entries)
	if err != nil {
		return fmt.Errorf("start lab: %w", err)
	}
	return writeFile(path, text)
}

// config returns the text of runbook.yaml.
func config(entries []systems.Entry) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s: the next start overwrites it.\nversion: 1\nenvironments:\n", configMark)
	environments := map[string]map[string][]systems.Entry{}
	for _, e := range entries {
		if e.Environment == "" {
			e.Environment = defaultEnvironment
		}
		if environments[e.Environment] == nil {
			environments[e.Environment] = map[string][]systems.Entry{}
		}
		environments[e.Environment][e.Module] = append(environments[e.Environment][e.Module], e)
	}
	names := slices.Sorted(maps.Keys(environments))
	slices.SortStableFunc(names, func(a, b string) int { // the default one first
		if (a == defaultEnvironment) == (b == defaultEnvironment) {
			return 0
		}
		if a == defaultEnvironment {
			return -1
		}
		return 1
	})
	for _, name := range names {
		fmt.Fprintf(&b, "  %s:\n", name)
		if name != defaultEnvironment {
			fmt.Fprintf(&b, "    extends: %s\n", defaultEnvironment)
		}
		for _, module := range slices.Sorted(maps.Keys(environments[name])) {
			fmt.Fprintf(&b, "    %s:\n", module)
			several := environments[name][module]
			for _, e := range several {
				if err := writeEntry(&b, e, len(several) > 1); err != nil {
					return nil, err
				}
			}
		}
	}
	return b.Bytes(), nil
}

// writeEntry writes a backend: its name, then its settings.
func writeEntry(b *bytes.Buffer, e systems.Entry, listed bool) error {
	first, rest := "      ", "      "
	if listed {
		first, rest = "      - ", "        "
	}
	fmt.Fprintf(b, "%sbackend: %s\n", first, e.Backend)
	if len(e.Settings) == 0 {
		return nil
	}
	var settings strings.Builder
	y := yaml.NewEncoder(&settings)
	y.SetIndent(2)
	if err := errors.Join(y.Encode(e.Settings), y.Close()); err != nil {
		return fmt.Errorf("write the entry of %s: %w", e.Backend, err)
	}
	for line := range strings.Lines(settings.String()) {
		b.WriteString(rest + line)
	}
	return nil
}

// entries returns what leads to the lab's parts and to its systems.
func (l *Lab) entries() []systems.Entry {
	info := l.info
	targets := map[string]any{"proxy": map[string]any{"url": info.Proxy + "/"}}
	for _, name := range environments() {
		targets[name] = map[string]any{"url": info.Services[name] + "/healthz", "metrics": info.Services[name] + "/metrics"}
	}
	// Programs of exec.run find this program, and through it the lab.
	path := filepath.Dir(thisProgram()) + string(os.PathListSeparator) + os.Getenv("PATH")
	entries := []systems.Entry{
		{Module: "traffic", Backend: "haproxy", Settings: map[string]any{"socket": info.Socket, "pool": info.Pool}},
		{Module: "health", Backend: "probe", Settings: map[string]any{"targets": targets}},
		{Module: "notify", Backend: "shoutrrr", Settings: map[string]any{"channels": map[string]any{
			"deployments": map[string]any{"url": "file:" + deploymentsFile}, "oncall": map[string]any{"url": "file:" + oncallFile}}}},
		{Module: "exec", Backend: "exec", Settings: map[string]any{"env": map[string]any{EnvDir: info.Dir}, "path": path}},
		{Module: "http", Backend: "http"},
		{Module: "secrets", Backend: "file", Settings: map[string]any{"dir": filepath.Join(info.Dir, secretsDir)}},
		{Module: "notify", Backend: "smtp", Environment: "mail", Settings: map[string]any{"server": info.SMTP, "insecure": true,
			"from": "runbook@lab.localhost", "channels": map[string]any{"oncall": map[string]any{"to": []string{"oncall@lab.localhost"}}}}},
		{Module: "notify", Backend: "webhook", Environment: "webhook", Settings: map[string]any{"endpoints": map[string]any{
			"incidents": map[string]any{"url": info.Webhook, "secret": "file:" + webhookFile}}}},
	}
	database := false
	for _, p := range l.parts {
		for _, e := range p.system.Describe().Entries {
			database = database || e.Module == "db" && e.Environment == ""
			entries = append(entries, e)
		}
	}
	if database {
		return entries
	}
	for _, e := range entries { // the only database is that of every environment
		if e.Module == "db" {
			e.Environment = ""
			return append(entries, e)
		}
	}
	return entries
}

// webhookFile is the key that signs what goes to the webhook.
const webhookFile = secretsDir + "/webhook"

// secrets returns what the entries refer to, by file.
func (l *Lab) secrets() map[string]string {
	hook := strings.TrimPrefix(l.info.Webhook, "http://")
	all := map[string]string{
		deploymentsFile: "generic://" + hook + "?disabletls=yes&template=json",
		oncallFile: "smtp://" + l.info.SMTP + "/?auth=none&encryption=none&usestarttls=no" +
			"&from=runbook@lab.localhost&to=oncall@lab.localhost",
		webhookFile: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
	}
	for _, p := range l.parts {
		maps.Copy(all, p.system.Describe().Secrets)
	}
	return all
}

// thisProgram returns the path of this program.
func thisProgram() string {
	path, err := os.Executable()
	if err != nil {
		return "runbook" // is found in PATH
	}
	return path
}
