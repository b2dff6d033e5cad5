package audit

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
)

// zero is when the runs of these tests begin.
var zero = time.Date(2026, time.March, 3, 8, 0, 0, 0, time.UTC)

// journalOf makes a journal of runs with so many events each, a second apart.
func journalOf(t *testing.T, events ...int) (*journal.DB, []*journal.Writer) {
	t.Helper()
	db, err := journal.Open(t.Context(), filepath.Join(t.TempDir(), "j.db"), journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	var writers []*journal.Writer
	for i, n := range events {
		w, err := db.Create(t.Context(), journal.NewRun{ID: fmt.Sprintf("0198aaaa-%04d", i), Name: "x", By: "ann",
			Sources: []journal.Source{{Name: "x.lua", Text: []byte("x")}},
			Created: effect.Event{At: zero, Kind: effect.RunCreated}}, journal.Self())
		if err != nil {
			t.Fatal(err)
		}
		writers = append(writers, w)
		add(t, w, n-1)
	}
	return db, writers
}

func add(t *testing.T, w *journal.Writer, n int) {
	t.Helper()
	for i := range n {
		if _, err := w.Append(t.Context(), effect.Event{At: zero.Add(time.Duration(i+1) * time.Second), Kind: effect.Logged, Place: "~1",
			Body: effect.Body{Name: "info", Text: fmt.Sprintf("line %d <&> \u2028", i)}}); err != nil {
			t.Fatal(err)
		}
	}
}

func export(t *testing.T, db *journal.DB, w journal.Window, key ed25519.PrivateKey) string {
	t.Helper()
	var b bytes.Buffer
	x, err := NewWriter(&b, "test", zero, w.From, w.To)
	if err == nil {
		err = db.Export(t.Context(), w, x)
	}
	if err == nil {
		err = x.Close(key)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func verify(t *testing.T, text string, key ed25519.PublicKey) *File {
	t.Helper()
	f, err := Verify(strings.NewReader(text), key)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

var all = journal.Window{From: zero.Add(-time.Hour), To: zero.Add(time.Hour)}

func TestWholeAndWindow(t *testing.T) {
	db, _ := journalOf(t, 6, 3)
	_, key, _ := ed25519.GenerateKey(nil)
	public := key.Public().(ed25519.PublicKey)
	f := verify(t, export(t, db, all, key), public)
	if len(f.Faults) > 0 || f.Runs != 2 || f.Events != 9 || !f.Signer.Equal(public) || len(f.Heads) != 2 {
		t.Errorf("%+v", f)
	}
	part := verify(t, export(t, db, journal.Window{From: zero.Add(2 * time.Second), To: zero.Add(4 * time.Second)}, nil), nil)
	if len(part.Faults) > 0 || part.Events != 3 || part.Runs != 2 || part.Signer != nil || len(part.Heads) != 2 {
		t.Errorf("a window: %+v", part)
	}
}

// TestEveryLine cuts, changes, doubles and moves each line, with and without a
// signature: all of it is told.
func TestEveryLine(t *testing.T) {
	db, _ := journalOf(t, 4, 3)
	_, key, _ := ed25519.GenerateKey(nil)
	public := key.Public().(ed25519.PublicKey)
	for _, signer := range []ed25519.PrivateKey{nil, key} {
		text := export(t, db, all, signer)
		var want ed25519.PublicKey
		if signer != nil {
			want = public
		}
		lines := strings.SplitAfter(strings.TrimSuffix(text, "\n"), "\n")
		lines[len(lines)-1] += "\n"
		told := func(what string, n int, changed []string) {
			t.Helper()
			if len(verify(t, strings.Join(changed, ""), want).Faults) == 0 {
				t.Errorf("line %d %s, and nothing is told: %s", n+1, what, lines[n])
			}
		}
		for n, line := range lines {
			told("was cut", n, append(append([]string{}, lines[:n]...), lines[n+1:]...))
			told("and all behind it were cut", n, lines[:n])
			told("was doubled", n, append(append(append([]string{}, lines[:n]...), line, line), lines[n+1:]...))
			if n+1 < len(lines) {
				moved := append([]string{}, lines...)
				moved[n], moved[n+1] = moved[n+1], moved[n]
				told("was moved", n, moved)
			}
			for i := 2; i < len(line)-2; i += 7 {
				changed := append([]string{}, lines...)
				b := []byte(line)
				b[i] ^= 1
				changed[n] = string(b)
				told(fmt.Sprintf("was changed at %d", i), n, changed)
			}
		}
	}
}

// TestNames: the fault that comes first names what was done.
func TestNames(t *testing.T) {
	db, _ := journalOf(t, 5)
	lines := strings.SplitAfter(export(t, db, all, nil), "\n")
	at := func(n int, with ...string) string {
		return strings.Join(append(append(append([]string{}, lines[:n]...), with...), lines[n+1:]...), "")
	}
	for _, c := range []struct{ what, text, want string }{
		{"an event changed", at(3, strings.Replace(lines[3], "line 0", "line 9", 1)), "line 4: event 2 of run 0198aaaa-0000 was changed"},
		{"an event removed", at(3), "line 4: event 3 of run 0198aaaa-0000 stands where 2 belongs"},
		{"two events moved", strings.Join([]string{lines[0], lines[1], lines[2], lines[4], lines[3], lines[5], lines[6], lines[7], lines[8], lines[9]}, ""), "line 4: event 3 of run"},
		{"the last event removed", at(6), "line 7: before it, events 5 to 5 of run 0198aaaa-0000 are missing"},
		{"the end removed", strings.Join(lines[:9], ""), "the end is missing: the export was cut"},
		{"half a line", strings.Join(lines[:4], "") + lines[4][:20], "line 5: it is no whole line of JSON"},
		{"a file changed", at(7, strings.Replace(lines[7], `"text":"x"`, `"text":"y"`, 1)), "run 0198aaaa-0000: x.lua, of event 1: the text or its hash was changed"},
		{"a file removed", at(7), "before it, run 0198aaaa-0000: the files that the run began with are not those of its first event"},
		{"a head changed", at(8, strings.Replace(lines[8], `"seq":5`, `"seq":4`, 1)), "is not its event 4"},
	} {
		f := verify(t, c.text, nil)
		if len(f.Faults) == 0 || !strings.Contains(f.Faults[0].String(), c.want) {
			t.Errorf("%s: %v, want %q first", c.what, f.Faults, c.want)
		}
	}
}

// TestForged: whoever writes the file anew has no signature for it.
func TestForged(t *testing.T) {
	db, _ := journalOf(t, 4)
	_, key, _ := ed25519.GenerateKey(nil)
	_, other, _ := ed25519.GenerateKey(nil)
	public := key.Public().(ed25519.PublicKey)
	for _, forged := range []string{export(t, db, all, nil), export(t, db, all, other)} {
		if f := verify(t, forged, public); len(f.Faults) != 1 {
			t.Errorf("faults of a forged export: %v", f.Faults)
		}
	}
	whole := export(t, db, all, key)
	fake := export(t, db, journal.Window{From: all.From, To: zero.Add(2 * time.Second)}, nil)
	end := whole[strings.LastIndex(strings.TrimSuffix(whole, "\n"), "\n")+1:]
	fake = fake[:strings.LastIndex(strings.TrimSuffix(fake, "\n"), "\n")+1] + end
	if f := verify(t, fake, public); len(f.Faults) == 0 {
		t.Error("the end of another export is taken for that of this one")
	}
}

// TestFirstVersion: a file of the form that had no sources stays what it was.
func TestFirstVersion(t *testing.T) {
	db, writers := journalOf(t, 4, 3)
	if err := writers[1].AddSource(t.Context(), journal.Source{Name: "x.lua", Text: []byte("y")},
		effect.Event{At: zero.Add(time.Minute), Kind: effect.SourceChanged, Body: effect.Body{By: "bob"}}); err != nil {
		t.Fatal(err)
	}
	_, key, _ := ed25519.GenerateKey(nil)
	public := key.Public().(ed25519.PublicKey)
	first := func(version int) string {
		sum, lines, text := sha256.New(), 0, ""
		for line := range strings.Lines(export(t, db, all, nil)) {
			if strings.HasPrefix(line, `{"type":"source"`) || strings.HasPrefix(line, `{"type":"end"`) {
				continue
			}
			line = strings.Replace(line, `"version":2`, fmt.Sprintf(`"version":%d`, version), 1)
			sum.Write([]byte(line))
			text, lines = text+line, lines+1
		}
		end, err := json.Marshal(endLine{Type: typeEnd, Lines: lines, SHA256: hex.EncodeToString(sum.Sum(nil)),
			PublicKey: base64.StdEncoding.EncodeToString(public), Signature: base64.StdEncoding.EncodeToString(ed25519.Sign(key, signed(version, lines, sum.Sum(nil))))})
		if err != nil {
			t.Fatal(err)
		}
		return text + string(end) + "\n"
	}
	old := first(1)
	if f := verify(t, old, public); len(f.Faults) > 0 || f.Events != 8 || f.Whole() {
		t.Errorf("%+v", f)
	}
	if f := verify(t, strings.Replace(old, "line 1", "line 9", 1), public); len(f.Faults) == 0 {
		t.Error("a changed event of it is not found")
	}
	if f := verify(t, strings.Replace(old, `"version":1,"program"`, `"version":2,"program"`, 1), public); len(f.Faults) == 0 {
		t.Error("it is taken for one of the next version")
	}
	for version, want := range map[int]string{2: "are not those of its first event", 3: "reads up to version 2"} {
		if f := verify(t, first(version), public); len(f.Faults) == 0 || !strings.Contains(fmt.Sprint(f.Faults), want) {
			t.Errorf("version %d: %v", version, f.Faults)
		}
	}
}

// TestAnchor: what an earlier export names as the newest has to be in a later one.
func TestAnchor(t *testing.T) {
	db, writers := journalOf(t, 4, 3)
	early := verify(t, export(t, db, all, nil), nil)
	add(t, writers[0], 2)
	later := verify(t, export(t, db, all, nil), nil)
	if held, err := early.Anchored(later); err != nil || held.Unknown != 0 || len(held.Faults) > 0 || len(held.Deleted) > 0 {
		t.Errorf("a later export: %+v, %v", held, err)
	}
	if held, _ := later.Anchored(early); len(held.Faults) != 1 || !strings.Contains(held.Faults[0].What, "run 0198aaaa-0000 has no event 6 any more") {
		t.Errorf("a record whose end was cut: %v", held.Faults)
	}
	other, _ := journalOf(t, 3, 3)
	if held, _ := early.Anchored(verify(t, export(t, other, all, nil), nil)); len(held.Faults) != 1 {
		t.Errorf("another record: %v", held.Faults)
	}
	short := verify(t, export(t, db, journal.Window{From: zero.Add(time.Minute), To: all.To}, nil), nil)
	if held, _ := early.Anchored(short); len(held.Faults) > 0 || held.Unknown != 1 {
		t.Errorf("an export that does not reach back: %v, %d unknown", held.Faults, held.Unknown)
	}
}

// TestCopy: what a file has of a run can be read again as a journal, of which an
// export says the same.
func TestCopy(t *testing.T) {
	db, writers := journalOf(t, 4, 3)
	for _, text := range []string{"y", "\xff is no UTF-8"} {
		if err := writers[1].AddSource(t.Context(), journal.Source{Name: "x.lua", Text: []byte(text)},
			effect.Event{At: zero.Add(time.Minute), Kind: effect.SourceChanged, Body: effect.Body{By: "bob"}}); err != nil {
			t.Fatal(err)
		}
	}
	text := export(t, db, all, nil)
	var kept []*journal.Copy
	f, err := Copy(strings.NewReader(text), nil, func(journal.Excerpt) *journal.Copy {
		kept = append(kept, &journal.Copy{})
		return kept[len(kept)-1]
	})
	if err != nil || len(f.Faults) > 0 || len(kept) != 2 {
		t.Fatal(f, err)
	}
	again, err := journal.Open(t.Context(), filepath.Join(t.TempDir(), "again.db"), journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = again.Close() }()
	for _, c := range kept {
		if err := again.Import(t.Context(), *c); err != nil {
			t.Fatal(err)
		}
	}
	if said := export(t, again, all, nil); said != text {
		t.Errorf("the copy says\n%s\nand was made of\n%s", said, text)
	}
	if found, err := again.Verify(t.Context(), ""); err != nil || len(found.Faults) > 0 || found.Events != 9 {
		t.Errorf("%+v, %v", found, err)
	}
	kept[0].Events[2].Body = strings.Replace(kept[0].Events[2].Body, "line 1", "line 9", 1)
	kept[0].Excerpt.Run, kept[0].Excerpt.Name = "0198aaaa-0009", "z"
	if err := again.Import(t.Context(), *kept[0]); err == nil || !strings.Contains(err.Error(), "event 1 does not follow") {
		t.Errorf("under another id: %v", err)
	}
}
