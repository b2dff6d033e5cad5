package app

import (
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/runbooks"
)

// Shipped returns the names of the shipped runbooks, in order.
func Shipped() []string {
	files, err := fs.Glob(runbooks.Files, "*.lua")
	if err != nil {
		return nil
	}
	var names []string
	for _, f := range files {
		if name := strings.TrimSuffix(f, ".lua"); !strings.HasSuffix(name, "_test") {
			names = append(names, name)
		}
	}
	return names
}

// ShippedText returns the text of one.
func ShippedText(name string) ([]byte, error) {
	text, err := fs.ReadFile(runbooks.Files, strings.TrimSuffix(name, ".lua")+".lua")
	if err != nil {
		return nil, Usagef("there is no shipped runbook %q; %s", name, KnownOr(name, Shipped()))
	}
	return text, nil
}

// ShippedScript returns a shipped runbook as run and check want it.
func ShippedScript(name string) (script.Source, script.Loader, error) {
	text, err := ShippedText(name)
	return script.Source{Name: name + ".lua", Text: text}, shippedFiles{}, err
}

// shippedFiles finds the files that shipped runbooks require.
type shippedFiles struct{}

// Load finds one.
func (shippedFiles) Load(module string) (script.Source, error) {
	name := script.FileName(module)
	text, err := fs.ReadFile(runbooks.Files, filepath.ToSlash(name))
	return script.Source{Name: name, Text: text}, err
}
