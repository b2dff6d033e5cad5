package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// FileName is what a configuration file is called.
const FileName = "runbook.yaml"

// EnvPath is the environment variable that names the configuration file.
const EnvPath = "RUNBOOK_CONFIG"

// Find returns the path of the configuration file: the one that the flag
// names, else $RUNBOOK_CONFIG, else runbook.yaml in dir or the nearest
// directory above it, else $XDG_CONFIG_HOME/runbook/runbook.yaml. It returns
// "" if there is none. A file that is named and does not exist is an error,
// and so is one that was come upon and that another user could have planted:
// the configuration says which programs run.
func Find(flag, dir string) (string, error) {
	for _, named := range []struct{ path, by string }{{flag, "--config"}, {os.Getenv(EnvPath), EnvPath}} {
		if named.path == "" {
			continue
		}
		if _, err := os.Stat(named.path); err != nil {
			return "", errorf(effect.Position{}, "", "the configuration file %s, which %s names, cannot be read: %s", named.path, named.by, cause(err))
		}
		return named.path, trusted(named.path, true)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", errorf(effect.Position{}, "go to a folder that is there (cd)",
			"the folder that this was called in is gone: %s", cause(err))
	}
	for {
		if path, err := existing(filepath.Join(dir, FileName)); path != "" || err != nil {
			return path, err
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			break
		}
		dir = parent
	}
	usual := Usual()
	if usual == "" {
		return "", nil // there is no home to look in
	}
	return existing(usual)
}

// Open finds the configuration file and reads it. Without one it returns the
// zero Config.
func Open(flag, dir string) (*Config, error) {
	path, err := Find(flag, dir)
	if err != nil {
		return nil, err
	}
	if path == "" {
		return &Config{}, nil
	}
	return Load(path)
}

// existing returns path if there is such a file and it can be trusted.
func existing(path string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), err == nil && info.IsDir():
		return "", nil
	case err != nil:
		return "", errorf(effect.Position{}, "name another by --config", "the configuration file %s cannot be read: %s", path, cause(err))
	}
	return path, trusted(path, false)
}

// trusted refuses a file that others than its user and root can have written.
// One that the user named may belong to someone else.
func trusted(path string, named bool) error {
	info, err := os.Stat(path)
	if err != nil {
		return errorf(effect.Position{}, "", "the configuration file %s cannot be read: %s", path, cause(err))
	}
	if mode := info.Mode(); mode.IsRegular() && mode.Perm()&0o002 != 0 {
		return errorf(effect.Position{}, "run chmod o-w "+path, "the configuration file %s can be written by every user of the machine", path)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && !named && stat.Uid != 0 && int(stat.Uid) != os.Geteuid() {
		return errorf(effect.Position{}, "if you trust it, name it by --config",
			"the configuration file %s belongs to another user", path)
	}
	return nil
}

// Usual is where the configuration of a user is that is found from every
// folder; "" if there is no home.
func Usual() string {
	home, err := os.UserConfigDir() // $XDG_CONFIG_HOME, or ~/.config
	if err != nil {
		return ""
	}
	return filepath.Join(home, "runbook", FileName)
}
