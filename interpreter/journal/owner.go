package journal

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"strings"
)

// Owner is a process that can hold a run.
type Owner struct {
	ID   string `json:"id"` // random
	Host string `json:"host"`
	PID  int    `json:"pid"`
	// Boot tells this start of this machine, and this PID namespace, from all
	// others. It is empty where the system does not say.
	Boot string `json:"boot,omitempty"`
	// Started is when the process started, in the system's own ticks. It tells
	// a process from a later one with the same PID.
	Started string `json:"started,omitempty"`
	User    string `json:"user"`
}

// Self describes this process. Call it once and pass it on: each call draws a
// new ID.
func Self() Owner {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails, by its contract
	o := Owner{ID: hex.EncodeToString(id[:]), PID: os.Getpid(), User: userName()}
	o.Host, _ = os.Hostname()
	o.Boot = bootID()
	if p, err := readProcess(o.PID); err == nil {
		o.Started = p.started
	}
	return o
}

// String returns "user@host (process 4711)".
func (o Owner) String() string { return fmt.Sprintf("%s@%s (process %d)", o.User, o.Host, o.PID) }

// goneSeenFrom reports whether o's process has certainly ended, as self can
// see. What self cannot see counts as alive.
func (o Owner) goneSeenFrom(self Owner) bool {
	if o.Boot == "" || o.Boot != self.Boot || o.Host != self.Host || o.PID <= 0 {
		return false
	}
	p, err := readProcess(o.PID)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		// With hidepid, a process of another user looks the same as none.
		return o.User == self.User
	case err != nil:
		return false
	}
	return p.ended || o.Started != "" && p.started != o.Started
}

type process struct {
	ended   bool // only its entry is left, for its parent to read
	started string
}

// readProcess reads /proc/PID/stat. The error satisfies fs.ErrNotExist when
// /proc is there and the process is not.
func readProcess(pid int) (process, error) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		return process{}, errors.New("read process: no /proc here")
	}
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return process{}, err
	}
	// The second field is the program's name in brackets and may hold anything.
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	const state, started = 0, 19 // fields 3 and 22 of proc(5)
	if len(fields) <= started {
		return process{}, fmt.Errorf("read process %d: %d fields", pid, len(fields))
	}
	return process{ended: fields[state] == "Z" || fields[state] == "X", started: fields[started]}, nil
}

// bootID joins the kernel's boot id with the PID namespace, without which a
// container would take its neighbour's processes for dead ones.
func bootID() string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	ns, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(boot)) + "/" + ns
}

func userName() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return strconv.Itoa(os.Getuid())
}
