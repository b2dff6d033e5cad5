package program

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// LookPath finds a program as execvp would, in the given PATH. The error is
// fs.ErrNotExist or fs.ErrPermission.
func LookPath(name, path, dir string) (string, error) {
	if strings.Contains(name, "/") {
		full := Within(dir, name)
		return full, executable(full)
	}
	result := fs.ErrNotExist
	for _, place := range filepath.SplitList(path) {
		if place == "" {
			continue // an empty entry means the current directory: never by accident
		}
		full := filepath.Join(Within(dir, place), name)
		switch executable(full) {
		case nil:
			return full, nil
		case fs.ErrPermission:
			result = fs.ErrPermission
		}
	}
	return "", result
}

func executable(path string) error {
	info, err := os.Stat(path)
	switch {
	case os.IsPermission(err):
		return fs.ErrPermission
	case err != nil:
		return fs.ErrNotExist
	case info.IsDir() || info.Mode()&0o111 == 0:
		return fs.ErrPermission
	}
	return nil
}

// Replaceable returns what of a program's way everybody on this machine can put
// something else in the place of; "" if nothing.
func Replaceable(program string) string {
	paths := []string{program, filepath.Dir(program)}
	if target, err := filepath.EvalSymlinks(program); err == nil {
		paths = append(paths, filepath.Dir(target))
	}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err == nil && info.Mode().Perm()&0o002 != 0 && info.Mode()&os.ModeSticky == 0 {
			return path
		}
	}
	return ""
}

// CheckDir reports whether programs can run in a directory.
func CheckDir(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return effect.Errorf(effect.CodeNotFound, "the directory %s does not exist", dir).
			WithHint("create it, or mend `dir` in the call or in the configuration")
	case err != nil:
		return effect.Errorf(effect.CodeRefused, "the directory %s cannot be used: %v", dir, err)
	case !info.IsDir():
		return effect.Errorf(effect.CodeNotFound, "%s is no directory", dir).WithHint("mend `dir` in the call or in the configuration")
	}
	return nil
}

// Within joins a path to the directory where relative paths begin.
func Within(dir, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}
