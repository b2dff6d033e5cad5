package lab

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// configMark begins a runbook.yaml that the lab may overwrite.
const configMark = "# Written by runbook lab"

// deploymentsFile and oncallFile hold the URLs of the notify channels: a
// configuration refers to a secret and never contains it.
const (
	deploymentsFile = "deployments.url"
	oncallFile      = "oncall.url"
)

// writeConfig writes the configuration that points the engine at the lab.
func (c *claim) writeConfig(info Info) error {
	path := c.path(configFile)
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("start lab: %w", err)
	}
	if err == nil && !bytes.HasPrefix(old, []byte(configMark)) {
		return fmt.Errorf("start lab: %s is not a file of the lab and stays as it is: use another directory", path)
	}
	hook := strings.TrimPrefix(info.Webhook, "http://")
	for name, url := range map[string]string{
		deploymentsFile: "generic://" + hook + "?disabletls=yes&template=json",
		oncallFile: "smtp://" + info.SMTP + "/?auth=none&encryption=none&usestarttls=no" +
			"&from=runbook@lab.localhost&to=oncall@lab.localhost",
	} {
		if err := writeFile(c.path(name), []byte(url)); err != nil {
			return err
		}
	}
	return writeFile(path, []byte(config(info, c.path(""))))
}

// config returns the text of runbook.yaml. Programs that exec.run starts find
// this program, and through it the lab in dir.
func config(info Info, dir string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: the next start overwrites it.\n", configMark)
	b.WriteString("version: 1\nenvironments:\n  default:\n")
	fmt.Fprintf(&b, "    traffic:\n      backend: haproxy\n      socket: %s\n      pool: %s\n",
		quote(info.Socket), quote(info.Pool))
	b.WriteString("    health:\n      backend: probe\n      targets:\n")
	for _, name := range environments() {
		url := info.Services[name]
		fmt.Fprintf(&b, "        %s: { url: %s, metrics: %s }\n", name, quote(url+"/healthz"), quote(url+"/metrics"))
	}
	fmt.Fprintf(&b, "        proxy: { url: %s }\n", quote(info.Proxy+"/"))
	b.WriteString("    notify:\n      backend: shoutrrr\n      channels:\n")
	fmt.Fprintf(&b, "        deployments: { url: %s }\n", quote("file:"+deploymentsFile))
	fmt.Fprintf(&b, "        oncall: { url: %s }\n", quote("file:"+oncallFile))
	b.WriteString("    exec:\n      backend: exec\n")
	if abs, err := filepath.Abs(dir); err == nil {
		fmt.Fprintf(&b, "      env: { %s: %s }\n", EnvDir, quote(abs))
	}
	if program, err := os.Executable(); err == nil {
		path := filepath.Dir(program) + string(os.PathListSeparator) + os.Getenv("PATH")
		fmt.Fprintf(&b, "      path: %s\n", quote(path))
	}
	return b.String()
}

// quote writes a string as JSON does, which is a YAML string as well.
func quote(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return `""` // cannot happen: every string has a JSON form
	}
	return strings.TrimSpace(b.String())
}
