package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/q-ecosystem/runbook/examples/lab/systems"
)

// Info says where a running lab listens. It is the content of lab.json.
type Info struct {
	PID      int               `json:"pid"`
	Started  time.Time         `json:"started"`
	Dir      string            `json:"dir"`
	Config   string            `json:"config"`   // path of runbook.yaml
	Control  string            `json:"control"`  // URL of the control API
	Proxy    string            `json:"proxy"`    // URL
	Socket   string            `json:"socket"`   // path of the runtime API's socket
	Pool     string            `json:"pool"`     // the proxy's pool
	Services map[string]string `json:"services"` // URLs by environment
	Webhook  string            `json:"webhook"`  // URL
	SMTP     string            `json:"smtp"`     // host:port
	Systems  []systems.Line    `json:"systems"`  // that run beside these
	Absent   []Absent          `json:"absent,omitempty"`
}

// Names of the files in a lab's directory.
const (
	infoFile   = "lab.json"
	lockFile   = "lab.lock"
	configFile = "runbook.yaml"
	socketFile = "haproxy.sock"
	// elsewhereFile names the directories of the lab that are not below its own.
	elsewhereFile = "lab.elsewhere"
	systemsDir    = "lab.systems" // of what the systems keep
	secretsDir    = "lab.secrets"
)

// elsewherePrefix begins the names of temporary directories, which hold what the
// lab's own directory cannot.
const elsewherePrefix = "runbook-lab-"

// maxSocketPath is what fits into a socket address on every system, with the
// final NUL.
const maxSocketPath = 103

// RunningError says that another lab holds the directory.
type RunningError struct {
	Dir string
	PID int // 0 if it is not known
}

// Error names the process.
func (e *RunningError) Error() string {
	who := "another process"
	if e.PID != 0 {
		who = "process " + strconv.Itoa(e.PID)
	}
	return fmt.Sprintf("a lab is running in %s already (%s): end it first, or use another directory", e.Dir, who)
}

// claim is a lab's hold on its directory.
type claim struct {
	dir  string // absolute
	lock *os.File
}

// claimDir creates the directory if need be, takes the lock in it, and removes
// what a lab that was killed left behind. The kernel frees the lock of a
// process that dies, so a lock that is held belongs to a living lab.
func claimDir(dir string) (*claim, error) {
	if dir == "" {
		return nil, errors.New("start lab: no directory given")
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("start lab: %w", err)
	}
	if err := os.MkdirAll(abs, 0o700); err != nil {
		return nil, fmt.Errorf("start lab: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(abs, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start lab: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer f.Close()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("start lab: lock %s: %w", f.Name(), err)
		}
		return nil, &RunningError{Dir: abs, PID: readPID(f)}
	}
	c := &claim{dir: abs, lock: f}
	pid := strconv.Itoa(os.Getpid()) + "\n"
	if err := errors.Join(f.Truncate(0), writeAt(f, pid), c.clean()); err != nil {
		c.release()
		return nil, fmt.Errorf("start lab: %w", err)
	}
	return c, nil
}

func writeAt(f *os.File, text string) error {
	_, err := f.WriteAt([]byte(text), 0)
	return err
}

func readPID(f *os.File) int {
	var b [32]byte
	n, _ := f.ReadAt(b[:], 0)
	pid, err := strconv.Atoi(strings.TrimSpace(string(b[:n])))
	if err != nil {
		return 0
	}
	return pid
}

func (c *claim) path(names ...string) string {
	return filepath.Join(append([]string{c.dir}, names...)...)
}

// clean removes the traces of an earlier lab, or of this one.
func (c *claim) clean() error {
	text, err := os.ReadFile(c.path(elsewhereFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	var failed []error
	for dir := range strings.Lines(string(text)) {
		if dir = strings.TrimSpace(dir); strings.HasPrefix(filepath.Base(dir), elsewherePrefix) {
			failed = append(failed, os.RemoveAll(dir))
		}
	}
	failed = append(failed, os.RemoveAll(c.path(systemsDir)), os.RemoveAll(c.path(secretsDir)),
		remove(c.path(elsewhereFile)), remove(c.path(infoFile)), remove(c.path(socketFile)))
	return errors.Join(failed...)
}

// elsewhere makes a directory that is not below the lab's own, for good reason.
// It is removed with the lab, or by the next one.
func (c *claim) elsewhere(parent string) (string, error) {
	dir, err := os.MkdirTemp(parent, elsewherePrefix)
	if err != nil {
		return "", fmt.Errorf("start lab: %w", err)
	}
	f, err := os.OpenFile(c.path(elsewhereFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.WriteString(dir + "\n")
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		_ = os.Remove(dir)
		return "", fmt.Errorf("start lab: %w", err)
	}
	return dir, nil
}

// open returns a directory that other users can be let into: below the lab's own
// where we are the only one and its name can stand in a command of a server's
// configuration, elsewhere where servers run as somebody else or it cannot.
func (c *claim) open(name string) (string, error) {
	if dir := c.path(systemsDir, name); os.Geteuid() != 0 && !awkward(dir) {
		return dir, nil
	}
	for _, parent := range []string{os.TempDir(), "/tmp", "/var/tmp"} {
		if passable(parent) {
			return c.elsewhere(parent)
		}
	}
	return "", errors.New("start lab: other users can pass to none of the directories for temporary files: set TMPDIR to one")
}

// awkward reports whether a path holds what means something else in a shell's
// double quotes, in a quoted setting of PostgreSQL, or in archive_command.
func awkward(path string) bool { return strings.ContainsAny(path, "'\"\\%$`\n") }

// passable reports whether every user can get to what is in a directory.
func passable(dir string) bool {
	for {
		st, err := os.Stat(dir)
		if err != nil || st.Mode().Perm()&0o001 == 0 {
			return false
		}
		if parent := filepath.Dir(dir); parent != dir {
			dir = parent
			continue
		}
		return true
	}
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// socketPath returns where the socket goes: the lab's directory, or one with a
// shorter path.
func (c *claim) socketPath() (string, error) {
	if path := c.path(socketFile); len(path) <= maxSocketPath {
		return path, nil
	}
	dir, err := c.elsewhere("")
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, socketFile), nil
}

// release gives the directory back. The lock file stays: whoever removed it
// might remove it from under the next lab.
func (c *claim) release() {
	_ = c.clean()
	_ = c.lock.Close()
}

// writeInfo writes lab.json; from then on Connect finds the lab.
func (c *claim) writeInfo(info Info) error {
	data, err := json.MarshalIndent(info, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", infoFile, err)
	}
	return writeFile(c.path(infoFile), append(data, '\n'))
}

// readInfo reads the lab.json of a directory.
func readInfo(dir string) (Info, error) {
	var info Info
	data, err := os.ReadFile(filepath.Join(dir, infoFile))
	if err != nil {
		return info, err
	}
	if err := json.Unmarshal(data, &info); err != nil {
		return info, fmt.Errorf("read %s: %w", filepath.Join(dir, infoFile), err)
	}
	return info, nil
}

// writeFile replaces a file at once, readable by its owner only.
func writeFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
