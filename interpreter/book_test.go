package interpreter_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"testing"
)

// book is the file in which a ledger keeps its entries.
type book string

// entry is one line of a book.
type entry struct {
	What    string `json:"what"`
	Key     string `json:"key"`
	Op      string `json:"op"`
	Item    string `json:"item,omitempty"`
	Args    string `json:"args"`
	Run     string `json:"run"`
	Place   string `json:"place"`
	Attempt int    `json:"attempt"`
	PID     int    `json:"pid"`
}

// add puts a line on disk, behind the last whole one: a process that is killed
// in a write can leave the part of a line that filled a page, which says nothing.
// The caller holds the book's lock.
func (b book) add(e entry) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(string(b), os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	data, err := io.ReadAll(file)
	if whole := bytes.LastIndexByte(data, '\n') + 1; err == nil && whole < len(data) {
		err = file.Truncate(int64(whole))
	}
	if err == nil {
		_, err = file.Write(append(line, '\n'))
	}
	return errors.Join(err, file.Sync(), file.Close())
}

// read returns what stands in the book; a book that nobody began is empty.
func (b book) read() (entries, error) {
	data, err := os.ReadFile(string(b))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var list entries
	data = data[:bytes.LastIndexByte(data, '\n')+1] // the rest is torn, or being written
	for n, line := range bytes.Split(data, []byte("\n")) {
		if len(line) == 0 {
			continue
		}
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, fmt.Errorf("line %d of %s: %w", n+1, b, err)
		}
		list = append(list, e)
	}
	return list, err
}

// must is read for tests.
func (b book) must(t testing.TB) entries {
	t.Helper()
	list, err := b.read()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// openGate lets calls that wait at a gate go on.
func (b book) openGate(t testing.TB, name string) {
	t.Helper()
	if err := os.WriteFile(b.gate(name), nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

type entries []entry

// pick returns the entries of a kind, of one item unless that is empty.
func (list entries) pick(what, item string) entries {
	var out entries
	for _, e := range list {
		if e.What == what && (item == "" || e.Item == item) {
			out = append(out, e)
		}
	}
	return out
}

// keys numbers the distinct keys in the order in which they came.
func (list entries) keys() map[string]int {
	keys := map[string]int{}
	for _, e := range list {
		if _, seen := keys[e.Key]; !seen {
			keys[e.Key] = len(keys)
		}
	}
	return keys
}

// items counts the entries by item; what is said is left out.
func (list entries) items() map[string]int {
	items := map[string]int{}
	for _, e := range list {
		if e.Op != "say" {
			items[e.Item]++
		}
	}
	return items
}

// has reports whether there is an entry of the kind for the item.
func (list entries) has(what, item string) bool { return len(list.pick(what, item)) > 0 }

// audit holds a book against what a run that was killed some times may have
// done: wanted items are applied once each, nothing else is; a key always comes
// with the same request; what is applied is not sent again unless the op is
// idempotent. Reads may be repeated freely.
func (list entries) audit(t testing.TB, wanted []string, kills int) {
	t.Helper()
	got := list.pick(applied, "").items()
	for _, item := range wanted {
		switch n := got[item]; {
		case n == 0:
			t.Errorf("%s is lost: it was never applied", item)
		case n > 1:
			t.Errorf("%s was applied %d times", item, n)
		}
		delete(got, item)
	}
	for item := range got {
		t.Errorf("%s was applied, and nobody wanted it", item)
	}
	request, sent, done := map[string]string{}, map[string]int{}, map[string]bool{}
	for _, e := range list {
		what := e.Op + " " + e.Args
		if first, ok := request[e.Key]; ok && first != what {
			t.Errorf("the key of effect %s came with two requests: %s, then %s", e.Place, first, what)
		}
		request[e.Key] = what
		switch e.What {
		case applied:
			if done[e.Key] {
				t.Errorf("effect %s (%s) was applied twice", e.Place, what)
			}
			done[e.Key] = true
		case received:
			sent[e.Key]++
			idempotent := e.Op == "put_retry" || e.Op == "flaky" || e.Op == "look"
			if done[e.Key] && !idempotent {
				t.Errorf("effect %s (%s) was sent again after it had been applied", e.Place, what)
			}
			if n := sent[e.Key]; e.Op != "look" && n > kills+1 || e.Op == "say" && n > 1 {
				t.Errorf("effect %s (%s) was sent %d times, with %d kills", e.Place, what, n, kills)
			}
		}
	}
}
