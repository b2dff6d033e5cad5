package audit

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/evidence"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
)

// maxLine bounds a line, in bytes: an event may hold a result of 16 MiB, twice
// as long in JSON.
const maxLine = 64 << 20

// Fault is one thing that is not as it was written.
type Fault struct {
	Line int    `json:"line,omitempty"` // 0 if it is about the file as a whole
	What string `json:"what"`
}

// String returns "line 7: what".
func (f Fault) String() string {
	if f.Line == 0 {
		return f.What
	}
	return fmt.Sprintf("line %d: %s", f.Line, f.What)
}

// File is what a verified file holds, and what is wrong with it.
type File struct {
	Version  int // of its form
	From, To time.Time
	Made     time.Time
	Program  string
	Runs     int
	Events   int
	Heads    map[string]journal.Head // of all runs of the journal at that time
	Deleted  map[string]journal.Deleted
	Shown    []evidence.Shown  // files that answers name
	Signer   ed25519.PublicKey // nil if no valid signature is there
	Signed   bool              // a signature is there, valid or not
	Faults   []Fault

	hashes map[string]map[int64]string // of the events, by run
}

// Whole reports whether the file has what its events brought, so that a run can be
// told from it. Those of the first version have events alone.
func (f *File) Whole() bool { return f.Version >= withSources }

// Verify reads a file and holds each line against the others. key is whose
// signature it has to carry; nil takes any, or none. Faults are in the File; the
// error says that it could not be read.
func Verify(r io.Reader, key ed25519.PublicKey) (*File, error) {
	return Copy(r, key, func(journal.Excerpt) *journal.Copy { return nil })
}

// Copy is Verify, and keeps what the file has of some runs: keep returns where that of
// an excerpt goes, or nil.
func Copy(r io.Reader, key ed25519.PublicKey, keep func(journal.Excerpt) *journal.Copy) (*File, error) {
	v := &verifier{file: &File{Heads: map[string]journal.Head{}, Deleted: map[string]journal.Deleted{}, hashes: map[string]map[int64]string{}},
		sum: sha256.New(), key: key, keep: keep}
	in := bufio.NewReader(r)
	for {
		text, err := readLine(in)
		if len(text) > 0 {
			v.number++
			v.line(text)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read line %d: %w", v.number+1, err)
		}
	}
	v.finish()
	return v.file, nil
}

// readLine reads a line with its end, up to a bound.
func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > maxLine {
			return nil, fmt.Errorf("it is longer than %d MiB: this is no export", maxLine>>20)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// verifier goes through a file line by line.
type verifier struct {
	file   *File
	sum    hash.Hash
	key    ed25519.PublicKey
	number int // of the line under way
	ended  bool

	excerpt journal.Excerpt
	seq     int64           // of the newest event of the excerpt
	hash    string          // its hash
	open    bool            // an excerpt is under way
	origins journal.Origins // of its sources
	sources bool            // one was read
	keep    func(journal.Excerpt) *journal.Copy
	kept    *journal.Copy // the one under way, if it is kept
}

func (v *verifier) fault(format string, args ...any) {
	v.file.Faults = append(v.file.Faults, Fault{v.number, fmt.Sprintf(format, args...)})
}

// line takes the next line in.
func (v *verifier) line(text []byte) {
	if v.ended {
		v.fault("it stands behind the last line of the export")
		return
	}
	var kind struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(text, &kind); err != nil || !bytes.HasSuffix(text, []byte("\n")) {
		v.fault("it is no whole line of JSON")
		v.sum.Write(text)
		return
	}
	if v.number == 1 && kind.Type != typeAudit {
		v.fault("an export begins with a line of the type %q; this is none, or its first line is missing", typeAudit)
	}
	if kind.Type == typeEnd {
		v.end(text)
		return
	}
	v.sum.Write(text)
	read := func(to any) bool {
		if err := json.Unmarshal(text, to); err != nil {
			v.fault("the line of the type %q cannot be read: %v", kind.Type, err)
			return false
		}
		return true
	}
	switch kind.Type {
	case typeAudit:
		v.begin(read)
	case typeExcerpt:
		v.leave()
		var e journal.Excerpt
		if read(&e) {
			v.excerpt, v.seq, v.hash, v.open = e, e.First-1, e.Before, true
			v.origins, v.sources, v.kept = journal.Origins{}, false, v.keep(e)
			v.file.Runs++
			if v.kept != nil {
				v.kept.Excerpt = e
			}
		}
	case typeEvent:
		var e journal.Stored
		if read(&e) {
			v.event(&e)
		}
	case typeSource:
		var s sourceLine
		if read(&s) {
			v.source(s.source())
		}
	case typeHead:
		v.leave()
		var h struct {
			Run  string
			Seq  int64
			Hash string
		}
		if read(&h) {
			v.head(journal.Head{Run: h.Run, Seq: h.Seq, Hash: h.Hash})
		}
	case typeDeleted:
		v.leave()
		var d journal.Deleted
		if read(&d) {
			v.file.Deleted[d.Run] = d
		}
	default:
		v.fault("the type %q is not known", kind.Type)
	}
}

func (v *verifier) begin(read func(any) bool) {
	var h headLine
	if v.number != 1 {
		v.fault("the first line of an export stands here")
		return
	}
	if !read(&h) {
		return
	}
	if h.Version < 1 || h.Version > Version {
		v.fault("the export has version %d; this program reads up to version %d", h.Version, Version)
	}
	v.file.Version = h.Version
	v.file.From, v.file.To, v.file.Made, v.file.Program = h.From, h.To, h.Made, h.Program
}

// event holds an event against the one before it.
func (v *verifier) event(e *journal.Stored) {
	v.file.Events++
	switch {
	case !v.open:
		v.fault("event %d of run %s stands outside of a run's excerpt", e.Seq, e.Run)
		return
	case e.Run != v.excerpt.Run:
		v.fault("event %d of run %s stands among those of run %s", e.Seq, e.Run, v.excerpt.Run)
		return
	case e.Seq != v.seq+1:
		v.fault("event %d of run %s stands where %d belongs", e.Seq, e.Run, v.seq+1)
		v.seq, v.hash = e.Seq, e.Hash
		return
	case v.sources:
		v.fault("event %d of run %s stands behind what the run's events brought", e.Seq, e.Run)
	}
	want, err := e.Follow(v.hash)
	switch {
	case err != nil:
		v.fault("event %d of run %s: %v", e.Seq, e.Run, err)
	case want != e.Hash:
		v.fault("event %d of run %s was changed: its hash does not follow from its content and the event before", e.Seq, e.Run)
	}
	v.seq, v.hash = e.Seq, e.Hash
	if v.file.hashes[e.Run] == nil {
		v.file.hashes[e.Run] = map[int64]string{}
	}
	v.file.hashes[e.Run][e.Seq] = e.Hash
	if err := v.origins.Event(e); err != nil {
		v.fault("event %d of run %s: %v", e.Seq, e.Run, err)
	}
	v.shown(e)
	if v.kept != nil {
		v.kept.Events = append(v.kept.Events, *e)
	}
}

// shown takes in which file an answer names.
func (v *verifier) shown(e *journal.Stored) {
	if effect.Kind(e.Kind) != effect.QuestionAnswered {
		return
	}
	var body effect.Body
	if json.Unmarshal([]byte(e.Body), &body) != nil { // its hash tells
		return
	}
	if s, ok := evidence.ShownBy(e.Run, e.Seq, effect.Kind(e.Kind), &body); ok {
		v.file.Shown = append(v.file.Shown, s)
	}
}

// source holds a file that a run is made from against the event that brought it.
func (v *verifier) source(s *journal.Brought) {
	if !v.open || s.Run != v.excerpt.Run {
		v.fault("%s of run %s stands outside of that run's excerpt", s.Name, s.Run)
		return
	}
	if !v.sources {
		v.whole()
	}
	v.sources = true
	if wrong := v.origins.Source(s); wrong != "" {
		v.fault("run %s: %s", s.Run, wrong)
	}
	if v.kept != nil {
		v.kept.Sources = append(v.kept.Sources, *s)
	}
}

// whole tells whether all events of the excerpt were there.
func (v *verifier) whole() {
	if v.seq != v.excerpt.Last {
		v.fault("before it, events %d to %d of run %s are missing", v.seq+1, v.excerpt.Last, v.excerpt.Run)
	}
}

// leave ends the excerpt under way.
func (v *verifier) leave() {
	if !v.open {
		return
	}
	v.open = false
	if !v.sources {
		v.whole()
	}
	if !v.file.Whole() {
		return
	}
	for _, wrong := range v.origins.End() {
		v.fault("before it, run %s: %s", v.excerpt.Run, wrong)
	}
}

func (v *verifier) head(h journal.Head) {
	if _, twice := v.file.Heads[h.Run]; twice {
		v.fault("the head of run %s stands there twice", h.Run)
	}
	v.file.Heads[h.Run] = h
	if hash, ok := v.file.hashes[h.Run][h.Seq]; ok && hash != h.Hash {
		v.fault("the head of run %s is not its event %d", h.Run, h.Seq)
	}
}

// end holds what came before against the last line.
func (v *verifier) end(text []byte) {
	v.leave()
	v.ended = true
	var e endLine
	if err := json.Unmarshal(text, &e); err != nil {
		v.fault("the last line cannot be read: %v", err)
		return
	}
	sum := v.sum.Sum(nil)
	if e.Lines != v.number-1 {
		v.fault("%d lines stand before it, and it was written behind %d", v.number-1, e.Lines)
	}
	if e.SHA256 != hex.EncodeToString(sum) {
		v.fault("the lines before it are not those that it was written behind: their SHA-256 is another one")
	}
	if e.Signature == "" {
		return
	}
	v.file.Signed = true
	public, errKey := base64.StdEncoding.DecodeString(e.PublicKey)
	signature, errSig := base64.StdEncoding.DecodeString(e.Signature)
	switch {
	case errKey != nil || errSig != nil || len(public) != ed25519.PublicKeySize:
		v.fault("the signature cannot be read")
	case !ed25519.Verify(public, signed(v.file.Version, v.number-1, sum), signature):
		v.fault("the signature is not that of these lines")
	default:
		v.file.Signer = public
	}
}

// finish looks at the file as a whole.
func (v *verifier) finish() {
	v.number = 0
	for run := range v.file.hashes {
		if _, there := v.file.Heads[run]; !there && v.ended {
			v.fault("the head of run %s is missing", run)
		}
	}
	if !v.ended {
		v.fault("the end is missing: the export was cut")
	}
	if v.key == nil {
		return
	}
	switch {
	case v.file.Signer == nil:
		v.fault("it carries no valid signature, and has to be signed by the key %.16s…", Fingerprint(v.key))
	case !v.key.Equal(v.file.Signer):
		v.fault("it is signed by another key, %.16s…, than %.16s…", Fingerprint(v.file.Signer), Fingerprint(v.key))
	}
}
