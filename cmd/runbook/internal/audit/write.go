package audit

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"time"
	"unicode/utf8"

	"github.com/q-ecosystem/runbook/interpreter/journal"
)

// Version is that of the form of a file. Older ones are read too; a newer one is a fault.
const (
	Version     = 2
	withSources = 2 // the first one that has what events brought
)

// Types of lines.
const (
	typeAudit   = "audit"
	typeExcerpt = "excerpt"
	typeEvent   = "event"
	typeSource  = "source"
	typeHead    = "head"
	typeDeleted = "deleted"
	typeEnd     = "end"
)

// headLine is the first of a file.
type headLine struct {
	Type    string    `json:"type"`
	Version int       `json:"version"`
	Program string    `json:"program"`
	Made    time.Time `json:"made"`
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
}

// endLine is the last.
type endLine struct {
	Type      string `json:"type"`
	Lines     int    `json:"lines"`                // before this one
	SHA256    string `json:"sha256"`               // of their bytes
	PublicKey string `json:"public_key,omitempty"` // base64
	Signature string `json:"signature,omitempty"`
}

// Writer writes a file. It is a journal.Exporter.
type Writer struct {
	out    *bufio.Writer
	sum    hash.Hash
	lines  int
	Events int // how many were written
	Runs   int // of how many runs
}

// NewWriter begins a file about the events from one time on and before another.
func NewWriter(w io.Writer, program string, made, from, to time.Time) (*Writer, error) {
	x := &Writer{out: bufio.NewWriter(w), sum: sha256.New()}
	return x, x.line(headLine{typeAudit, Version, program, made.UTC(), from.UTC(), to.UTC()})
}

func (x *Writer) line(v any) error {
	text, err := encode(v)
	if err != nil {
		return err
	}
	x.lines++
	x.sum.Write(text)
	_, err = x.out.Write(text)
	return err
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode a line: %w", err)
	}
	return b.Bytes(), nil
}

// Excerpt begins the part of a run.
func (x *Writer) Excerpt(e journal.Excerpt) error {
	x.Runs++
	return x.line(struct {
		Type string `json:"type"`
		journal.Excerpt
	}{typeExcerpt, e})
}

// Event writes an event of it.
func (x *Writer) Event(e *journal.Stored) error {
	x.Events++
	return x.line(struct {
		Type string `json:"type"`
		*journal.Stored
	}{typeEvent, e})
}

// sourceLine is a version of a file that a run is made from.
type sourceLine struct {
	Type  string `json:"type"`
	Run   string `json:"run"`
	Seq   int64  `json:"seq"` // of the event that brought it
	Name  string `json:"name"`
	Hash  string `json:"hash"` // SHA-256 of the text, in hex
	Text  string `json:"text,omitempty"`
	Bytes []byte `json:"bytes,omitempty"` // base64, in place of a text that is not UTF-8
}

// Source writes what an event of it brought.
func (x *Writer) Source(s *journal.Brought) error {
	line := sourceLine{Type: typeSource, Run: s.Run, Seq: s.Seq, Name: s.Name, Hash: s.Hash}
	if utf8.Valid(s.Text) {
		line.Text = string(s.Text)
	} else {
		line.Bytes = s.Text
	}
	return x.line(line)
}

// source is the line, read again.
func (l *sourceLine) source() *journal.Brought {
	s := &journal.Brought{Run: l.Run, Seq: l.Seq, Name: l.Name, Hash: l.Hash, Text: l.Bytes}
	if l.Text != "" {
		s.Text = []byte(l.Text)
	}
	return s
}

// Head writes the newest event of a run.
func (x *Writer) Head(h journal.Head) error {
	return x.line(struct {
		Type string `json:"type"`
		Run  string `json:"run"`
		Seq  int64  `json:"seq"`
		Hash string `json:"hash"`
	}{typeHead, h.Run, h.Seq, h.Hash})
}

// Deleted writes what is left of a run.
func (x *Writer) Deleted(d journal.Deleted) error {
	return x.line(struct {
		Type string `json:"type"`
		journal.Deleted
	}{typeDeleted, d})
}

// Close writes the last line, signed if there is a key.
func (x *Writer) Close(key ed25519.PrivateKey) error {
	sum := x.sum.Sum(nil)
	end := endLine{Type: typeEnd, Lines: x.lines, SHA256: hex.EncodeToString(sum)}
	if key != nil {
		end.PublicKey = base64.StdEncoding.EncodeToString(key.Public().(ed25519.PublicKey))
		end.Signature = base64.StdEncoding.EncodeToString(ed25519.Sign(key, signed(Version, x.lines, sum)))
	}
	if err := x.line(end); err != nil {
		return err
	}
	return x.out.Flush()
}
