package database

import (
	"os"
	"os/user"
	"strconv"
	"strings"
	"sync"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// User is whom a program runs as.
type User struct {
	Name     string
	UID, GID uint32
}

// RunAs returns whom programs run as that refuse root: nil, for this process's own
// user, unless that is root. who says which programs, for people; name is the
// setting run_as of a backend.
func RunAs(who, name, backend string) (*User, *effect.Error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		return nil, effect.Errorf(effect.CodeInvalid, "%s refuse root, and there is no user %s: %v; nothing was started", who, name, err).
			WithHint("name one in the configuration of %s: run_as", backend)
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	return &User{Name: name, UID: uint32(uid), GID: uint32(gid)}, nil
}

// MakeDir makes a directory, if there is none, that the user can write.
func (u *User) MakeDir(dir string) *effect.Error {
	_, err := os.Stat(dir)
	fresh := os.IsNotExist(err)
	if err = os.MkdirAll(dir, 0o700); err == nil && fresh && u != nil {
		err = os.Chown(dir, int(u.UID), int(u.GID))
	}
	if err != nil {
		return effect.Errorf(effect.CodeRefused, "%s cannot be made: %v; nothing was started", dir, err).WithHint("create it, and let %s write there", u)
	}
	return nil
}

// Own gives a file to the user.
func (u *User) Own(file string) *effect.Error {
	if u == nil {
		return nil
	}
	if err := os.Chown(file, int(u.UID), int(u.GID)); err != nil {
		return effect.Errorf(effect.CodeRefused, "%s cannot be given to %s: %v", file, u, err)
	}
	return nil
}

// String names the user, for people.
func (u *User) String() string {
	if u == nil {
		return "this user"
	}
	return "the user " + u.Name
}

// FailedTool returns the error for a program that did not do its work, and left
// nothing behind; said is what it said last.
func (c *Call) FailedTool(what, said string, err error) *effect.Error {
	if c.Ctx.Err() != nil {
		return c.Ended(what)
	}
	if said != "" {
		said = ": " + said
	}
	return effect.Errorf(effect.CodeFailed, "%s failed (%v)%s; nothing was left of it", what, err, said)
}

// Hide takes a password out of a text.
func Hide(text, password string) string {
	if password == "" {
		return text
	}
	return strings.ReplaceAll(text, password, "…")
}

// Serving keeps two calls from starting two servers on one copy.
type Serving struct {
	held sync.Map // by data directory: a channel that holds one token
}

// Hold waits until no other call has a server on a data directory; release lets the
// next one.
func (s *Serving) Hold(c *Call, data string) (release func(), e *effect.Error) {
	held, _ := s.held.LoadOrStore(data, make(chan struct{}, 1))
	token := held.(chan struct{})
	select {
	case token <- struct{}{}:
		return func() { <-token }, nil
	case <-c.Ctx.Done():
		return nil, c.Ended("waiting for another call on the copy")
	}
}
