package files

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	contract "github.com/q-ecosystem/runbook/stdlib/files"
)

// file is one regular file, or a link met in a directory.
type file struct {
	name string // as people know it: absolute
	rel  string // from the root
	root *os.Root
	info fs.FileInfo
}

func (f *file) link() bool { return f.info.Mode()&fs.ModeSymlink != 0 }

// open opens a regular file.
func (f *file) open() (*os.File, *effect.Error) {
	// Without O_NONBLOCK a pipe put in the file's place would hang here.
	opened, err := f.root.OpenFile(f.rel, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return nil, unreadable(f.name, err)
	}
	info, err := opened.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is no regular file any more")
	}
	if err != nil {
		_ = opened.Close()
		return nil, unreadable(f.name, err)
	}
	return opened, nil
}

// chosen are files, by name, and the roots that hold them open.
type chosen struct {
	files []file
	size  int64 // of all files
	roots map[string]*os.Root
}

func (c *chosen) close() {
	for _, r := range c.roots {
		_ = r.Close()
	}
}

// choose returns what the argument paths name, changed within since and not at
// except.
func (j *job) choose(except string) (*chosen, *effect.Error) {
	c := &chosen{roots: map[string]*os.Root{}}
	list, _ := j.args["paths"].([]any)
	var named []string
	for _, v := range list {
		p, _ := v.(string)
		named = append(named, p)
		if e := j.add(c, p); e != nil {
			c.close()
			return nil, e
		}
	}
	if len(c.files) == 0 {
		c.close()
		return nil, effect.Errorf(effect.CodeNotFound, "no file is at %s", strings.Join(named, ", ")).WithHint("check the paths; relative ones begin at dir")
	}
	slices.SortFunc(c.files, func(a, b file) int { return strings.Compare(a.name, b.name) })
	c.files = slices.CompactFunc(c.files, func(a, b file) bool { return a.name == b.name })
	since, bounded := j.args["since"].(float64)
	c.files = slices.DeleteFunc(c.files, func(f file) bool {
		return bounded && f.info.ModTime().Before(j.now.Add(-effect.Seconds(since))) || f.name == except
	})
	for _, f := range c.files {
		if !f.link() {
			c.size += f.info.Size()
		}
	}
	return c, nil
}

// add adds what one path or pattern names.
func (j *job) add(c *chosen, path string) *effect.Error {
	name := j.within(path)
	if !contract.IsPattern(path) {
		return j.collect(c, name)
	}
	fixed := name // the part before the first pattern
	for contract.IsPattern(fixed) {
		fixed = filepath.Dir(fixed)
	}
	if _, e := find(fixed, j.read, "read"); e != nil {
		if e.Code == effect.CodeNotFound {
			return nil // so nothing fits
		}
		return e
	}
	names, err := filepath.Glob(name)
	if err != nil {
		return effect.Errorf(effect.CodeInvalid, "paths: %q is no pattern: %v", path, err)
	}
	for _, name := range names {
		if e := j.collect(c, name); e != nil {
			return e
		}
	}
	return nil
}

// collect adds a file, or all files in a directory.
func (j *job) collect(c *chosen, name string) *effect.Error {
	at, e := find(name, j.read, "read")
	if e != nil {
		return e
	}
	root := c.roots[at.root]
	if root == nil {
		var err error
		if root, err = os.OpenRoot(at.root); err != nil {
			return unreadable(at.root, err)
		}
		c.roots[at.root] = root
	}
	info, err := root.Lstat(at.rel)
	if err != nil {
		return unreadable(name, err)
	}
	if !info.IsDir() {
		if !info.Mode().IsRegular() {
			return effect.Errorf(effect.CodeInvalid, "%s is no regular file", name)
		}
		c.files = append(c.files, file{name, at.rel, root, info})
		return nil
	}
	var failed *effect.Error
	err = fs.WalkDir(root.FS(), filepath.ToSlash(at.rel), func(rel string, entry fs.DirEntry, err error) error {
		shown := name
		if way, ok := below(at.rel, filepath.FromSlash(rel)); ok && way != "." {
			shown = filepath.Join(name, way)
		}
		if err != nil {
			failed = unreadable(shown, err)
			return err
		}
		if failed = j.ended("looking through " + name); failed != nil {
			return failed
		}
		if !entry.Type().IsRegular() && entry.Type() != fs.ModeSymlink {
			return nil // directories, sockets, pipes, devices
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // gone meanwhile
		}
		if err != nil {
			failed = unreadable(shown, err)
			return err
		}
		c.files = append(c.files, file{shown, filepath.FromSlash(rel), root, info})
		j.report("looking through %s: %d files", name, len(c.files))
		return nil
	})
	if err != nil && failed == nil {
		failed = unreadable(name, err)
	}
	return failed
}

// regular leaves out the links.
func (c *chosen) regular() []file {
	return slices.DeleteFunc(slices.Clone(c.files), func(f file) bool { return f.link() })
}
