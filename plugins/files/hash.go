package files

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	contract "github.com/q-ecosystem/runbook/stdlib/files"
)

// newHash returns the hash of that name.
func newHash(algorithm string) hash.Hash {
	if algorithm == "sha512" {
		return sha512.New()
	}
	return sha256.New()
}

func (j *job) hash() (map[string]any, *effect.Error) {
	name, algorithm := j.within(j.text("path")), j.text("algorithm")
	c := &chosen{roots: map[string]*os.Root{}}
	defer c.close()
	if e := j.collect(c, name); e != nil {
		return nil, e
	}
	files := c.regular()
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.name, b.name) })
	total, done, sum := int64(0), int64(0), ""
	for i := range files {
		total += files[i].info.Size()
	}
	list := newHash(algorithm)
	for i := range files {
		h := newHash(algorithm)
		n, e := j.read1(&files[i], h, func(n int64) { j.report("hashed %s of %s", inBytes(done+n), inBytes(total)) })
		if e != nil {
			return nil, e
		}
		done, sum = done+n, hex.EncodeToString(h.Sum(nil))
		_, _ = io.WriteString(list, contract.ListLine(sum, "."+strings.TrimPrefix(files[i].name, strings.TrimSuffix(name, "/"))))
	}
	if len(files) != 1 || files[0].name != name { // a directory
		sum = hex.EncodeToString(list.Sum(nil))
	}
	if want := j.text("expect"); want != "" && !strings.EqualFold(want, sum) {
		return nil, effect.Errorf(effect.CodeConflict, "%s has the hash %s, expected was %s", name, sum, want).
			WithHint("find out what changed it before it is used")
	}
	return map[string]any{"hash": sum, "size": float64(done), "files": float64(len(files))}, nil
}

// read1 reads all of a file, which must stay as it is meanwhile.
func (j *job) read1(f *file, into io.Writer, progress func(n int64)) (int64, *effect.Error) {
	in, e := f.open()
	if e != nil {
		return 0, e
	}
	defer in.Close()
	before, err := in.Stat()
	if err != nil {
		return 0, unreadable(f.name, err)
	}
	n, e := j.copy(into, in, f.name, progress)
	if e != nil {
		return n, e
	}
	if after, err := in.Stat(); err != nil || after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime()) || n != before.Size() {
		e := effect.Errorf(effect.CodeConflict, "%s was changed while it was read", f.name).WithHint("hash it when nobody writes to it")
		e.Retryable = true
		return n, e
	}
	return n, nil
}

// copy is io.Copy that ends with the job.
func (j *job) copy(into io.Writer, from io.Reader, name string, progress func(n int64)) (int64, *effect.Error) {
	buf := make([]byte, 256<<10)
	for n := int64(0); ; {
		if e := j.ended("reading " + name); e != nil {
			return n, e
		}
		got, err := from.Read(buf)
		if got > 0 {
			if _, err := into.Write(buf[:got]); err != nil {
				return n, effect.Errorf(effect.CodeFailed, "what was read from %s cannot be written: %v", name, err)
			}
			n += int64(got)
			progress(n)
		}
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, unreadable(name, err)
		}
	}
}
