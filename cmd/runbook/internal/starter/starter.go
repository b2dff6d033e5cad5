// Package starter holds the first files of a folder of runbooks, which
// `runbook init` writes: a configuration, a runbook and its test.
package starter

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

//go:embed files
var files embed.FS

// Files returns the text of the first files by name.
func Files() (map[string]string, error) {
	out := map[string]string{}
	entries, err := files.ReadDir("files")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		text, err := files.ReadFile("files/" + e.Name())
		if err != nil {
			return nil, err
		}
		out[e.Name()] = string(text)
	}
	return out, nil
}

// Exists is the error of a file that stands where one was to be written.
type Exists struct{ Path string }

// Error names the file.
func (e *Exists) Error() string { return fmt.Sprintf("%s exists already", e.Path) }

// Write writes the files below dir, which it makes, and returns their paths in
// order. Nothing is written if one of them exists: the error is an *Exists.
func Write(dir string, files map[string]string) ([]string, error) {
	names := slices.Sorted(maps.Keys(files))
	for _, name := range names {
		path := filepath.Join(dir, name)
		if _, err := os.Lstat(path); err == nil {
			return nil, &Exists{path}
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	var written []string
	for _, name := range names {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return written, err
		}
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, fs.ErrExist) { // since it was looked for
			return written, &Exists{path}
		} else if err != nil {
			return written, err
		}
		_, err = f.WriteString(files[name])
		if err = errors.Join(err, f.Close()); err != nil {
			return written, err
		}
		written = append(written, path)
	}
	return written, nil
}
