//go:build unix && !linux

package host

import "syscall"

// processAttributes puts a plugin into a process group of its own, so that
// Ctrl-C on the terminal is the host's alone and a kill reaches its children.
// Its end with the host rests on the pipe alone here.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// awaitExit is for systems that can wait for a process without freeing its
// pid; this one leaves what a dead plugin left behind alone.
func awaitExit(int) bool { return false }
