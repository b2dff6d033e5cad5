package journal

import (
	"fmt"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// HeldError refuses a run that another process holds.
type HeldError struct {
	Run    string
	Holder Owner
	Since  time.Time
	Until  time.Time // when its lease ends unless it is renewed
}

// Error names the holder.
func (e *HeldError) Error() string {
	return fmt.Sprintf("run %s is held by %s since %s; it is free when that process ends, or at %s if it no longer answers",
		e.Run, e.Holder, clock(e.Since), clock(e.Until))
}

// FencedError says that a runner lost its run and has written nothing.
type FencedError struct {
	Run   string
	Epoch int64  // this runner's
	Now   int64  // the run's epoch; the same as Epoch when the lease just ran out or was given up
	By    Holder // who holds the run now; zero if nobody does
}

// Error says who holds the run now.
func (e *FencedError) Error() string {
	why := "its lease ran out or was given up, and nobody has taken it since"
	if e.Now != e.Epoch {
		why = "another process took it over"
		if e.By.PID != 0 {
			why = fmt.Sprintf("%s took it over at %s", e.By.Owner, clock(e.By.Since))
		}
	}
	return fmt.Sprintf("run %s: %v: %s; nothing was written", e.Run, ErrFenced, why)
}

// Unwrap returns ErrFenced.
func (e *FencedError) Unwrap() error { return ErrFenced }

// LockedError refuses a lock that another run holds.
type LockedError struct {
	Name    string // of the lock: "traffic/web"
	Env     string // of both runs
	Run     string // the run that holds it
	RunName string
	Status  effect.Status // of that run
	Owner   Owner         // the process that took it
	Since   time.Time
	// Holder carries that run now; nil if nobody does: it waits for a person,
	// or to be resumed.
	Holder *Holder
	// Died reports that Holder has ended without giving the run up: the lock
	// stays until somebody resumes or ends that run. Heard is when it last
	// wrote.
	Died  bool
	Heard time.Time
}

// Error says who, what, since when, which run, and what frees the lock.
func (e *LockedError) Error() string {
	text := fmt.Sprintf("the lock %s is held by run %s (%s, %s), taken by %s at %s; ",
		e.Name, e.Run, e.RunName, e.Status, e.Owner, clock(e.Since))
	const goOn = "resume it, or cancel it"
	switch {
	case e.Died:
		return text + fmt.Sprintf("its runner %s died: it was last heard at %s; %s", e.Holder.Owner, clock(e.Heard), goOn)
	case e.Holder == nil:
		return text + "nobody carries that run at the moment; " + goOn
	}
	return text + "it is free when that run has ended"
}

// NotFoundError says that there is no such run.
type NotFoundError struct {
	Run     string    // the id or the prefix that was asked for
	Deleted time.Time // when it was deleted, if it was
	// Removed says that a run is gone from the journal that this program did
	// not delete: it may be the one that was asked for.
	Removed bool
}

// Error says whether the run ever was.
func (e *NotFoundError) Error() string {
	switch {
	case !e.Deleted.IsZero():
		return fmt.Sprintf("run %s was deleted at %s", e.Run, clock(e.Deleted))
	case e.Run == "":
		return "no run is named"
	case e.Removed && newest(e.Run):
		return "the newest run was removed from the journal, and not by this program; see `runbook audit verify`, and name the run that you mean by its id"
	case e.Removed:
		return fmt.Sprintf("there is no run %s, and a run was removed from the journal, not by this program; see `runbook audit verify`", e.Run)
	case newest(e.Run):
		return "there is no run yet"
	}
	return fmt.Sprintf("there is no run %s", e.Run)
}

// AmbiguousError says that several runs begin with the prefix.
type AmbiguousError struct {
	Prefix     string
	Candidates []Run // the newest ten at most
}

// Error lists the candidates.
func (e *AmbiguousError) Error() string {
	names := make([]string, len(e.Candidates))
	for i, r := range e.Candidates {
		names[i] = r.ID + " (" + r.Name + ")"
	}
	return fmt.Sprintf("several runs begin with %s: %s; give more of the id", e.Prefix, strings.Join(names, ", "))
}

// ExistsError refuses an id that is, or was, another run's, or whose short form
// is.
type ExistsError struct {
	Run     string
	Deleted bool
	Alike   string // the run that has the short form, "" if it has the id
}

// Error says which id.
func (e *ExistsError) Error() string {
	if e.Deleted {
		return fmt.Sprintf("create run %s: a deleted run had this id, and ids never recur", e.Run)
	}
	if e.Alike != "" {
		return fmt.Sprintf("create run %s: run %s has the same short id", e.Run, e.Alike)
	}
	return fmt.Sprintf("create run %s: there is a run with this id", e.Run)
}

// ActiveError refuses to delete a run that has not ended.
type ActiveError struct {
	Run    string
	Status effect.Status
	Holder *Holder // the process that holds it, if one does
}

// Error says what to do first.
func (e *ActiveError) Error() string {
	if e.Status.Terminal() && e.Holder != nil {
		return fmt.Sprintf("delete run %s: it is held by %s", e.Run, e.Holder.Owner)
	}
	return fmt.Sprintf("delete run %s: it is %s; cancel it first", e.Run, e.Status)
}

// UnknownKindError says that an event was written by a program that knows more
// than this one.
type UnknownKindError struct {
	Run     string
	Seq     int64
	Kind    effect.Kind
	Version int // of the body's format
}

// Error names the event.
func (e *UnknownKindError) Error() string {
	return fmt.Sprintf("run %s, event %d: kind %q in version %d is unknown to this program; a newer one wrote it, use that",
		e.Run, e.Seq, e.Kind, e.Version)
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }
