package files

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	contract "github.com/q-ecosystem/runbook/stdlib/files"
)

// manifest is the name of the list in an archive: sha256sum -c reads it.
const manifest = "MANIFEST.sha256"

// target is where an archive is to appear.
type target struct {
	name string // absolute, as people know it
	base string // within dir
	dir  *os.Root
}

func (t *target) close() { _ = t.dir.Close() }

func (j *job) target() (*target, *effect.Error) {
	name := j.within(j.text("to"))
	at, e := find(filepath.Dir(name), j.archives, "written to")
	if e != nil {
		return nil, e
	}
	root, err := os.OpenRoot(at.root)
	if err != nil {
		return nil, unreadable(at.root, err)
	}
	defer root.Close()
	dir, err := root.OpenRoot(at.rel)
	if err != nil {
		return nil, unreadable(filepath.Dir(name), err)
	}
	return &target{name, filepath.Base(name), dir}, nil
}

// mark is what the header of an archive says of the effect that made it.
func (j *job) mark() string {
	sum := sha256.Sum256([]byte(j.key))
	return "runbook " + hex.EncodeToString(sum[:16])
}

func taken(name string) *effect.Error {
	return effect.Errorf(effect.CodeConflict, "%s is there already, and takes no other archive in its place", name).WithHint("give the archive another name")
}

// taken reports whether something is in the archive's place.
func (j *job) taken(to *target) bool {
	_, err := to.dir.Lstat(to.base)
	return !errors.Is(err, fs.ErrNotExist)
}

// present returns the value of the archive that is there already, and whether
// this effect made it.
func (j *job) present(to *target) (value map[string]any, mine bool, e *effect.Error) {
	info, err := to.dir.Lstat(to.base)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, unreadable(to.name, err)
	}
	in, err := to.dir.OpenFile(to.base, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return nil, false, unreadable(to.name, err)
	}
	defer in.Close()
	head, err := gzip.NewReader(in)
	if err != nil {
		return nil, false, nil // something else
	}
	var files int
	made, rest, _ := strings.Cut(head.Comment, ",")
	if n, err := fmt.Sscanf(rest, " %d files", &files); n != 1 || err != nil || made != j.mark() {
		return nil, false, nil
	}
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return nil, false, unreadable(to.name, err)
	}
	h := sha256.New()
	size, e := j.copy(h, in, to.name, func(n int64) { j.report("verified %s of %s", inBytes(n), inBytes(info.Size())) })
	if e != nil {
		return nil, false, e
	}
	return j.archived(files, size, h.Sum(nil)), true, nil
}

func (j *job) archived(files int, size int64, sum []byte) map[string]any {
	return map[string]any{"path": j.text("to"), "files": float64(files), "size": float64(size), "sha256": hex.EncodeToString(sum)}
}

func (j *job) archive() (map[string]any, *effect.Error) {
	to, e := j.target()
	if e != nil {
		return nil, e
	}
	defer to.close()
	if value, mine, e := j.present(to); e != nil || mine {
		return value, e
	}
	if j.taken(to) {
		return nil, taken(to.name)
	}
	c, e := j.choose(to.name)
	if e != nil {
		return nil, e
	}
	defer c.close()
	if len(c.files) == 0 {
		list, _ := j.args["paths"].([]any)
		return nil, effect.Errorf(effect.CodeNotFound, "no file of %s changed within that time; there is nothing to archive", strings.Trim(fmt.Sprint(list), "[]"))
	}
	// One effect writes one archive, so a file of this name is of an attempt
	// that was killed.
	hidden := "." + to.base + "." + strings.TrimPrefix(j.mark(), "runbook ")
	_ = to.dir.Remove(hidden)
	out, err := to.dir.OpenFile(hidden, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, effect.Errorf(effect.CodeRefused, "%s cannot be written: %v", to.name, err).WithHint("check the rights and the free space of its directory")
	}
	defer func() {
		_ = out.Close()
		_ = to.dir.Remove(hidden)
	}()
	sum := sha256.New()
	if e := j.pack(c, io.MultiWriter(out, sum)); e != nil {
		return nil, e
	}
	info, err := out.Stat()
	if err == nil {
		err = out.Sync()
	}
	if err != nil {
		return nil, effect.Errorf(effect.CodeFailed, "%s cannot be written: %v; nothing was left there", to.name, err)
	}
	if e := to.publish(hidden); e != nil {
		return nil, e
	}
	return j.archived(len(c.files), info.Size(), sum.Sum(nil)), nil
}

// publish gives the complete archive its name, unless something has it.
func (t *target) publish(hidden string) *effect.Error {
	dir, err := t.dir.Open(".")
	if err != nil {
		return effect.Errorf(effect.CodeFailed, "%s cannot be given its name: %v; nothing was left there", t.name, err)
	}
	defer dir.Close()
	done, err := t.place(dir, hidden)
	if !done {
		if err = t.dir.Link(hidden, t.base); err != nil && !errors.Is(err, fs.ErrExist) {
			// A file system without hard links.
			if _, err = t.dir.Lstat(t.base); errors.Is(err, fs.ErrNotExist) {
				err = t.dir.Rename(hidden, t.base)
			} else if err == nil {
				err = fs.ErrExist
			}
		}
	}
	if errors.Is(err, fs.ErrExist) {
		return taken(t.name)
	}
	if err != nil {
		return effect.Errorf(effect.CodeFailed, "%s cannot be given its name: %v; nothing was left there", t.name, err)
	}
	if err := dir.Sync(); err != nil {
		return effect.Errorf(effect.CodeUnknown, "%s is written, and whether it outlives a loss of power is not known: %v", t.name, err)
	}
	return nil
}

// pack writes the files and their list.
func (j *job) pack(c *chosen, out io.Writer) *effect.Error {
	unwritten := func(err error) *effect.Error {
		return effect.Errorf(effect.CodeFailed, "the archive cannot be written: %v; nothing was left of it", err).WithHint("check the free space of its directory")
	}
	packed := gzip.NewWriter(out)
	packed.Comment = fmt.Sprintf("%s, %d files", j.mark(), len(c.files))
	archive := tar.NewWriter(packed)
	var list strings.Builder
	done := int64(0)
	for i := range c.files {
		n, e := j.packFile(&c.files[i], archive, &list, func(n int64) {
			j.report("archived %s of %s, %d of %d files", inBytes(done+n), inBytes(c.size), i, len(c.files))
		})
		if e != nil {
			return e
		}
		done += n
	}
	header := &tar.Header{Name: manifest, Mode: 0o600, Size: int64(list.Len()), ModTime: j.now.Truncate(time.Second)}
	err := archive.WriteHeader(header)
	if err == nil {
		_, err = io.WriteString(archive, list.String())
	}
	if err == nil {
		err = archive.Close()
	}
	if err == nil {
		err = packed.Close()
	}
	if err != nil {
		return unwritten(err)
	}
	return nil
}

// packFile writes one file as it is now. What is appended meanwhile is left
// out.
func (j *job) packFile(f *file, archive *tar.Writer, list io.Writer, progress func(n int64)) (int64, *effect.Error) {
	name := strings.TrimPrefix(filepath.ToSlash(f.name), "/")
	if f.link() {
		leads, err := f.root.Readlink(f.rel)
		if err == nil {
			err = archive.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: leads, Mode: 0o777, ModTime: f.info.ModTime()})
		}
		if err != nil {
			return 0, unreadable(f.name, err)
		}
		return 0, nil
	}
	in, e := f.open()
	if e != nil {
		return 0, e
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return 0, unreadable(f.name, err)
	}
	header := &tar.Header{Name: name, Mode: int64(info.Mode().Perm()), Size: info.Size(), ModTime: info.ModTime()}
	if err := archive.WriteHeader(header); err != nil {
		return 0, effect.Errorf(effect.CodeFailed, "%s cannot be archived: %v; nothing was left of the archive", f.name, err)
	}
	h := sha256.New()
	n, e := j.copy(io.MultiWriter(archive, h), io.LimitReader(in, info.Size()), f.name, progress)
	if e != nil {
		return n, e
	}
	if n < info.Size() {
		e := effect.Errorf(effect.CodeConflict, "%s was cut short while it was archived; nothing was left of the archive", f.name)
		e.Retryable = true
		return n, e
	}
	_, _ = io.WriteString(list, contract.ListLine(hex.EncodeToString(h.Sum(nil)), name))
	return n, nil
}
