package versions

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Rotate adds a version, unless the effect with this key did so before. An
// empty value stands for one that is made, of that length.
func (s *Store) Rotate(name, value string, length int, key string) (map[string]any, *effect.Error) {
	a, unlock, e := s.hold(name)
	if e != nil {
		return nil, e
	}
	defer unlock()
	if e := s.rotatable(a); e != nil {
		return nil, e
	}
	list, e := s.versions(a)
	if e != nil {
		return nil, e
	}
	if done := made(list, key); done != nil {
		return done, nil
	}
	if value == "" {
		made, err := Generate(length)
		if err != nil {
			return nil, effect.Errorf(effect.CodeFailed, "no random value can be made: %v", err)
		}
		value = made
	}
	if len(value) > limit/2 {
		return nil, effect.Errorf(effect.CodeInvalid, "the value is larger than %d bytes", limit/2)
	}
	encoded, err := s.Codec.Encode([]byte(value))
	if err != nil {
		return nil, effect.Errorf(effect.CodeInvalid, "the value cannot be encoded: %v", err)
	}
	next := version{number: 1, mark: Mark(key)}
	if len(list) > 0 {
		next.number = list[len(list)-1].number + 1
	}
	if err := s.write(a, s.file(a, next, s.ext()), encoded); err != nil {
		return nil, s.unwritten(a, err)
	}
	return made(append(list, next), key), nil
}

// Made returns what Rotate returned for the effect with this key; nil if it
// made no version.
func (s *Store) Made(name, key string) (map[string]any, *effect.Error) {
	a, e := s.find(name)
	if e != nil {
		return nil, e
	}
	defer a.close()
	if e := s.rotatable(a); e != nil {
		return nil, nil //nolint:nilerr // where no version can be, none was made
	}
	list, e := s.versions(a)
	return made(list, key), e
}

func made(list []version, key string) map[string]any {
	for i, v := range list {
		if v.mark != Mark(key) {
			continue
		}
		out := map[string]any{"version": strconv.Itoa(v.number)}
		if i > 0 {
			out["previous"] = strconv.Itoa(list[i-1].number)
		}
		return out
	}
	return nil
}

// Revoke destroys a version. The note that it was revoked is written first.
func (s *Store) Revoke(name, wanted string) (map[string]any, *effect.Error) {
	a, unlock, e := s.hold(name)
	if e != nil {
		return nil, e
	}
	defer unlock()
	if e := s.rotatable(a); e != nil {
		return nil, e
	}
	list, e := s.versions(a)
	if e != nil {
		return nil, e
	}
	if len(list) == 0 {
		return nil, s.missing(a)
	}
	v, e := named(name, list, wanted)
	if e != nil {
		return nil, e
	}
	if !v.revoked {
		if err := s.write(a, s.file(a, v, ".revoked"), nil); err != nil {
			return nil, s.unwritten(a, err)
		}
	}
	// Also of one that was revoked already: the runner may have died between.
	if err := a.root.Remove(s.file(a, v, s.ext())); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, effect.Errorf(effect.CodeUnknown, "version %s of %s counts as revoked, and its file cannot be removed: %v", wanted, name, err).
			WithHint("remove %s", filepath.Join(s.Dir, s.file(a, v, s.ext())))
	}
	if err := syncDir(a.root, a.rel); err != nil {
		return nil, effect.Errorf(effect.CodeUnknown, "version %s of %s is revoked, and whether that outlives a loss of power is not known: %v", wanted, name, err)
	}
	if list, e = s.versions(a); e != nil {
		return nil, e
	}
	left := []any{}
	for _, n := range numbers(valid(list)) {
		left = append(left, n)
	}
	return map[string]any{"version": wanted, "valid": left}, nil
}

// rotatable refuses what is a single file.
func (s *Store) rotatable(a *at) *effect.Error {
	if a.many {
		return nil
	}
	return effect.Errorf(effect.CodeConflict, "the secret %s is a single file, %s, and keeps no versions", a.name, filepath.Join(s.Dir, a.rel)).
		WithHint("to have it rotated, remove the file and rotate once with its value: it becomes a directory of versions")
}

// hold keeps others from changing secrets, and finds one: what it looked like
// before may have changed while it waited.
func (s *Store) hold(name string) (*at, func(), *effect.Error) {
	if err := s.Check(); err != nil {
		return nil, nil, effect.AsError(err)
	}
	s.mu.Lock()
	free, err := lockDir(s.Dir)
	if err != nil {
		s.mu.Unlock()
		return nil, nil, effect.Errorf(effect.CodeRefused, "the directory %s cannot be locked: %v", s.Dir, err)
	}
	release := func() { free(); s.mu.Unlock() }
	a, e := s.find(name)
	if e != nil {
		release()
		return nil, nil, e
	}
	return a, func() { a.close(); release() }, nil
}

func (s *Store) unwritten(a *at, err error) *effect.Error {
	return effect.Errorf(effect.CodeRefused, "the secret %s cannot be written in %s: %v; nothing changed", a.name, filepath.Join(s.Dir, a.rel), err).
		WithHint("check the rights and the free space of the directory")
}

// write makes a file that appears complete or not at all. An error says that
// it did not appear.
func (s *Store) write(a *at, rel string, data []byte) error {
	if err := a.root.MkdirAll(a.rel, 0o700); err != nil {
		return err
	}
	hidden := filepath.Join(filepath.Dir(rel), "."+filepath.Base(rel))
	_ = a.root.Remove(hidden) // of an attempt that was killed
	f, err := a.root.OpenFile(hidden, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = syncDir(a.root, a.rel)
	}
	if err == nil {
		err = a.root.Rename(hidden, rel)
	}
	if err != nil {
		_ = a.root.Remove(hidden)
		return err
	}
	// The secret's directory may be new, and so may those above it.
	for dir := filepath.Dir(rel); ; dir = filepath.Dir(dir) {
		_ = syncDir(a.root, dir)
		if dir == "." {
			return nil
		}
	}
}

func syncDir(root *os.Root, rel string) error {
	d, err := root.Open(slash(rel))
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
