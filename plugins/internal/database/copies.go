package database

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Copies is where copies stand: a directory for each, with its data and a
// record.
type Copies struct {
	Dir  string
	Data string // what a copy's data is called in its directory
}

// Record is what stands beside the data of a copy: the effects that put it
// there.
type Record struct {
	Restore *Restored `json:"restore,omitempty"`
	Swap    *Swapped  `json:"swap,omitempty"`
}

// Restored says which effect restored a copy, and what it returned.
type Restored struct {
	Key   string         `json:"key"`
	Value map[string]any `json:"value"`
}

// Swapped is written before a copy changes places with the live data. The inode
// of what is to be live then tells how far a swap came.
type Swapped struct {
	Key  string `json:"key"`
	Live uint64 `json:"live"`          // the inode of what is to be live
	WAL  bool   `json:"wal,omitempty"` // of SQLite: whether what was live had a write-ahead log
	Kept bool   `json:"kept"`          // whether what was live is as it is to stay
}

const recordFile = "record.json"

// Of returns the directory of a copy.
func (c Copies) Of(name string) string { return filepath.Join(c.Dir, name) }

// DataOf returns where a copy's data is.
func (c Copies) DataOf(name string) string { return filepath.Join(c.Dir, name, c.Data) }

// Has reports whether there is a copy of that name. Names that lead elsewhere
// are none.
func (c Copies) Has(name string) bool {
	return name != "" && !strings.HasPrefix(name, ".") && !strings.ContainsRune(name, '/') && Exists(c.DataOf(name))
}

// Known lists the copies.
func (c Copies) Known() []string {
	var names []string
	entries, _ := os.ReadDir(c.Dir)
	for _, e := range entries {
		if c.Has(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names
}

// Read returns the record of a copy; an empty one if there is none.
func (c Copies) Read(name string) (*Record, *effect.Error) {
	r := &Record{}
	data, err := os.ReadFile(filepath.Join(c.Of(name), recordFile))
	if err == nil {
		err = json.Unmarshal(data, r)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		return nil, effect.Errorf(effect.CodeFailed, "the record of the copy %s cannot be read: %v", name, err).WithHint("look at %s", c.Of(name))
	}
	return r, nil
}

// Restored returns the value of the effect that restored a copy; nil if it was
// another, or if the copy is not there.
func (c Copies) Restored(name, key string) (map[string]any, *effect.Error) {
	r, e := c.Read(name)
	if e != nil || r.Restore == nil || r.Restore.Key != key || !c.Has(name) {
		return nil, e
	}
	return r.Restore.Value, nil
}

// Free refuses a place that is taken, and says so if it is that of the live
// data.
func (c Copies) Free(name, live string) *effect.Error {
	dir := c.Of(name)
	if !Exists(dir) {
		return nil
	}
	is, liveErr := os.Stat(live)
	for _, path := range []string{dir, c.DataOf(name)} {
		if there, err := os.Stat(path); err == nil && liveErr == nil && os.SameFile(is, there) {
			return effect.Errorf(effect.CodeRefused, "%s is the live data, over which nothing is restored; nothing was started", path).
				WithHint("give the copy another name, and swap it in when it is valid")
		}
	}
	return Taken(name)
}

// Place gives a copy that stands in a hidden directory its name, with the record
// of the effect that restored it.
func (c Copies) Place(hidden, name, key string, value map[string]any) *effect.Error {
	r := &Record{Restore: &Restored{Key: key, Value: value}}
	err := r.Write(hidden)
	if err == nil {
		err = Place(hidden, c.Of(name))
	}
	if errors.Is(err, fs.ErrExist) {
		return Taken(name)
	}
	if err != nil {
		return effect.Errorf(effect.CodeFailed, "the copy cannot be kept: %v; nothing was left of it", err).WithHint("check the rights and the space of %s", c.Dir)
	}
	if err := SyncDir(c.Dir); err != nil {
		return effect.Errorf(effect.CodeUnknown, "the copy is restored, and whether it outlives a loss of power is not known: %v", err).WithHint("check the disk; a resume looks for the copy")
	}
	return nil
}

// Taken is the error for the name of a copy that is there.
func Taken(name string) *effect.Error {
	return effect.Errorf(effect.CodeConflict, "there is a copy %q already; nothing was restored", name).WithHint("give the copy another name")
}

// Swap says how far a swap came: exchanged once the copy is live, done once
// what was live has its name, too.
func (c Copies) Swap(name, keep, key, live string) (r *Record, exchanged, done bool, e *effect.Error) {
	for _, at := range []string{keep, name} {
		r, e := c.Read(at)
		if e != nil {
			return nil, false, false, e
		}
		if r.Swap == nil || r.Swap.Key != key {
			continue
		}
		id, _, err := Inode(live)
		exchanged := err == nil && id == r.Swap.Live
		return r, exchanged, exchanged && r.Swap.Kept && at == keep, nil
	}
	return nil, false, false, nil
}

// Keep is what the live data is called as a copy.
func Keep(name, keep string) string {
	if keep != "" {
		return keep
	}
	return name + "_before"
}

// Swappable refuses a swap of what is not there, and a name that is taken.
func (c Copies) Swappable(name, keep string) *effect.Error {
	if !c.Has(name) {
		return Names("copy", name, c.Known())
	}
	if keep != name && Exists(c.Of(keep)) {
		return effect.Errorf(effect.CodeConflict, "there is a copy %q already; nothing was swapped", keep).WithHint("say in `keep` what the live data is to be called")
	}
	return nil
}

// Write puts a record into the directory of a copy, so that it outlives a loss
// of power.
func (r *Record) Write(dir string) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return WriteFile(filepath.Join(dir, recordFile), append(data, '\n'))
}

// WriteFile writes a whole file or none.
func WriteFile(name string, data []byte) error {
	hidden := filepath.Join(filepath.Dir(name), "."+filepath.Base(name))
	f, err := os.OpenFile(hidden, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(hidden, name)
	}
	if err == nil {
		err = SyncDir(filepath.Dir(name))
	}
	return err
}

// Exists reports whether something has a name, wherever a link leads.
func Exists(name string) bool {
	_, err := os.Lstat(name)
	return !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR)
}

// SyncDir makes names in a directory outlive a loss of power.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Room refuses to begin where so many bytes would not find space.
func Room(dir string, size int64, what string) *effect.Error {
	if free, known := freeSpace(dir); known && free < size {
		return effect.Errorf(effect.CodeRefused, "%s has %s free, and %s takes %s; nothing was started", dir, Bytes(free), what, Bytes(size)).
			WithHint("free space there, or configure another directory")
	}
	return nil
}
