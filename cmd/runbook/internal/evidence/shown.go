package evidence

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Shown is a file that an answer of a record names.
type Shown struct {
	Run    string
	Seq    int64  // of the answer
	File   string // as whoever answered knew it
	SHA256 string // hex
}

// ShownBy returns what an event of a run names; ok is false if it names no file.
func ShownBy(run string, seq int64, kind effect.Kind, body *effect.Body) (s Shown, ok bool) {
	if kind != effect.QuestionAnswered || body.Hash == "" || len(body.Value) == 0 {
		return s, false
	}
	var value struct{ File, SHA256 string }
	if json.Unmarshal(body.Value, &value) != nil || value.SHA256 != body.Hash {
		return s, false
	}
	return Shown{run, seq, value.File, value.SHA256}, true
}

// ShownIn returns what the answers of a run name.
func ShownIn(run string, events []effect.Event) (list []Shown) {
	for i := range events {
		if s, ok := ShownBy(run, events[i].Seq, events[i].Kind, &events[i].Body); ok {
			list = append(list, s)
		}
	}
	return list
}

// There reports whether a store is there at all.
func (s Store) There() bool {
	info, err := os.Stat(s.dir)
	return err == nil && info.IsDir()
}

// ErrMissing says of a file that it is not in the store.
var ErrMissing = errors.New("it is not there")

// Check holds the kept file of a SHA-256 against that. The error is ErrMissing, or says
// what else is wrong.
func (s Store) Check(sum string) error {
	f, err := os.Open(s.Path(sum))
	if errors.Is(err, fs.ErrNotExist) {
		return ErrMissing
	}
	if err != nil {
		return fmt.Errorf("it cannot be read: %w", err)
	}
	hash := sha256.New()
	_, err = io.Copy(hash, f)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("it cannot be read: %w", err)
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != sum {
		return fmt.Errorf("it was changed: its SHA-256 is %s", got)
	}
	return nil
}
