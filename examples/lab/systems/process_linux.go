package systems

import "syscall"

// attributes put a child into a group of its own, and have the kernel end it
// when this process dies.
func attributes(death syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: death}
}
