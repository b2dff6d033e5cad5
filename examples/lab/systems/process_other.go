//go:build !linux

package systems

import "syscall"

// attributes put a child into a group of its own. Here, it outlives this
// process if that is killed.
func attributes(syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
