package booktest

import (
	"fmt"
	"io/fs"
	"path"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
)

// files finds what stands beside a test file. It is the script.Loader of
// everything in its folder.
type files struct {
	fsys fs.FS
	dir  string
}

// Load finds a required file.
func (f files) Load(module string) (script.Source, error) {
	name := script.FileName(module)
	text, err := script.ReadFS(f.fsys, path.Join(f.dir, name))
	return script.Source{Name: name, Text: text}, err
}

// open reads a file by its name and returns the loader for what it requires.
func (f files) open(name, what string) (script.Source, script.Loader, error) {
	full := path.Join(f.dir, name)
	if !fs.ValidPath(full) || path.IsAbs(name) {
		return script.Source{}, nil, &effect.FieldError{Problem: fmt.Sprintf("%s %q does not stand beside the tests", what, name),
			Hint: "put the tests into the folder of what they test"}
	}
	text, err := script.ReadFS(f.fsys, full)
	if err != nil {
		beside, _ := fs.Glob(f.fsys, path.Join(f.dir, "*.lua"))
		for i := range beside {
			beside[i] = path.Base(beside[i])
		}
		return script.Source{}, nil, &effect.FieldError{Problem: fmt.Sprintf("%s %q cannot be read: %v", what, name, err), Hint: effect.DidYouMean(name, beside)}
	}
	return script.Source{Name: name, Text: text}, files{f.fsys, path.Dir(full)}, nil
}
