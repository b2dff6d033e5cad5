package script

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/q-ecosystem/runbook/interpreter/script/internal/syntax"
)

// Dir is a Loader of the files below a folder. What stands elsewhere is not
// found, nor by links that lead out of it.
type Dir string

// Load reads lib/slo.lua for the module "lib.slo".
func (d Dir) Load(module string) (Source, error) {
	name := FileName(module)
	if !filepath.IsLocal(name) {
		return Source{}, fmt.Errorf("only files below the script's folder can be required")
	}
	root, err := os.OpenRoot(string(d))
	if err != nil {
		return Source{}, err
	}
	defer root.Close()
	text, err := ReadFS(root.FS(), name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
		if at, resolveErr := filepath.EvalSymlinks(filepath.Join(string(d), name)); resolveErr == nil && at != filepath.Join(string(d), name) {
			err = fmt.Errorf("a link leads to %s: only files below the script's folder can be required; copy it there (%w)", at, err)
		}
	}
	return Source{Name: name, Text: text}, err
}

// ReadFile reads a Lua file. What is no regular file, or longer than any that
// is read, is refused before it is read.
func ReadFile(path string) ([]byte, error) {
	info, err := os.Stat(path) // opening a pipe would wait for whoever writes
	if err != nil {
		return nil, err
	}
	if err := readable(path, info); err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return readAll(path, file)
}

// ReadFS is ReadFile in a file system.
func ReadFS(fsys fs.FS, name string) ([]byte, error) {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, err
	}
	if err := readable(name, info); err != nil {
		return nil, err
	}
	file, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	return readAll(name, file)
}

func readAll(name string, file fs.File) ([]byte, error) {
	defer file.Close()
	info, err := file.Stat() // it may be another by now
	if err != nil {
		return nil, err
	}
	if err := readable(name, info); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(file, syntax.MaxSource+1))
	if err == nil && len(text) > syntax.MaxSource {
		err = tooLong(name, int64(len(text)))
	}
	return text, err
}

func readable(name string, info fs.FileInfo) error {
	switch {
	case info.IsDir():
		return fmt.Errorf("%s is a directory; name the file in it", name)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no regular file (%s); copy what it gives into a file", name, info.Mode().Type())
	case info.Size() > syntax.MaxSource:
		return tooLong(name, info.Size())
	}
	return nil
}

func tooLong(name string, size int64) error {
	return fmt.Errorf("%s has %d bytes, more than the %d that are read; move parts of it into files of their own and require them",
		name, size, syntax.MaxSource)
}
