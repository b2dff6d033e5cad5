package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func newSettings(config map[string]any) (*settings, error) {
	dir, _ := config["dir"].(string)
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, effect.Errorf(effect.CodeInvalid, "configure files: dir: %v", err)
	}
	s := &settings{dir: abs, zone: time.Local}
	for name, into := range map[string]*[]string{"roots": &s.read, "archives": &s.archives} {
		list, _ := config[name].([]any)
		for _, v := range list {
			d, _ := v.(string)
			if _, err := realDir(s.within(d)); err != nil {
				return nil, effect.Errorf(effect.CodeInvalid, "configure files: %s: %v", name, err)
			}
			*into = append(*into, s.within(d))
		}
	}
	if zone, _ := config["zone"].(string); zone != "" {
		if s.zone, err = time.LoadLocation(zone); err != nil {
			return nil, effect.Errorf(effect.CodeInvalid, "configure files: zone: %v", err).WithHint("write a name like Europe/Vienna, or UTC")
		}
	}
	return s, nil
}

// within joins a path to the directory where relative paths begin.
func (s *settings) within(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(s.dir, path)
}

// realDir returns where the path of a directory leads to.
func realDir(dir string) (string, error) {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(real)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is no directory", dir)
	}
	return real, err
}

// place is something below a root.
type place struct {
	name string // as people know it: absolute
	root string // the root that it is in, without links
	rel  string // the way there from root, without links
}

// find returns the place of a path that is there. among are the roots that it
// may lead into.
func find(name string, among []string, what string) (place, *effect.Error) {
	real, err := filepath.EvalSymlinks(name)
	if err != nil {
		if e := outside(name, name, among, what); e != nil { // say nothing of what is elsewhere
			return place{}, e
		}
		return place{}, unreadable(name, err)
	}
	for _, root := range among {
		base, err := realDir(root)
		if err != nil {
			continue
		}
		if rel, ok := below(base, real); ok {
			return place{name, base, rel}, nil
		}
	}
	return place{}, outside(name, real, among, what)
}

// outside refuses a path that leads out of all roots; nil if it does not.
func outside(name, real string, among []string, what string) *effect.Error {
	for _, root := range among {
		if _, ok := below(root, real); ok {
			return nil
		}
	}
	leads := "is"
	if real != name {
		leads = "leads to " + real + ", which is"
	}
	e := effect.Errorf(effect.CodeRefused, "%s %s outside of the directories that may be %s", name, leads, what)
	if len(among) == 0 {
		return e.WithHint("the configuration of files names none: add archives: [/var/lib/runbook/archives]")
	}
	return e.WithHint("the configuration of files allows %s", strings.Join(among, ", "))
}

// below returns the way from a directory to a path in it.
func below(dir, path string) (rel string, ok bool) {
	rel, err := filepath.Rel(dir, path)
	return rel, err == nil && filepath.IsLocal(rel)
}

// unreadable explains why a file cannot be used.
func unreadable(name string, err error) *effect.Error {
	var cause *fs.PathError
	if errors.As(err, &cause) { // its path is only a part of the name
		err = cause.Err
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return effect.Errorf(effect.CodeNotFound, "no file is at %s", name).WithHint("check the path; relative ones begin at dir")
	case errors.Is(err, fs.ErrPermission):
		return effect.Errorf(effect.CodeRefused, "%s cannot be read by the user that runbook runs as: %v", name, err)
	}
	return effect.Errorf(effect.CodeFailed, "%s cannot be read: %v", name, err)
}
