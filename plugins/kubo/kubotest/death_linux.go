package kubotest

import "syscall"

// attributes have the kernel end a node with this process, and keep Ctrl-C of a
// terminal from it.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
