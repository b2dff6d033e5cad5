package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

// filePrefix begins the name of a plugin's file.
const filePrefix = "runbook-plugin-"

// Found is a plugin's file.
type Found struct {
	Name   string // of the backend
	Path   string // absolute; symbolic links are resolved
	SHA256 string // in hex; empty if it could not be read
	// Problem says why the plugin will not be run; nil if nothing stands
	// against it but that its digest has to be pinned.
	Problem error
}

// Discover lists the files runbook-plugin-NAME in dirs, in order. A directory
// that does not exist holds none. Where two directories hold the same name the
// first one counts, and the other is listed with that as its problem.
func Discover(dirs []string) ([]Found, error) {
	var list []Found
	first := map[string]string{}
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("look for plugins: %w", err)
		}
		for _, e := range entries {
			name, ok := strings.CutPrefix(e.Name(), filePrefix)
			if !ok {
				continue
			}
			f := examine(dir, name)
			if other, dup := first[name]; dup && f.Problem == nil {
				f.Problem = fmt.Errorf("%s is hidden by %s", f.Path, other)
			} else if f.Problem == nil {
				first[name] = f.Path
			}
			list = append(list, f)
		}
	}
	return list, nil
}

// examine looks at one file of a plugin directory.
func examine(dir, name string) Found {
	f := Found{Name: name, Path: filepath.Join(dir, filePrefix+name)}
	if !regexp.MustCompile(`^[a-z][a-z0-9_-]*$`).MatchString(name) {
		f.Problem = fmt.Errorf("%s: a backend's name has lower-case letters, digits, _ and - only", f.Path)
		return f
	}
	path, err := realPath(f.Path)
	if err != nil {
		f.Problem = fmt.Errorf("resolve plugin: %w", err)
		return f
	}
	f.Path = path
	if f.Problem = trusted(path, dir); f.Problem != nil {
		return f
	}
	file, err := os.Open(f.Path)
	if err != nil {
		f.Problem = fmt.Errorf("open plugin: %w", err)
		return f
	}
	defer func() { _ = file.Close() }()
	f.SHA256, f.Problem = digest(file)
	return f
}

func realPath(path string) (string, error) {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	return filepath.Abs(path)
}

// trusted reports why the executable at path, or a directory on the way to it
// from root, could be changed by somebody else, or is none.
func trusted(path, root string) error {
	path, err := realPath(path)
	if err != nil {
		return fmt.Errorf("resolve plugin: %w", err)
	}
	if root, err = realPath(root); err != nil {
		return fmt.Errorf("resolve plugin: %w", err)
	}
	if rel, err := filepath.Rel(root, path); err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
		return fmt.Errorf("plugin %s lies outside of its directory %s: put the file itself there, not a link to it", path, root)
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("look at plugin: %w", err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("plugin %s is not a file", path)
	}
	if info.Mode()&0o111 == 0 {
		return fmt.Errorf("plugin %s is not executable: chmod +x %s", path, path)
	}
	for p := path; ; p = filepath.Dir(p) {
		if err := private(p); err != nil {
			return err
		}
		if p == root || p == filepath.Dir(p) {
			return nil
		}
	}
}

// private reports who else could write the file or directory.
func private(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("look at plugin: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return fmt.Errorf("%s is writable by its group or by everybody (mode %04o): chmod go-w %s", path, mode, path)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid != 0 && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to user %d, not to root or to you (user %d)", path, st.Uid, os.Geteuid())
	}
	return nil
}
