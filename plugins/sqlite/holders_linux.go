package sqlite

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// holders lists the processes that have a file open, as far as we may look:
// a connection that does nothing holds no lock.
func holders(file string) []string {
	want, err := os.Stat(file)
	if err != nil {
		return nil
	}
	id := want.Sys().(*syscall.Stat_t)
	var found []string
	processes, _ := os.ReadDir("/proc")
	for _, p := range processes {
		pid, err := strconv.Atoi(p.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		dir := filepath.Join("/proc", p.Name())
		fds, _ := os.ReadDir(filepath.Join(dir, "fd"))
		for _, fd := range fds {
			var s syscall.Stat_t
			if syscall.Stat(filepath.Join(dir, "fd", fd.Name()), &s) == nil && s.Ino == id.Ino && s.Dev == id.Dev {
				name, _ := os.ReadFile(filepath.Join(dir, "comm"))
				found = append(found, "process "+p.Name()+" ("+strings.TrimSpace(string(name))+")")
				break
			}
		}
	}
	return found
}
