package journal

import (
	"encoding/json"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// LeaseTTL is how long a runner holds its run after each renewal.
const LeaseTTL = 15 * time.Second

// leaseMargin is how long before the lease ends Valid stops vouching for it:
// time enough for a request to leave.
const leaseMargin = time.Second

// Run is what the journal knows of a run at a glance.
type Run struct {
	ID      string
	Name    string // of the runbook
	Status  effect.Status
	Script  string // the main source's name
	Created time.Time
	Updated time.Time // of the newest event
	Env     string
	By      string // who started it
	Parent  string // the run it was forked from
	// Successor is the newest run that was forked from this one.
	Successor string
	Epoch     int64   // how often the run was taken up
	Holder    *Holder // nil when nobody holds it
	Params    json.RawMessage
	Seq       int64 // of the newest event
}

// Holder is the process that holds a run.
type Holder struct {
	Owner
	Since time.Time
	Until time.Time // the end of its lease
}

// Gone reports whether the holder's claim has ended: its lease ran out, or its
// process has certainly ended, as far as self can see.
func (h Holder) Gone(self Owner, now time.Time) bool {
	return !now.Before(h.Until) || h.Owner.goneSeenFrom(self)
}

// Source is one version of a file that a run is made from.
type Source struct {
	Name string
	Hash string // SHA-256 of Text, in hex; filled in when it is left empty
	Text []byte
}

// shortLen is that of a UUIDv7's time in milliseconds.
const shortLen = 13

// Short is enough of a run's id to be typed: no two runs of a journal share it.
func Short(id string) string { return id[:min(len(id), shortLen)] }

// NewRun is what a run starts from.
type NewRun struct {
	ID      string // a UUIDv7
	Name    string
	Script  string // name of the main source; "" takes the first of Sources
	Env     string
	By      string
	Parent  string // the run this one is forked from
	Params  json.RawMessage
	Sources []Source
	// Locks are taken in the same transaction, as Writer.Lock does.
	Locks []string
	// Created is the first event, run.created. Its Name, By and Args are set
	// from Name, By and Params, and its Hash to the digest of Sources, so that
	// the chain covers them.
	Created effect.Event
	// History is the past of a forked run: it is copied behind Created with
	// new numbers. Events of the kinds run.created, status.changed,
	// source.changed and forked are left out; the new run has its own.
	History []effect.Event
	// Forked, if its Kind is set, is sent to Parent in the same transaction.
	Forked effect.Event
}

// Filter chooses runs. The zero value chooses all.
type Filter struct {
	Status   effect.Status
	Statuses []effect.Status // any of these
	Name     string
	Since    time.Time // with an event at that time or later
	Before   time.Time // with no event at that time or later
	Limit    int       // 0 means all
}
