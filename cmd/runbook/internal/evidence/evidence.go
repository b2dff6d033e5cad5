// Package evidence keeps files that people named with their answers, beside the
// journal: each under its SHA-256, which the record has.
package evidence

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
)

// Store is a folder of files that are named by what they hold. Nothing in it is
// written twice.
type Store struct{ dir string }

// Of returns the store of the journal at a path.
func Of(journal string) Store { return Store{journal + ".evidence"} }

// Path returns where the file of a SHA-256 in hex is, or would be.
func (s Store) Path(sum string) string { return filepath.Join(s.dir, sum) }

// Keep copies what r holds, and returns its SHA-256 in hex and its size in bytes.
// What is kept is on the disk when it returns.
func (s Store) Keep(r io.Reader) (sum string, size int64, err error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return "", 0, fmt.Errorf("keep the evidence: %w", err)
	}
	f, err := os.CreateTemp(s.dir, "part-*")
	if err != nil {
		return "", 0, fmt.Errorf("keep the evidence: %w", err)
	}
	defer func() { _ = os.Remove(f.Name()) }() // once it has its name, there is none of this one
	hash := sha256.New()
	size, err = io.Copy(io.MultiWriter(f, hash), r)
	if err == nil {
		err = f.Chmod(0o400)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", 0, fmt.Errorf("keep the evidence: %w", err)
	}
	sum = hex.EncodeToString(hash.Sum(nil))
	if err := os.Rename(f.Name(), s.Path(sum)); err != nil { // also over itself: it is of now
		return "", 0, fmt.Errorf("keep the evidence: %w", err)
	}
	return sum, size, s.sync()
}

// sync lets names outlive the machine.
func (s Store) sync() error {
	d, err := os.Open(s.dir)
	if err != nil {
		return fmt.Errorf("keep the evidence: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("keep the evidence: %w", err)
	}
	return nil
}

var own = lazyregexp.New(`^([0-9a-f]{64}|part-\d+)$`)

// Sweep removes what no record names and what was not kept after a time: an
// answer that names it might still be on its way. It returns how many files
// went.
func (s Store) Sweep(named map[string]bool, after time.Time) (gone int, err error) {
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("sweep the evidence: %w", err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || named[e.Name()] || !own.MatchString(e.Name()) || info.ModTime().After(after) {
			continue
		}
		if err := os.Remove(s.Path(e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return gone, fmt.Errorf("sweep the evidence: %w", err)
		}
		gone++
	}
	return gone, nil
}
