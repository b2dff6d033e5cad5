package host

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// processAttributes puts a plugin into a process group of its own, so that
// Ctrl-C on the terminal is the host's alone and a kill reaches its children,
// and ends it with the host.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// awaitExit returns when the process has ended, and true if its pid is not
// free for another yet, so that its group can still be killed by number.
func awaitExit(pid int) bool {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, syscall.EINTR) {
			return err == nil
		}
	}
}
