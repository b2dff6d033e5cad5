// Package versions keeps secrets in a directory, each with its versions, for
// the backends file and age.
//
// A secret called db/password is one of
//
//	DIR/db/password            a file: it has no versions and cannot be rotated
//	DIR/db/password/0001-….EXT a directory with one file a version
//
// EXT says how the value is written: see Codec. Behind the number stands a
// digest of the key of the effect that made the version, by which Observe and
// a repetition know their own. A version that was revoked leaves an empty file
// that ends in .revoked, so that its number never comes back.
//
// Links are followed as far as they stay inside of DIR. What others than its
// owner and its group can read is refused.
package versions

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
)

// limit bounds a secret's file, in bytes.
const limit = 64 << 10

// Codec writes values into files, and reads them.
type Codec struct {
	Ext    string // ".age"; of single files too, "" for one that adds nothing
	Encode func(value []byte) ([]byte, error)
	Decode func(data []byte) ([]byte, error)
}

// Store is a directory of secrets. Its methods return errors that name the
// secret and where it was looked for, never a value.
type Store struct {
	Dir   string
	Codec Codec
	mu    sync.Mutex
}

// version is one version of a secret.
type version struct {
	number  int
	mark    string
	revoked bool
}

var versionFile = lazyregexp.New(`^(\d{4,9})-([0-9a-f]{16})(\.[a-z]+)$`)

// Check reports whether the directory can be used.
func (s *Store) Check() error {
	info, err := os.Stat(s.Dir)
	switch {
	case err != nil:
		return effect.Errorf(effect.CodeNotFound, "dir: %v", err).WithHint("create it with mode 0700")
	case !info.IsDir():
		return effect.Errorf(effect.CodeInvalid, "dir: %s is no directory", s.Dir)
	case info.Mode().Perm()&0o002 != 0:
		return effect.Errorf(effect.CodeRefused, "dir: %s can be written to by every user of the machine (mode %04o)", s.Dir, info.Mode().Perm()).
			WithHint("run chmod 700 %s", s.Dir)
	}
	return nil
}

// at is a secret's place.
type at struct {
	name string
	rel  string // below Dir: of the file, or of the directory of versions
	root *os.Root
	many bool // it has versions
	none bool // it does not exist
}

func (a *at) close() { _ = a.root.Close() }

func (s *Store) find(name string) (*at, *effect.Error) {
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || strings.HasPrefix(part, ".") || strings.ContainsAny(part, "\\\x00") {
			return nil, effect.Errorf(effect.CodeInvalid, "%q is no name of a secret", name).WithHint("write a name like db/password: no part is empty or begins with a dot")
		}
	}
	if err := s.Check(); err != nil {
		return nil, effect.AsError(err)
	}
	root, err := os.OpenRoot(s.Dir)
	if err != nil {
		return nil, effect.Errorf(effect.CodeRefused, "the directory of the secrets cannot be opened: %v", err)
	}
	a := &at{name: name, rel: filepath.FromSlash(name), root: root}
	info, err := root.Stat(a.rel)
	if err == nil && info.IsDir() {
		a.many = true
		return a, nil
	}
	if s.Codec.Ext != "" {
		a.rel += s.Codec.Ext
		info, err = root.Stat(a.rel)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		a.rel, a.none, a.many = filepath.FromSlash(name), true, true
	case err != nil:
		a.close()
		return nil, s.unreadable(a, a.rel, err)
	case !info.Mode().IsRegular():
		a.close()
		return nil, effect.Errorf(effect.CodeRefused, "%s is no regular file", filepath.Join(s.Dir, a.rel))
	}
	return a, nil
}

func (s *Store) unreadable(a *at, rel string, err error) *effect.Error {
	var cause *fs.PathError
	if errors.As(err, &cause) {
		err = cause.Err
	}
	e := effect.Errorf(effect.CodeRefused, "the secret %s cannot be read from %s: %v", a.name, filepath.Join(s.Dir, rel), err)
	if strings.Contains(err.Error(), "escapes") {
		return e.WithHint("links may not lead out of %s", s.Dir)
	}
	return e.WithHint("check the rights of the file")
}

func (s *Store) missing(a *at) *effect.Error {
	return effect.Errorf(effect.CodeNotFound, "there is no secret %s: neither the file %s nor a directory of that name in %s", a.name,
		filepath.FromSlash(a.name)+s.Codec.Ext, s.Dir).WithHint("check the name, or make it with secrets.rotate")
}

// versions lists a secret's versions, oldest first.
func (s *Store) versions(a *at) ([]version, *effect.Error) {
	if a.none {
		return nil, nil
	}
	entries, err := fs.ReadDir(a.root.FS(), filepath.ToSlash(a.rel))
	if err != nil {
		return nil, s.unreadable(a, a.rel, err)
	}
	byNumber := map[int]version{}
	for _, e := range entries {
		m := versionFile.FindStringSubmatch(e.Name())
		if m == nil || m[3] != s.ext() && m[3] != ".revoked" {
			continue
		}
		n, err := strconv.Atoi(m[1])
		if err != nil || byNumber[n].revoked {
			continue
		}
		byNumber[n] = version{n, m[2], m[3] == ".revoked"}
	}
	var list []version
	for _, v := range byNumber {
		list = append(list, v)
	}
	slices.SortFunc(list, func(a, b version) int { return a.number - b.number })
	return list, nil
}

// ext is what the files of versions end in.
func (s *Store) ext() string {
	if s.Codec.Ext == "" {
		return ".secret"
	}
	return s.Codec.Ext
}

func (s *Store) file(a *at, v version, ext string) string {
	return filepath.Join(a.rel, fmt.Sprintf("%04d-%s%s", v.number, v.mark, ext))
}

// Get returns a secret's value, and its version unless it has none.
func (s *Store) Get(name, wanted string) (map[string]any, *effect.Error) {
	a, e := s.find(name)
	if e != nil {
		return nil, e
	}
	defer a.close()
	if !a.many {
		if wanted != "" {
			return nil, effect.Errorf(effect.CodeNotFound, "the secret %s is a single file, without versions", name).WithHint("leave version out")
		}
		value, e := s.read(a, a.rel, true)
		if e != nil {
			return nil, e
		}
		return map[string]any{"value": value}, nil
	}
	list, e := s.versions(a)
	if e != nil {
		return nil, e
	}
	if len(list) == 0 {
		return nil, s.missing(a)
	}
	v, e := choose(name, list, wanted)
	if e != nil {
		return nil, e
	}
	value, e := s.read(a, s.file(a, v, s.ext()), false)
	if e != nil {
		return nil, e
	}
	return map[string]any{"value": value, "version": strconv.Itoa(v.number)}, nil
}

func choose(name string, list []version, wanted string) (version, *effect.Error) {
	valid := valid(list)
	if wanted == "" {
		if len(valid) == 0 {
			return version{}, effect.Errorf(effect.CodeNotFound, "no version of %s is valid", name).WithHint("make a new one with secrets.rotate")
		}
		return valid[len(valid)-1], nil
	}
	v, e := named(name, list, wanted)
	if e == nil && v.revoked {
		e = effect.Errorf(effect.CodeGone, "version %s of %s was revoked", wanted, name).WithHint("get the newest one: leave version out")
	}
	return v, e
}

func named(name string, list []version, wanted string) (version, *effect.Error) {
	i := slices.IndexFunc(list, func(v version) bool { return strconv.Itoa(v.number) == wanted })
	if i < 0 {
		return version{}, effect.Errorf(effect.CodeNotFound, "there is no version %s of %s", wanted, name).WithHint("there are %s", strings.Join(numbers(list), ", "))
	}
	return list[i], nil
}

func valid(list []version) []version {
	return slices.DeleteFunc(slices.Clone(list), func(v version) bool { return v.revoked })
}

func numbers(list []version) []string {
	out := []string{}
	for _, v := range list {
		out = append(out, strconv.Itoa(v.number))
	}
	return out
}

// read reads and opens one file. Of a single file, which people write with an
// editor, the last end of a line is cut off.
func (s *Store) read(a *at, rel string, single bool) (string, *effect.Error) {
	f, err := a.root.OpenFile(rel, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return "", s.unreadable(a, rel, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", s.unreadable(a, rel, err)
	}
	full := filepath.Join(s.Dir, rel)
	if mode := info.Mode(); !mode.IsRegular() {
		return "", effect.Errorf(effect.CodeRefused, "%s is no regular file", full)
	} else if mode.Perm()&0o007 != 0 {
		return "", effect.Errorf(effect.CodeRefused, "%s is open to every user of the machine (mode %04o)", full, mode.Perm()).WithHint("run chmod 600 %s", full)
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return "", s.unreadable(a, rel, err)
	}
	if len(data) > limit {
		return "", effect.Errorf(effect.CodeInvalid, "%s is larger than %d bytes", full, limit)
	}
	value, err := s.Codec.Decode(data)
	if err != nil {
		return "", effect.Errorf(effect.CodeRefused, "%s cannot be opened: %v", full, err).WithHint("check that it is for the configured identity and whole")
	}
	if single {
		value = bytes.TrimSuffix(bytes.TrimSuffix(value, []byte("\n")), []byte("\r"))
	}
	switch {
	case len(value) == 0:
		return "", effect.Errorf(effect.CodeInvalid, "%s holds an empty secret", full)
	case !utf8.Valid(value):
		return "", effect.Errorf(effect.CodeInvalid, "%s holds no text", full).WithHint("write it in base64")
	}
	return string(value), nil
}

// Mark is the part of a version's name that stands for an effect's key.
func Mark(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:8])
}

// Generate returns a random value of letters and digits.
func Generate(length int) (string, error) {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	out := make([]byte, length)
	for i := range out {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(letters))))
		if err != nil {
			return "", err
		}
		out[i] = letters[n.Int64()]
	}
	return string(out), nil
}

// slash returns a path as fs has it.
func slash(rel string) string { return path.Clean(filepath.ToSlash(rel)) }
