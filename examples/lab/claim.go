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
}

// Names of the files in a lab's directory.
const (
	infoFile   = "lab.json"
	lockFile   = "lab.lock"
	configFile = "runbook.yaml"
	socketFile = "haproxy.sock"
)

// socketDirPrefix begins the names of temporary directories that hold the
// socket where the lab's own directory has too long a path.
const socketDirPrefix = "runbook-lab-"

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
	dir       string // absolute
	lock      *os.File
	socketDir string // a temporary directory to remove, or ""
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

func (c *claim) path(name string) string { return filepath.Join(c.dir, name) }

// clean removes the traces of an earlier lab.
func (c *claim) clean() error {
	if old, err := readInfo(c.dir); err == nil {
		if parent := filepath.Dir(old.Socket); strings.HasPrefix(filepath.Base(parent), socketDirPrefix) {
			_ = os.Remove(filepath.Join(parent, socketFile))
			_ = os.Remove(parent) // only if it is empty
		}
	}
	return errors.Join(remove(c.path(infoFile)), remove(c.path(socketFile)))
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
	dir, err := os.MkdirTemp("", socketDirPrefix)
	if err != nil {
		return "", fmt.Errorf("start lab: %w", err)
	}
	c.socketDir = dir
	return filepath.Join(dir, socketFile), nil
}

// release gives the directory back. The lock file stays: whoever removed it
// might remove it from under the next lab.
func (c *claim) release() {
	_ = remove(c.path(infoFile))
	_ = remove(c.path(socketFile))
	if c.socketDir != "" {
		_ = remove(filepath.Join(c.socketDir, socketFile))
		_ = remove(c.socketDir)
	}
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
